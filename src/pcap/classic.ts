/** Classic pcap (draft-ietf-opsawg-pcap §4, §5): file header and records, either byte order, µs or ns. */

import { TSRESOL_NS, TSRESOL_US, timeFromFraction } from './time.ts'
import { captureFail, captureReady } from './state.ts'
import type { CaptureReader } from './state.ts'

export const MAGIC_US = 0xa1b2c3d4
export const MAGIC_NS = 0xa1b23c4d
export const FILE_HEADER_BYTES = 24
export const RECORD_HEADER_BYTES = 16
export const VERSION_MAJOR = 2
export const VERSION_MINOR = 4

/** Reads the file header at `at`; returns its length, or 0 after setting `need` when it is not all there. */
export function classicHeader(r: CaptureReader, view: DataView, at: number, avail: number): number {
  const magic = view.getUint32(at)
  const swapped = view.getUint32(at, true)
  const littleEndian = swapped === MAGIC_US || swapped === MAGIC_NS
  if (!littleEndian && magic !== MAGIC_US && magic !== MAGIC_NS) captureFail(r, 'file header', notACapture(magic))
  if (avail < FILE_HEADER_BYTES) {
    r.need = FILE_HEADER_BYTES
    return 0
  }
  const major = view.getUint16(at + 4, littleEndian)
  const minor = view.getUint16(at + 6, littleEndian)
  if (major !== VERSION_MAJOR || minor !== VERSION_MINOR) {
    captureFail(r, 'file header', `version ${major}.${minor}, expected ${VERSION_MAJOR}.${VERSION_MINOR}`)
  }
  r.format = 'pcap'
  r.littleEndian = littleEndian
  r.nanos = (littleEndian ? swapped : magic) === MAGIC_NS
  r.section = 0
  r.interfaces.push({
    section: 0,
    // the high half says whether and how long a frame check sequence follows each packet; it does not change the type
    linkType: view.getUint32(at + 20, littleEndian) & 0xffff,
    snapLen: view.getUint32(at + 16, littleEndian),
    name: '',
    description: '',
    tsResol: r.nanos ? TSRESOL_NS : TSRESOL_US,
    tsOffset: 0,
  })
  return FILE_HEADER_BYTES
}

/**
 * Reads the record at `at`; returns its length, or 0 after setting `need` when it is not all there. A captured length
 * above snaplen or above the original length is common in the wild and accepted.
 */
export function classicRecord(r: CaptureReader, bytes: Uint8Array, view: DataView, at: number, avail: number): number {
  const le = r.littleEndian
  const capLen = view.getUint32(at + 8, le)
  if (capLen > r.limits.maxRecordBytes) {
    captureFail(r, `record ${r.records + 1}`, `captured length ${capLen} exceeds limit ${r.limits.maxRecordBytes}`)
  }
  const end = RECORD_HEADER_BYTES + capLen
  if (avail < end) {
    r.need = end
    return 0
  }
  const time = timeFromFraction(view.getUint32(at, le), view.getUint32(at + 4, le), r.nanos)
  captureReady(r, {
    index: r.records + 1, iface: 0, linkType: r.interfaces[0].linkType, timed: true,
    sec: time.sec, nsec: time.nsec, capLen, origLen: view.getUint32(at + 12, le), flags: 0, comments: [],
    data: bytes.slice(at + RECORD_HEADER_BYTES, at + end), fileOffset: r.offset,
  })
  return end
}

function notACapture(magic: number): string {
  const found = `found ${hex(magic)}`
  if (magic >>> 16 === 0x1f8b) return `${found}, which is gzip: decompress the file first`
  return `${found}, expected pcap (${hex(MAGIC_US)} or ${hex(MAGIC_NS)}, either byte order) or pcapng (0x0a0d0d0a)`
}

function hex(magic: number): string {
  return `0x${magic.toString(16).padStart(8, '0')}`
}
