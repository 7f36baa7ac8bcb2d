/**
 * pcapng (draft-ietf-opsawg-pcapng): the blocks of a file, in sections of either byte order. Section headers,
 * interface descriptions and the three packet blocks are read; every other block is checked for length and skipped.
 */

import { ngComment, ngInterfaceOption, ngOptions } from './ng-options.ts'
import { TSRESOL_US, timeFromUnits } from './time.ts'
import { captureFail, captureReady } from './state.ts'
import type { CaptureReader } from './state.ts'
import type { CaptureInterface } from './record.ts'

/** Block types (§11.1). The section header reads the same in both byte orders. */
export const SECTION_HEADER = 0x0a0d0d0a
export const INTERFACE_DESCRIPTION = 1
export const OLD_PACKET = 2
export const SIMPLE_PACKET = 3
export const ENHANCED_PACKET = 6

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d
/** Type, length, and the length again. */
export const BLOCK_MIN_BYTES = 12

export const OPT_FLAGS = 2

/** Reads the block at `at`; returns its length, or 0 after setting `need` when it is not all there. */
export function ngBlock(r: CaptureReader, bytes: Uint8Array, view: DataView, at: number, avail: number): number {
  if (avail < BLOCK_MIN_BYTES) {
    r.need = BLOCK_MIN_BYTES
    return 0
  }
  const starts = view.getUint32(at) === SECTION_HEADER
  const le = starts ? sectionOrder(r, view, at) : r.littleEndian
  const type = view.getUint32(at, le)
  const total = view.getUint32(at + 4, le)
  const least = BLOCK_MIN_BYTES + bodyBytes(type)
  if (total < least) blockFail(r, type, `block length ${total}, expected at least ${least}`)
  if (total % 4 !== 0) blockFail(r, type, `block length ${total} is not a multiple of 4`)
  const most = r.limits.maxBlockBytes
  if (total > most) blockFail(r, type, `block length ${total} exceeds limit ${most}`)
  if (avail < total) {
    r.need = total
    return 0
  }
  const again = view.getUint32(at + total - 4, le)
  if (again !== total) blockFail(r, type, `block length ${total} at its start, ${again} at its end`)
  const body = at + 8
  const end = at + total - 4
  switch (type) {
    case SECTION_HEADER: section(r, view, body, le); break
    case INTERFACE_DESCRIPTION: interfaceBlock(r, bytes, view, body, end); break
    case ENHANCED_PACKET: packet(r, bytes, view, body, end, view.getUint32(body, le)); break
    case OLD_PACKET: packet(r, bytes, view, body, end, view.getUint16(body, le)); break
    case SIMPLE_PACKET: simplePacket(r, bytes, view, body, end); break
  }
  return total
}

/** Byte order of the section that starts here (§4.1). */
function sectionOrder(r: CaptureReader, view: DataView, at: number): boolean {
  const magic = view.getUint32(at + 8)
  if (magic === BYTE_ORDER_MAGIC) return false
  if (view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC) return true
  return blockFail(r, SECTION_HEADER, `byte-order magic 0x${magic.toString(16)}, expected 0x1a2b3c4d in either order`)
}

/** A new section forgets the interfaces of the one before (§4.1): ids count from 0 again. */
function section(r: CaptureReader, view: DataView, body: number, le: boolean): void {
  const major = view.getUint16(body + 4, le)
  const minor = view.getUint16(body + 6, le)
  // §4.1: 1.2 is what some writers put for 1.0, and readers take it as that
  if (major !== 1 || (minor !== 0 && minor !== 2)) {
    blockFail(r, SECTION_HEADER, `version ${major}.${minor}, expected 1.0`)
  }
  r.format = 'pcapng'
  r.littleEndian = le
  r.section++
  r.sectionIface = r.interfaces.length
}

function interfaceBlock(r: CaptureReader, bytes: Uint8Array, view: DataView, body: number, end: number): void {
  if (r.interfaces.length >= r.limits.maxInterfaces) {
    blockFail(r, INTERFACE_DESCRIPTION, `more than ${r.limits.maxInterfaces} interfaces`)
  }
  const le = r.littleEndian
  const iface: CaptureInterface = {
    section: r.section, linkType: view.getUint16(body, le), snapLen: view.getUint32(body + 4, le), name: '',
    description: '', tsResol: TSRESOL_US, tsOffset: 0,
  }
  const bad = ngOptions(view, body + 8, end, le, (code, at, len) =>
    ngInterfaceOption(iface, code, bytes, view, at, len, le))
  if (bad !== '') blockFail(r, INTERFACE_DESCRIPTION, bad)
  r.interfaces.push(iface)
}

