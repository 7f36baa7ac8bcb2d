/** Classic pcap, written (draft-ietf-opsawg-pcap §4, §5): pure encoders, the caller concatenates what they return. */

import { FILE_HEADER_BYTES, MAGIC_NS, MAGIC_US, RECORD_HEADER_BYTES, VERSION_MAJOR, VERSION_MINOR } from './classic.ts'
import { DEFAULT_LIMITS, LINKTYPE_ETHERNET } from './record.ts'
import type { CaptureTime } from './record.ts'
import { checkTime } from './time.ts'
import { checkU16, checkU32 } from './write-check.ts'

/** The same options go to the header and to every record of a file. */
export interface PcapOptions {
  /** Timestamps in nanoseconds instead of microseconds. */
  nanos?: boolean
  /** Default is little-endian, which every reader expects first. */
  bigEndian?: boolean
  /** Default LINKTYPE_ETHERNET. */
  linkType?: number
  /** Most bytes a record of this file has (default 262,144). */
  snapLen?: number
}

/** The 24 bytes at the start of a file. */
export function pcapHeader(options: PcapOptions = {}): Uint8Array {
  const le = options.bigEndian !== true
  const bytes = new Uint8Array(FILE_HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, options.nanos === true ? MAGIC_NS : MAGIC_US, le)
  view.setUint16(4, VERSION_MAJOR, le)
  view.setUint16(6, VERSION_MINOR, le)
  view.setUint32(16, checkU32('snaplen', options.snapLen ?? DEFAULT_LIMITS.maxRecordBytes), le)
  view.setUint32(20, checkU16('link type', options.linkType ?? LINKTYPE_ETHERNET), le)
  return bytes
}

/**
 * One record: `data` as captured of a packet of `origLen` bytes. A time finer than the file's resolution is cut.
 * RangeError when the time is before 1970 or after 2106.
 */
export function pcapRecord(time: CaptureTime, data: Uint8Array, options: PcapOptions = {},
  origLen: number = data.length): Uint8Array {
  checkTime(time)
  const le = options.bigEndian !== true
  const bytes = new Uint8Array(RECORD_HEADER_BYTES + data.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, checkU32('seconds', time.sec), le)
  view.setUint32(4, options.nanos === true ? time.nsec : Math.floor(time.nsec / 1000), le)
  view.setUint32(8, data.length, le)
  view.setUint32(12, checkU32('original length', origLen), le)
  bytes.set(data, RECORD_HEADER_BYTES)
  return bytes
}
