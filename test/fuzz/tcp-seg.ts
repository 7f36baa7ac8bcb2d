/** TCP segments as an outsider reads them: by the offsets of RFC 791 and RFC 9293 §3.1, with none of the stack's code. */

export interface Segment {
  sport: number
  dport: number
  /** uint32. */
  seq: number
  ack: number
  fin: boolean
  syn: boolean
  rst: boolean
  acks: boolean
  /** As in the header. */
  win: number
  data: Uint8Array
  /** Sequence numbers that it occupies. */
  space: number
  /** Header and options, bytes. */
  header: number
  packet: number
  mss: number
  wscale: number
  sackOk: boolean
  ts: readonly [number, number] | null
  sack: (readonly [number, number])[]
}

/** The segment in an IPv4 packet; null for what a receiver must not look at: other protocols, fragments, bad sums. */
export function parseSegment(packet: Uint8Array): Segment | null {
  if (packet.length < 40 || packet[0] >> 4 !== 4 || packet[9] !== 6) return null
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  const ipLen = (packet[0] & 15) * 4
  const total = view.getUint16(2)
  if (ipLen < 20 || total > packet.length || total < ipLen + 20 || (view.getUint16(6) & 0x3fff) !== 0) return null
  if (sum16(packet, 0, ipLen, 0) !== 0xffff) return null
  const pseudo = view.getUint16(12) + view.getUint16(14) + view.getUint16(16) + view.getUint16(18) + 6 + total - ipLen
  if (sum16(packet, ipLen, total - ipLen, pseudo) !== 0xffff) return null
  const header = (packet[ipLen + 12] >> 4) * 4
  if (header < 20 || ipLen + header > total) return null
  const flags = packet[ipLen + 13]
  const data = packet.slice(ipLen + header, total)
  const [fin, syn] = [(flags & 1) !== 0, (flags & 2) !== 0]
  const s: Segment = {
    sport: view.getUint16(ipLen), dport: view.getUint16(ipLen + 2), seq: view.getUint32(ipLen + 4),
    ack: view.getUint32(ipLen + 8), fin, syn, rst: (flags & 4) !== 0, acks: (flags & 16) !== 0,
    win: view.getUint16(ipLen + 14), data, space: data.length + Number(fin) + Number(syn), header, packet: total,
    mss: -1, wscale: -1, sackOk: false, ts: null, sack: [],
  }
  readOptions(view, ipLen + 20, ipLen + header, s)
  return s
}

/** a − b as a signed distance (RFC 9293 §3.4). */
export function distance(a: number, b: number): number {
  return a - b | 0
}

function readOptions(view: DataView, from: number, end: number, s: Segment): void {
  for (let p = from; p < end;) {
    const kind = view.getUint8(p)
    if (kind === 0) return
    if (kind === 1) {
      p++
      continue
    }
    const len = p + 1 < end ? view.getUint8(p + 1) : 0
    if (len < 2 || p + len > end) return
    if (kind === 2 && len === 4) s.mss = view.getUint16(p + 2)
    else if (kind === 3 && len === 3) s.wscale = Math.min(14, view.getUint8(p + 2))
    else if (kind === 4 && len === 2) s.sackOk = true
    else if (kind === 8 && len === 10) s.ts = [view.getUint32(p + 2), view.getUint32(p + 6)]
    else if (kind === 5) {
      for (let q = p + 2; q + 8 <= p + len; q += 8) s.sack.push([view.getUint32(q), view.getUint32(q + 4)])
    }
    p += len
  }
}

function sum16(bytes: Uint8Array, at: number, len: number, start: number): number {
  let sum = start
  for (let i = 0; i < len; i++) sum += i % 2 === 0 ? bytes[at + i] << 8 : bytes[at + i]
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return sum
}
