/** The IPv4 header (RFC 791 §3.1); options are in `ipv4-options.ts`. */
import { ip4Print } from '../lib/addr.ts'
import { byte, decodeHeader, encodeHeader, half, header, offsetOf, signedWord } from './layout.ts'
import type { HeaderRecord } from './layout.ts'

const IPV4 = header(
  byte('vhl'), byte('tos'), half('len'), half('id'), half('off'), byte('ttl'), byte('p'), half('sum'),
  signedWord('src'), signedWord('dst'))

/**
 * The fixed 20 octets. `vhl` is version and header length, `off` the flags and the fragment offset, `len` the total
 * length.
 */
export type Ipv4Header = HeaderRecord<typeof IPV4>

export const IP_VHL = offsetOf(IPV4, 'vhl')
export const IP_TOS = offsetOf(IPV4, 'tos')
export const IP_LEN = offsetOf(IPV4, 'len')
export const IP_ID = offsetOf(IPV4, 'id')
export const IP_OFF = offsetOf(IPV4, 'off')
export const IP_TTL = offsetOf(IPV4, 'ttl')
export const IP_P = offsetOf(IPV4, 'p')
export const IP_SUM = offsetOf(IPV4, 'sum')
export const IP_SRC = offsetOf(IPV4, 'src')
export const IP_DST = offsetOf(IPV4, 'dst')
/** Length of the header without options, and the longest with them (RFC 791 §3.1 IHL). */
export const IP_HDR_LEN = IPV4.size
export const IP_MAX_HDR_LEN = 60
export const IP_MAXPACKET = 65535

/** `vhl` of a header without options. */
export const IP_VHL_BORING = 0x45

/** Bits of the flags and offset word; the offset counts 8-octet units. */
export const IP_RF = 0x8000
export const IP_DF = 0x4000
export const IP_MF = 0x2000
export const IP_OFFMASK = 0x1fff

export const IPPROTO_ICMP = 1
export const IPPROTO_IGMP = 2
export const IPPROTO_IPV4 = 4
export const IPPROTO_TCP = 6
export const IPPROTO_UDP = 17
export const IPPROTO_IPV6 = 41
export const IPPROTO_GRE = 47
export const IPPROTO_ESP = 50
export const IPPROTO_AH = 51
export const IPPROTO_ICMPV6 = 58
export const IPPROTO_SCTP = 132

/** ECN field of the TOS octet (RFC 3168 §5). */
export const IPTOS_ECN_MASK = 0x03
export const IPTOS_ECN_NOTECT = 0x00
export const IPTOS_ECN_ECT1 = 0x01
export const IPTOS_ECN_ECT0 = 0x02
export const IPTOS_ECN_CE = 0x03

/** Header length in octets (0…60) as the header at `at` states it; not validated. */
export function ipHeaderLen(view: DataView, at: number): number {
  return (view.getUint8(at + IP_VHL) & 0x0f) << 2
}

export function ipVersion(view: DataView, at: number): number {
  return view.getUint8(at + IP_VHL) >> 4
}

/** Fragment offset in octets (0…65528). */
export function ipFragOffset(view: DataView, at: number): number {
  return (view.getUint16(at + IP_OFF) & IP_OFFMASK) << 3
}

/** True when the datagram is a fragment: more follow, or it does not start at 0. */
export function ipIsFragment(view: DataView, at: number): boolean {
  return (view.getUint16(at + IP_OFF) & (IP_MF | IP_OFFMASK)) !== 0
}

export function decodeIpv4(bytes: Uint8Array, at: number): Ipv4Header {
  return decodeHeader(IPV4, bytes, at)
}

export function encodeIpv4(h: Readonly<Ipv4Header>, bytes: Uint8Array, at: number): number {
  return encodeHeader(IPV4, h, bytes, at)
}

/** tcpdump's verbose words: `tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto TCP (6), length 40`. */
export function printIpv4(h: Readonly<Ipv4Header>): string {
  const flags = [(h.off & IP_MF) !== 0 ? '+' : '', (h.off & IP_DF) !== 0 ? 'DF' : ''].filter((f) => f !== '').join(', ')
  return `tos 0x${h.tos.toString(16)}, ttl ${h.ttl}, id ${h.id}, offset ${(h.off & IP_OFFMASK) * 8}, ` +
    `flags [${flags === '' ? 'none' : flags}], proto ${printIpProto(h.p)} (${h.p}), length ${h.len}, ` +
    `${ip4Print(h.src)} > ${ip4Print(h.dst)}`
}

/** `TCP`, or `unknown`. */
export function printIpProto(p: number): string {
  return IPPROTO_NAMES[p] ?? 'unknown'
}

const IPPROTO_NAMES: Readonly<Record<number, string>> = Object.freeze({
  [IPPROTO_ICMP]: 'ICMP',
  [IPPROTO_IGMP]: 'IGMP',
  [IPPROTO_IPV4]: 'IPIP',
  [IPPROTO_TCP]: 'TCP',
  [IPPROTO_UDP]: 'UDP',
  [IPPROTO_IPV6]: 'IPv6',
  [IPPROTO_GRE]: 'GRE',
  [IPPROTO_ESP]: 'ESP',
  [IPPROTO_AH]: 'AH',
  [IPPROTO_ICMPV6]: 'ICMP6',
  [IPPROTO_SCTP]: 'SCTP'
})
