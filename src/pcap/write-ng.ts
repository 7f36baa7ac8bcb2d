/** pcapng, written (draft-ietf-opsawg-pcapng): pure encoders of whole blocks, the caller concatenates them. */

import { BLOCK_MIN_BYTES, BYTE_ORDER_MAGIC, ENHANCED_PACKET, INTERFACE_DESCRIPTION, OPT_FLAGS, SECTION_HEADER,
  SIMPLE_PACKET } from './ng.ts'
import { IF_DESCRIPTION, IF_NAME, IF_TSRESOL, OPT_COMMENT } from './ng-options.ts'
import { LINKTYPE_ETHERNET } from './record.ts'
import type { CaptureTime } from './record.ts'
import { TSRESOL_US, timeToUnits } from './time.ts'
import { checkU16, checkU32, checkU8 } from './write-check.ts'

export interface PcapngSectionOptions {
  /** Byte order of every block of the section; default little-endian. */
  bigEndian?: boolean
  /** The program that wrote it, default "vimage". */
  userappl?: string
  comments?: readonly string[]
}

export interface PcapngInterfaceOptions {
  bigEndian?: boolean
  /** Default LINKTYPE_ETHERNET. */
  linkType?: number
  /** Most bytes captured of a packet, default 0 (unlimited). */
  snapLen?: number
  name?: string
  description?: string
  /** n: 10^-n s, 128 + n: 2^-n s; default TSRESOL_US. The interface's packets need the same. */
  tsResol?: number
}

export interface PcapngPacketOptions {
  bigEndian?: boolean
  /** Id of the interface, its position in the section; default 0. */
  iface?: number
  tsResol?: number
  /** Bytes the packet had on the link, default all of `data`. */
  origLen?: number
  /** epb_flags (PACKET_IN, PACKET_OUT); left out when 0. */
  flags?: number
  comments?: readonly string[]
}

const SHB_USERAPPL = 4

/** The section header: the first block of a file. */
export function pcapngSection(options: PcapngSectionOptions = {}): Uint8Array {
  const le = options.bigEndian !== true
  const fixed = new DataView(new ArrayBuffer(16))
  fixed.setUint32(0, BYTE_ORDER_MAGIC, le)
  fixed.setUint16(4, 1, le)
  // §4.1: section length unspecified, so that the file can grow
  fixed.setUint32(8, 0xffffffff)
  fixed.setUint32(12, 0xffffffff)
  const strings = [textOption(SHB_USERAPPL, options.userappl ?? 'vimage'), ...comments(options.comments)]
  return pcapngBlock(SECTION_HEADER, [bytesOf(fixed), ...pcapngOptions(strings, le)], le)
}

/** Declares the section's next interface (§4.2); packets name it by position. */
export function pcapngInterface(options: PcapngInterfaceOptions = {}): Uint8Array {
  const le = options.bigEndian !== true
  const fixed = new DataView(new ArrayBuffer(8))
  fixed.setUint16(0, checkU16('link type', options.linkType ?? LINKTYPE_ETHERNET), le)
  fixed.setUint32(4, checkU32('snaplen', options.snapLen ?? 0), le)
  const list: PcapngOption[] = []
  if (options.name !== undefined) list.push(textOption(IF_NAME, options.name))
  if (options.description !== undefined) list.push(textOption(IF_DESCRIPTION, options.description))
  const tsResol = checkU8('if_tsresol', options.tsResol ?? TSRESOL_US)
  list.push({ code: IF_TSRESOL, value: Uint8Array.of(tsResol) })
  return pcapngBlock(INTERFACE_DESCRIPTION, [bytesOf(fixed), ...pcapngOptions(list, le)], le)
}

/** An enhanced packet block (§4.3). RangeError when the time is before 1970 or does not fit 64 bits. */
export function pcapngPacket(time: CaptureTime, data: Uint8Array, options: PcapngPacketOptions = {}): Uint8Array {
  const le = options.bigEndian !== true
  const units = timeToUnits(time, options.tsResol ?? TSRESOL_US)
  const fixed = new DataView(new ArrayBuffer(20))
  fixed.setUint32(0, checkU32('interface', options.iface ?? 0), le)
  fixed.setUint32(4, Number(units >> 32n), le)
  fixed.setUint32(8, Number(units & 0xffffffffn), le)
  fixed.setUint32(12, data.length, le)
  fixed.setUint32(16, checkU32('original length', options.origLen ?? data.length), le)
  const list = comments(options.comments)
  const flags = checkU32('flags', options.flags ?? 0)
  if (flags !== 0) list.push({ code: OPT_FLAGS, value: u32(flags, le) })
  return pcapngBlock(ENHANCED_PACKET, [bytesOf(fixed), data, padding(data.length), ...pcapngOptions(list, le)], le)
}

/** A simple packet block (§4.4): no time, interface 0, `data` must be the packet up to that interface's snaplen. */
export function pcapngSimplePacket(data: Uint8Array, bigEndian = false, origLen: number = data.length): Uint8Array {
  const fixed = u32(checkU32('original length', origLen), !bigEndian)
  return pcapngBlock(SIMPLE_PACKET, [fixed, data, padding(data.length)], !bigEndian)
}

/** Any block: type, length, the parts of the body (together a multiple of four bytes), length. */
export function pcapngBlock(type: number, parts: readonly Uint8Array[], littleEndian: boolean): Uint8Array {
  const total = parts.reduce((sum, part) => sum + part.length, BLOCK_MIN_BYTES)
  if (total % 4 !== 0) throw new RangeError(`block length ${total} is not a multiple of 4`)
  const bytes = new Uint8Array(total)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, type, littleEndian)
  view.setUint32(4, total, littleEndian)
  let at = 8
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  view.setUint32(at, total, littleEndian)
  return bytes
}

interface PcapngOption {
  code: number
  value: Uint8Array
}

/** The options as they stand in a block, ended by opt_endofopt (§3.5); nothing when there are none. */
function pcapngOptions(list: readonly PcapngOption[], le: boolean): Uint8Array[] {
  if (list.length === 0) return []
  const parts: Uint8Array[] = []
  for (const { code, value } of list) {
    const head = new DataView(new ArrayBuffer(4))
    head.setUint16(0, code, le)
    head.setUint16(2, checkU16('option length', value.length), le)
    parts.push(bytesOf(head), value, padding(value.length))
  }
  parts.push(new Uint8Array(4))
  return parts
}

function comments(list: readonly string[] = []): PcapngOption[] {
  return list.map((comment) => textOption(OPT_COMMENT, comment))
}

function textOption(code: number, value: string): PcapngOption {
  return { code, value: new TextEncoder().encode(value) }
}

function u32(value: number, le: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(4))
  view.setUint32(0, value, le)
  return bytesOf(view)
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

function padding(n: number): Uint8Array {
  return new Uint8Array(-n & 3)
}
