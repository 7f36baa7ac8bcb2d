/**
 * ICMP for IPv4 (RFC 792), with the next-hop MTU of RFC 1191 §4, the codes of RFC 1122 §3.2.2.1 and of RFC 1812
 * §5.2.7.1. Every message starts with type, code, checksum and a second word whose meaning depends on the type.
 */
import { byte, decodeHeader, encodeHeader, half, header, offsetOf, signedWord, word } from './layout.ts'
import type { HeaderRecord } from './layout.ts'

const ICMP = header(byte('type'), byte('code'), half('sum'), word('rest'))
const ECHO = header(byte('type'), byte('code'), half('sum'), half('id'), half('seq'))
const UNREACH = header(byte('type'), byte('code'), half('sum'), half('unused'), half('mtu'))
const REDIRECT = header(byte('type'), byte('code'), half('sum'), signedWord('gateway'))
const PARAM_PROB = header(byte('type'), byte('code'), half('sum'), byte('pointer'), byte('unused0'), half('unused1'))
const TIMESTAMP = header(
  byte('type'), byte('code'), half('sum'), half('id'), half('seq'),
  word('originate'), word('receive'), word('transmit'))

/** The part common to every type; `rest` is the second word (unused in time exceeded and source quench). */
export type IcmpHeader = HeaderRecord<typeof ICMP>
export type IcmpEcho = HeaderRecord<typeof ECHO>
/** `mtu` is 0 from routers older than RFC 1191. */
export type IcmpUnreach = HeaderRecord<typeof UNREACH>
export type IcmpRedirect = HeaderRecord<typeof REDIRECT>
/** `pointer` counts octets from the start of the quoted IP header. */
export type IcmpParamProb = HeaderRecord<typeof PARAM_PROB>
/** Times are milliseconds since midnight UT; the top bit marks a non-standard value. */
export type IcmpTimestamp = HeaderRecord<typeof TIMESTAMP>

export const ICMP_TYPE = offsetOf(ICMP, 'type')
export const ICMP_CODE = offsetOf(ICMP, 'code')
export const ICMP_SUM = offsetOf(ICMP, 'sum')
export const ICMP_REST = offsetOf(ICMP, 'rest')
export const ICMP_ID = offsetOf(ECHO, 'id')
export const ICMP_SEQ = offsetOf(ECHO, 'seq')
export const ICMP_MTU = offsetOf(UNREACH, 'mtu')
export const ICMP_GATEWAY = offsetOf(REDIRECT, 'gateway')
export const ICMP_POINTER = offsetOf(PARAM_PROB, 'pointer')
export const ICMP_OTIME = offsetOf(TIMESTAMP, 'originate')
export const ICMP_RTIME = offsetOf(TIMESTAMP, 'receive')
export const ICMP_TTIME = offsetOf(TIMESTAMP, 'transmit')
/** Octets before the echo data or the quoted datagram. */
export const ICMP_HDR_LEN = ICMP.size
export const ICMP_TIMESTAMP_LEN = TIMESTAMP.size

export const ICMP_ECHOREPLY = 0
export const ICMP_UNREACH = 3
export const ICMP_SOURCEQUENCH = 4
export const ICMP_REDIRECT = 5
export const ICMP_ECHO = 8
export const ICMP_ROUTERADVERT = 9
export const ICMP_ROUTERSOLICIT = 10
export const ICMP_TIMXCEED = 11
export const ICMP_PARAMPROB = 12
export const ICMP_TSTAMP = 13
export const ICMP_TSTAMPREPLY = 14
export const ICMP_IREQ = 15
export const ICMP_IREQREPLY = 16
export const ICMP_MASKREQ = 17
export const ICMP_MASKREPLY = 18

export const ICMP_UNREACH_NET = 0
export const ICMP_UNREACH_HOST = 1
export const ICMP_UNREACH_PROTOCOL = 2
export const ICMP_UNREACH_PORT = 3
export const ICMP_UNREACH_NEEDFRAG = 4
export const ICMP_UNREACH_SRCFAIL = 5
export const ICMP_UNREACH_NET_UNKNOWN = 6
export const ICMP_UNREACH_HOST_UNKNOWN = 7
export const ICMP_UNREACH_ISOLATED = 8
export const ICMP_UNREACH_NET_PROHIB = 9
export const ICMP_UNREACH_HOST_PROHIB = 10
export const ICMP_UNREACH_TOSNET = 11
export const ICMP_UNREACH_TOSHOST = 12
export const ICMP_UNREACH_FILTER_PROHIB = 13
export const ICMP_UNREACH_HOST_PRECEDENCE = 14
export const ICMP_UNREACH_PRECEDENCE_CUTOFF = 15

export const ICMP_REDIRECT_NET = 0
export const ICMP_REDIRECT_HOST = 1
export const ICMP_REDIRECT_TOSNET = 2
export const ICMP_REDIRECT_TOSHOST = 3

export const ICMP_TIMXCEED_INTRANS = 0
export const ICMP_TIMXCEED_REASS = 1

export const ICMP_PARAMPROB_ERRATPTR = 0
export const ICMP_PARAMPROB_OPTABSENT = 1

/**
 * True for the types that report about another datagram: they quote it, and are never answered with an error (RFC
 * 1122 §3.2.2).
 */
export function icmpIsError(type: number): boolean {
  return type === ICMP_UNREACH || type === ICMP_SOURCEQUENCH || type === ICMP_REDIRECT || type === ICMP_TIMXCEED ||
    type === ICMP_PARAMPROB
}

export function decodeIcmp(bytes: Uint8Array, at: number): IcmpHeader {
  return decodeHeader(ICMP, bytes, at)
}

export function encodeIcmp(h: Readonly<IcmpHeader>, bytes: Uint8Array, at: number): number {
  return encodeHeader(ICMP, h, bytes, at)
}

export function decodeIcmpEcho(bytes: Uint8Array, at: number): IcmpEcho {
  return decodeHeader(ECHO, bytes, at)
}

export function encodeIcmpEcho(h: Readonly<IcmpEcho>, bytes: Uint8Array, at: number): number {
  return encodeHeader(ECHO, h, bytes, at)
}

export function decodeIcmpUnreach(bytes: Uint8Array, at: number): IcmpUnreach {
  return decodeHeader(UNREACH, bytes, at)
}

export function encodeIcmpUnreach(h: Readonly<IcmpUnreach>, bytes: Uint8Array, at: number): number {
  return encodeHeader(UNREACH, h, bytes, at)
}

export function decodeIcmpRedirect(bytes: Uint8Array, at: number): IcmpRedirect {
  return decodeHeader(REDIRECT, bytes, at)
}

export function encodeIcmpRedirect(h: Readonly<IcmpRedirect>, bytes: Uint8Array, at: number): number {
  return encodeHeader(REDIRECT, h, bytes, at)
}

export function decodeIcmpParamProb(bytes: Uint8Array, at: number): IcmpParamProb {
  return decodeHeader(PARAM_PROB, bytes, at)
}

export function encodeIcmpParamProb(h: Readonly<IcmpParamProb>, bytes: Uint8Array, at: number): number {
  return encodeHeader(PARAM_PROB, h, bytes, at)
}

export function decodeIcmpTimestamp(bytes: Uint8Array, at: number): IcmpTimestamp {
  return decodeHeader(TIMESTAMP, bytes, at)
}

export function encodeIcmpTimestamp(h: Readonly<IcmpTimestamp>, bytes: Uint8Array, at: number): number {
  return encodeHeader(TIMESTAMP, h, bytes, at)
}
