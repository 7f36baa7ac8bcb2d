/**
 * Captures by hand, from the drafts' figures (draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng) and not through the
 * writers under test. `Order` builds the parts of a file in one byte order.
 */

export interface Order {
  u16(...values: number[]): number[]
  u32(...values: number[]): number[]
  /** Classic file header with this magic. */
  fileHeader(magic: number, linkType?: number, snapLen?: number): number[]
  record(sec: number, fraction: number, data: readonly number[], origLen?: number, capLen?: number): number[]
  /** Any block, its body padded to 32 bits. */
  block(type: number, body: readonly number[]): number[]
  section(...options: number[][]): number[]
  iface(linkType: number, snapLen: number, ...options: number[][]): number[]
  packet(id: number, units: bigint, data: readonly number[], ...options: number[][]): number[]
  simple(origLen: number, data: readonly number[]): number[]
  oldPacket(id: number, units: bigint, data: readonly number[], ...options: number[][]): number[]
  option(code: number, value: readonly number[]): number[]
}

export const LE = order(true)
export const BE = order(false)
export const ORDERS = [['little-endian', LE], ['big-endian', BE]] as const

export const MAGIC_US = 0xa1b2c3d4
export const MAGIC_NS = 0xa1b23c4d
export const DATA = [0xde, 0xad, 0xbe, 0xef, 0x01]

export function bytes(...parts: (readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flat())
}

export function ascii(text: string): number[] {
  return [...text].map((c) => c.charCodeAt(0))
}

function order(le: boolean): Order {
  const turn = (big: number[]): number[] => (le ? big.reverse() : big)
  const u16 = (...values: number[]): number[] => values.flatMap((v) => turn([(v >> 8) & 255, v & 255]))
  const u32 = (...values: number[]): number[] =>
    values.flatMap((v) => turn([(v >>> 24) & 255, (v >>> 16) & 255, (v >>> 8) & 255, v & 255]))
  const words = (v: bigint): number[] => u32(Number(v >> 32n), Number(v & 0xffffffffn))
  const pad = (value: readonly number[]): number[] => [...value, ...new Array<number>(-value.length & 3).fill(0)]
  const block = (type: number, body: readonly number[]): number[] => {
    const padded = pad(body)
    const total = padded.length + 12
    return [...u32(type, total), ...padded, ...u32(total)]
  }
  const list = (options: number[][]): number[] => (options.length === 0 ? [] : [...options.flat(), 0, 0, 0, 0])
  return {
    u16,
    u32,
    fileHeader: (magic, linkType = 1, snapLen = 65535) =>
      [...u32(magic), ...u16(2, 4), ...u32(0, 0, snapLen, linkType)],
    record: (sec, fraction, data, origLen = data.length, capLen = data.length) =>
      [...u32(sec, fraction, capLen, origLen), ...data],
    block,
    section: (...options) => block(0x0a0d0d0a, [...u32(0x1a2b3c4d), ...u16(1, 0), ...u32(-1, -1), ...list(options)]),
    iface: (linkType, snapLen, ...options) => block(1, [...u16(linkType, 0), ...u32(snapLen), ...list(options)]),
    packet: (id, units, data, ...options) =>
      block(6, [...u32(id), ...words(units), ...u32(data.length, data.length), ...pad(data), ...list(options)]),
    simple: (origLen, data) => block(3, [...u32(origLen), ...data]),
    oldPacket: (id, units, data, ...options) => block(2, [
      ...u16(id, 0xffff), ...words(units), ...u32(data.length, data.length), ...pad(data), ...list(options),
    ]),
    option: (code, value) => [...u16(code, value.length), ...pad(value)],
  }
}
