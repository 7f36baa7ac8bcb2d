/** One writer for both formats: what to put at the start of a capture and for each packet. No Node, no files. */

import { DEFAULT_LIMITS, LINKTYPE_ETHERNET, PACKET_IN, PACKET_OUT } from './record.ts'
import type { CaptureFormat, CaptureTime } from './record.ts'
import { TSRESOL_NS, TSRESOL_US, timeFromUs } from './time.ts'
import { pcapngInterface, pcapngPacket, pcapngSection } from './write-ng.ts'
import { pcapHeader, pcapRecord } from './write-pcap.ts'
import type { PcapOptions } from './write-pcap.ts'

export interface CaptureEncoderOptions {
  format: CaptureFormat
  /** Default LINKTYPE_ETHERNET. */
  linkType?: number
  /** pcapng: names of the interfaces to declare at once, all of `linkType`; default one without a name. */
  interfaces?: readonly string[]
  /** Timestamps in nanoseconds; default only in pcapng. */
  nanos?: boolean
  /** Longer packets are cut; default 262,144. */
  snapLen?: number
}

export interface WriteOptions {
  /** pcapng: id of the interface, default 0. */
  iface?: number
  /** pcapng only. */
  direction?: 'in' | 'out'
  /** pcapng only. */
  comment?: string
  /** Bytes the packet had on the link, when `bytes` is not all of it. */
  origLen?: number
}

/** Returns bytes; the caller appends them to the capture in the order of the calls. */
export interface CaptureEncoder {
  /** What the capture begins with. */
  readonly header: Uint8Array
  /** A packet at a time in microseconds, or an exact one. RangeError when a field does not fit the format. */
  packet(time: number | CaptureTime, bytes: Uint8Array, options?: WriteOptions): Uint8Array
  /** pcapng: the declaration of one more interface, and its id. RangeError in a classic capture. */
  addInterface(name: string, linkType?: number): { id: number; bytes: Uint8Array }
}

/** RangeError when the options do not fit the format. */
export function createCaptureEncoder(options: CaptureEncoderOptions): CaptureEncoder {
  if (options.snapLen === 0) throw new RangeError('snaplen 0 would cut every packet to nothing')
  return options.format === 'pcap' ? classicEncoder(options) : ngEncoder(options)
}

function classicEncoder(options: CaptureEncoderOptions): CaptureEncoder {
  if (options.interfaces !== undefined) throw new RangeError('a classic capture names no interfaces; use pcapng')
  const snapLen = options.snapLen ?? DEFAULT_LIMITS.maxRecordBytes
  const pcap: PcapOptions = { linkType: options.linkType ?? LINKTYPE_ETHERNET, nanos: options.nanos ?? false, snapLen }
  return {
    header: pcapHeader(pcap),
    packet(time, bytes, how = {}) {
      const iface = how.iface ?? 0
      if (iface !== 0) throw new RangeError(`interface ${iface}: a classic capture has only interface 0`)
      return pcapRecord(exact(time), bytes.subarray(0, snapLen), pcap, how.origLen ?? bytes.length)
    },
    addInterface() { throw new RangeError('a classic capture has only one interface; use pcapng') },
  }
}

function ngEncoder(options: CaptureEncoderOptions): CaptureEncoder {
  const snapLen = options.snapLen ?? DEFAULT_LIMITS.maxRecordBytes
  const tsResol = options.nanos === false ? TSRESOL_US : TSRESOL_NS
  let count = 0
  const declare = (name: string, linkType: number = options.linkType ?? LINKTYPE_ETHERNET): Uint8Array => {
    count++
    return pcapngInterface({ linkType, snapLen, tsResol, ...(name === '' ? {} : { name }) })
  }
  return {
    header: join([pcapngSection(), ...(options.interfaces ?? ['']).map((name) => declare(name))]),
    packet(time, bytes, how = {}) {
      const iface = how.iface ?? 0
      if (iface >= count) throw new RangeError(`interface ${iface}, but the capture has declared ${count}`)
      const flags = how.direction === undefined ? 0 : how.direction === 'in' ? PACKET_IN : PACKET_OUT
      const comments = how.comment === undefined ? [] : [how.comment]
      const origLen = how.origLen ?? bytes.length
      return pcapngPacket(exact(time), bytes.subarray(0, snapLen), { iface, tsResol, origLen, flags, comments })
    },
    addInterface(name, linkType) {
      const bytes = declare(name, linkType)
      return { id: count - 1, bytes }
    },
  }
}

function exact(time: number | CaptureTime): CaptureTime {
  return typeof time === 'number' ? timeFromUs(time) : time
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