/** Enhanced and (obsolete) packet block: they differ in how wide the interface id is (§4.3, appendix A). */
function packet(r: CaptureReader, bytes: Uint8Array, view: DataView, body: number, end: number, id: number): void {
  const le = r.littleEndian
  const iface = interfaceOf(r, id)
  const capLen = view.getUint32(body + 12, le)
  const data = packetData(r, bytes, body + 20, end, capLen)
  const comments: string[] = []
  let flags = 0
  const bad = ngOptions(view, body + 20 + padded(capLen), end, le, (code, at, len) => {
    if (code === OPT_FLAGS && len !== 4) return `flags option of ${len} bytes, expected 4`
    if (code === OPT_FLAGS) flags = view.getUint32(at, le)
    else ngComment(comments, code, bytes, at, len)
    return ''
  })
  if (bad !== '') blockFail(r, ENHANCED_PACKET, bad)
  const time = timeFromUnits(view.getUint32(body + 4, le), view.getUint32(body + 8, le), iface.tsResol, iface.tsOffset)
  captureReady(r, {
    index: r.records + 1, iface: r.sectionIface + id, linkType: iface.linkType, timed: true, sec: time.sec,
    nsec: time.nsec, capLen, origLen: view.getUint32(body + 16, le), flags, comments, data, fileOffset: r.offset,
  })
}

/** §4.4: no length of its own; what was captured follows from the first interface's snaplen. */
function simplePacket(r: CaptureReader, bytes: Uint8Array, view: DataView, body: number, end: number): void {
  const iface = interfaceOf(r, 0)
  const origLen = view.getUint32(body, r.littleEndian)
  const capLen = iface.snapLen === 0 ? origLen : Math.min(origLen, iface.snapLen)
  const data = packetData(r, bytes, body + 4, end, capLen)
  captureReady(r, {
    index: r.records + 1, iface: r.sectionIface, linkType: iface.linkType, timed: false, sec: 0, nsec: 0, capLen,
    origLen, flags: 0, comments: [], data, fileOffset: r.offset,
  })
}

function interfaceOf(r: CaptureReader, id: number): CaptureInterface {
  const iface = r.interfaces[r.sectionIface + id]
  if (iface !== undefined) return iface
  const declared = r.interfaces.length - r.sectionIface
  return blockFail(r, ENHANCED_PACKET, `interface ${id}, but the section has declared ${declared}`)
}

function packetData(r: CaptureReader, bytes: Uint8Array, at: number, end: number, capLen: number): Uint8Array {
  const most = r.limits.maxRecordBytes
  if (capLen > most) blockFail(r, ENHANCED_PACKET, `captured length ${capLen} exceeds limit ${most}`)
  const room = end - at
  if (capLen > room) blockFail(r, ENHANCED_PACKET, `captured length ${capLen}, but the block has room for ${room}`)
  return bytes.slice(at, at + capLen)
}

/** Bytes that a block of this type has at least between its lengths. */
function bodyBytes(type: number): number {
  switch (type) {
    case SECTION_HEADER: return 16
    case INTERFACE_DESCRIPTION: return 8
    case ENHANCED_PACKET: case OLD_PACKET: return 20
    case SIMPLE_PACKET: return 4
    default: return 0
  }
}

function blockFail(r: CaptureReader, type: number, reason: string): never {
  return captureFail(r, blockName(type, r.records + 1), reason)
}

function blockName(type: number, record: number): string {
  switch (type) {
    case SECTION_HEADER: return 'section header'
    case INTERFACE_DESCRIPTION: return 'interface description'
    case ENHANCED_PACKET: case OLD_PACKET: case SIMPLE_PACKET: return `record ${record}`
    default: return `block of type 0x${type.toString(16)}`
  }
}

function padded(n: number): number {
  return (n + 3) & ~3
}
