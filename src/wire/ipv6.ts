/** The IPv6 header and the extension headers' common start (RFC 8200 §3, §4), enough to print them. */
import { addrIsV4, addrPrint, ip4Print } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { byte, decodeHeader, encodeHeader, half, header, offsetOf, signedWord, word } from './layout.ts'
import type { HeaderRecord } from './layout.ts'

const IPV6 = header(
  word('vtcflow'), half('plen'), byte('nxt'), byte('hlim'),
  signedWord('src0'), signedWord('src1'), signedWord('src2'), signedWord('src3'),
  signedWord('dst0'), signedWord('dst1'), signedWord('dst2'), signedWord('dst3'))
const FRAGMENT = header(byte('nxt'), byte('reserved'), half('offlg'), word('ident'))

/** `vtcflow` is version, traffic class and flow label; addresses are four signed words each, as in `Addr`. */
export type Ipv6Header = HeaderRecord<typeof IPV6>
/** `offlg` is the fragment offset in its top thirteen bits and the more-fragments flag in its lowest. */
export type Ipv6Fragment = HeaderRecord<typeof FRAGMENT>

export const IP6_VTCFLOW = offsetOf(IPV6, 'vtcflow')
export const IP6_PLEN = offsetOf(IPV6, 'plen')
export const IP6_NXT = offsetOf(IPV6, 'nxt')
export const IP6_HLIM = offsetOf(IPV6, 'hlim')
export const IP6_SRC = offsetOf(IPV6, 'src0')
export const IP6_DST = offsetOf(IPV6, 'dst0')
export const IP6_HDR_LEN = IPV6.size
export const IP6F_NXT = offsetOf(FRAGMENT, 'nxt')
export const IP6F_OFFLG = offsetOf(FRAGMENT, 'offlg')
export const IP6F_IDENT = offsetOf(FRAGMENT, 'ident')
export const IP6F_LEN = FRAGMENT.size
export const IP6F_MORE_FRAG = 0x0001
export const IP6F_OFF_MASK = 0xfff8

export const IPPROTO_HOPOPTS = 0
export const IPPROTO_ROUTING = 43
export const IPPROTO_FRAGMENT = 44
export const IPPROTO_NONE = 59
export const IPPROTO_DSTOPTS = 60

/** The sixteen octets at `at` as an address without a zone. */
export function ip6ReadAddr(view: DataView, at: number): Addr {
  return {
    w0: view.getInt32(at), w1: view.getInt32(at + 4), w2: view.getInt32(at + 8), w3: view.getInt32(at + 12), zone: 0
  }
}

export function decodeIpv6(bytes: Uint8Array, at: number): Ipv6Header {
  return decodeHeader(IPV6, bytes, at)
}

export function encodeIpv6(h: Readonly<Ipv6Header>, bytes: Uint8Array, at: number): number {
  return encodeHeader(IPV6, h, bytes, at)
}

export function decodeIpv6Fragment(bytes: Uint8Array, at: number): Ipv6Fragment {
  return decodeHeader(FRAGMENT, bytes, at)
}

export function encodeIpv6Fragment(h: Readonly<Ipv6Fragment>, bytes: Uint8Array, at: number): number {
  return encodeHeader(FRAGMENT, h, bytes, at)
}

/** `class 0x00, flow 0x00000, hlim 64, next-header 6, length 20, 2001:db8::1 > 2001:db8::2`. */
export function printIpv6(h: Readonly<Ipv6Header>): string {
  const hex = (n: number, digits: number): string => `0x${n.toString(16).padStart(digits, '0')}`
  const src = printIp6Addr({ w0: h.src0, w1: h.src1, w2: h.src2, w3: h.src3, zone: 0 })
  const dst = printIp6Addr({ w0: h.dst0, w1: h.dst1, w2: h.dst2, w3: h.dst3, zone: 0 })
  return `class ${hex((h.vtcflow >>> 20) & 0xff, 2)}, flow ${hex(h.vtcflow & 0xfffff, 5)}, hlim ${h.hlim}, ` +
    `next-header ${h.nxt}, length ${h.plen}, ${src} > ${dst}`
}

/** As `addrPrint`, but an IPv4-mapped address on the wire shows as one. */
export function printIp6Addr(a: Readonly<Addr>): string {
  return addrIsV4(a) ? `::ffff:${ip4Print(a.w3)}` : addrPrint(a)
}
