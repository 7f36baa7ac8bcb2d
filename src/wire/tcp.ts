/** The TCP header (RFC 9293 §3.1); options are in `tcp-options.ts`. */
import { toSeq } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { decodeHeader, encodeHeader, half, header, offsetOf, signedWord } from './layout.ts'
import type { HeaderRecord } from './layout.ts'

const TCP = header(
  half('sport'), half('dport'), signedWord('seq'), signedWord('ack'), half('offFlags'),
  half('win'), half('sum'), half('urp'))

/**
 * The fixed 20 octets; `offFlags` is the word of data offset, reserved bits and flags, `seq` and `ack` are signed
 * int32.
 */
export type TcpHeader = HeaderRecord<typeof TCP>

export const TCP_SPORT = offsetOf(TCP, 'sport')
export const TCP_DPORT = offsetOf(TCP, 'dport')
export const TCP_SEQ = offsetOf(TCP, 'seq')
export const TCP_ACK = offsetOf(TCP, 'ack')
export const TCP_OFF_FLAGS = offsetOf(TCP, 'offFlags')
export const TCP_WIN = offsetOf(TCP, 'win')
export const TCP_SUM = offsetOf(TCP, 'sum')
export const TCP_URP = offsetOf(TCP, 'urp')
/** Length of the header without options, and the longest with them. */
export const TCP_HDR_LEN = TCP.size
export const TCP_MAX_HDR_LEN = 60
export const TCP_MAXWIN = 65535

/** Bits of the offset and flags word; the data offset is its top four bits, in 32-bit words. */
export const TH_FIN = 0x001
export const TH_SYN = 0x002
export const TH_RST = 0x004
export const TH_PUSH = 0x008
export const TH_ACK = 0x010
export const TH_URG = 0x020
/** RFC 3168 §6.1. */
export const TH_ECE = 0x040
export const TH_CWR = 0x080
/** RFC 9768. */
export const TH_AE = 0x100
/** Every assigned flag, and the whole low part of the word including reserved bits. */
export const TH_FLAGS = 0x1ff
export const TCP_FLAGS_MASK = 0x0fff
export const TCP_OFF_SHIFT = 12

/** Header length in octets (0…60) as the header at `at` states it; not validated. */
export function tcpDataOffset(view: DataView, at: number): number {
  return (view.getUint16(at + TCP_OFF_FLAGS) >> TCP_OFF_SHIFT) << 2
}

/** The assigned flags of the header at `at`. */
export function tcpFlags(view: DataView, at: number): number {
  return view.getUint16(at + TCP_OFF_FLAGS) & TH_FLAGS
}

/** The offset and flags word of a header of `headerLen` octets (a multiple of 4). */
export function tcpOffFlags(headerLen: number, flags: number): number {
  return (headerLen >> 2) << TCP_OFF_SHIFT | flags
}

export function tcpSeq(view: DataView, at: number): Seq {
  return toSeq(view.getInt32(at + TCP_SEQ))
}

export function tcpAck(view: DataView, at: number): Seq {
  return toSeq(view.getInt32(at + TCP_ACK))
}

export function decodeTcp(bytes: Uint8Array, at: number): TcpHeader {
  return decodeHeader(TCP, bytes, at)
}

export function encodeTcp(h: Readonly<TcpHeader>, bytes: Uint8Array, at: number): number {
  return encodeHeader(TCP, h, bytes, at)
}

/** tcpdump's letters: `S.`, `P.`, or `none`. */
export function printTcpFlags(flags: number): string {
  let text = ''
  for (const [bit, letter] of FLAG_LETTERS) if ((flags & bit) !== 0) text += letter
  return text === '' ? 'none' : text
}

const FLAG_LETTERS: readonly (readonly [number, string])[] = Object.freeze([
  [TH_FIN, 'F'], [TH_SYN, 'S'], [TH_RST, 'R'], [TH_PUSH, 'P'], [TH_ACK, '.'], [TH_URG, 'U'], [TH_ECE, 'E'],
  [TH_CWR, 'W'], [TH_AE, 'e']
] as const)

/**
 * tcpdump's words: `Flags [P.], seq 1:11, ack 1, win 512, options [nop,nop,TS val 1 ecr 2], length 10`. `options` is
 * the text from `printTcpOptions`, empty when there are none; `length` is the segment's data length in octets.
 */
export function printTcp(h: Readonly<TcpHeader>, options: string, length: number): string {
  const flags = h.offFlags & TH_FLAGS
  let text = `Flags [${printTcpFlags(flags)}]`
  if (length > 0) text += `, seq ${h.seq >>> 0}:${(h.seq + length) >>> 0}`
  else if ((flags & (TH_SYN | TH_FIN | TH_RST)) !== 0) text += `, seq ${h.seq >>> 0}`
  if ((flags & TH_ACK) !== 0) text += `, ack ${h.ack >>> 0}`
  text += `, win ${h.win}`
  if ((flags & TH_URG) !== 0) text += `, urg ${h.urp}`
  if (options !== '') text += `, options [${options}]`
  return `${text}, length ${length}`
}
