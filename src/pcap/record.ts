/** The records of a capture, whatever its format: packets, interfaces, limits, and the link types we write. */

/** A point in time since 1970-01-01 UTC (or since a Vnet's boot, in captures of virtual time). */
export interface CaptureTime {
  /** Whole seconds; negative only through pcapng's if_tsoffset. */
  sec: number
  /** 0…999,999,999. */
  nsec: number
}

/** One captured packet. */
export interface CaptureRecord extends CaptureTime {
  /** Number of the record in the file, from 1, as Wireshark and `CaptureError` count. */
  index: number
  /** Position in the reader's `interfaces`; always 0 in a classic capture. */
  iface: number
  linkType: number
  /** False for pcapng's simple packet block, which carries no time (sec and nsec are 0). */
  timed: boolean
  /** Bytes captured; `data.length`. */
  capLen: number
  /** Bytes the packet had on the link. A corrupt capture may say less than capLen. */
  origLen: number
  /** epb_flags, 0 when there are none; the low two bits are the direction (PACKET_IN, PACKET_OUT). */
  flags: number
  comments: string[]
  /** The packet: a copy that belongs to whoever receives the record. */
  data: Uint8Array
  /** Where the record's header or block starts in the file. */
  fileOffset: number
}

/** An interface description; a classic capture has exactly one. */
export interface CaptureInterface {
  /** Section of the file it was declared in, from 0. */
  section: number
  linkType: number
  /** Most bytes captured of a packet, 0 when unlimited. */
  snapLen: number
  name: string
  description: string
  /** Resolution as in if_tsresol: n is 10^-n s, 128 + n is 2^-n s. */
  tsResol: number
  /** Seconds to add to every timestamp. */
  tsOffset: number
}

export type CaptureFormat = 'pcap' | 'pcapng'

export interface CaptureLimits {
  /** Most bytes of one packet. */
  maxRecordBytes: number
  /** Most bytes of one pcapng block. */
  maxBlockBytes: number
  /** Most interfaces in a file, all sections together. */
  maxInterfaces: number
}

/** Wireshark's limits for packets and blocks. */
export const DEFAULT_LIMITS: Readonly<CaptureLimits> = Object.freeze({
  maxRecordBytes: 262_144,
  maxBlockBytes: 16 * 1024 * 1024,
  maxInterfaces: 4096,
})

export const LINKTYPE_NULL = 0
export const LINKTYPE_ETHERNET = 1
/** A bare IPv4 or IPv6 packet. */
export const LINKTYPE_RAW = 101

/** epb_flags, direction: the packet came in, or went out. */
export const PACKET_IN = 1
export const PACKET_OUT = 2
