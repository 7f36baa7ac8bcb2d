/** The IP header of a script's packets, in either family, and checksums with its pseudo-header. */

import { addrFromIp4, addrIsV4, addrPrint } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import {
  IPPROTO_ICMP, IPPROTO_UDP, IPTOS_ECN_ECT0, IP_DF, IP_LEN, IP_MF, IP_OFFMASK, IP_SUM, decodeIpv4, encodeIpv4,
} from '../wire/ipv4.ts'
import {
  IPOPT_OFFSET, IPOPT_OLEN, IP_OPTIONS_OK, createIpOptions, ipParseOptions,
} from '../wire/ipv4-options.ts'
import { IP6_HDR_LEN, decodeIpv6, encodeIpv6 } from '../wire/ipv6.ts'
import { viewOf } from '../wire/layout.ts'
import { ECT01 } from './ast.ts'
import type { HeaderSpec, PacketSpec } from './ast.ts'
import { sixUnwrap } from './packet-six.ts'

const IP4_HDR_LEN = 20
const TTL = 255

/** Addresses and ports between which a packet goes. */
export interface Endpoints { src: Addr; sport: number; dst: Addr; dport: number }

/** An IP header as both families have it; `final` is where a source route ends, else the destination. */
export interface IpHeader {
  src: Addr
  dst: Addr
  final: Addr
  /** The transport's, where it begins, and the length of all behind the IP header. */
  proto: number
  at: number
  len: number
  tos: number
  ttl: number
  options: Uint8Array
  flow: number
  headers: HeaderSpec[]
  fault: string
}

/** Length of the header in front of packets between these addresses. */
export function ipLen(ends: Endpoints): number {
  return addrIsV4(ends.src) ? IP4_HDR_LEN : IP6_HDR_LEN
}

/** The header of a packet with `len` bytes of payload, and room for these. */
export function ipPacket(spec: PacketSpec, proto: number, ends: Endpoints, len: number): Uint8Array {
  const ecn = spec.ecn === ECT01 ? IPTOS_ECN_ECT0 : Math.max(0, spec.ecn)
  const tos = spec.tos >= 0 ? spec.tos | ecn : ecn
  return ipHeader(ends, proto, tos, spec.ttl >= 0 ? spec.ttl : TTL, len, len, 0)
}

/** A finished packet with the script's IP options in its header. */
export function withIpOptions(spec: PacketSpec, bytes: Uint8Array): Uint8Array {
  const { ipOptions } = spec
  if (ipOptions === null || ipOptions.length === 0 || bytes[0] >> 4 !== 4) return bytes
  const out = new Uint8Array(bytes.length + ipOptions.length)
  out.set(bytes.subarray(0, IP4_HDR_LEN))
  out.set(ipOptions, IP4_HDR_LEN)
  out.set(bytes.subarray(IP4_HDR_LEN), IP4_HDR_LEN + ipOptions.length)
  const view = viewOf(out)
  out[0] += ipOptions.length >> 2
  view.setUint16(IP_LEN, out.length)
  view.setUint16(IP_SUM, 0)
  view.setUint16(IP_SUM, checksumFold(checksumAdd(0, view, 0, IP4_HDR_LEN + ipOptions.length)))
  return out
}

/** The header and `len` bytes behind it, of a packet that says that it has `said` bytes. */
export function ipHeader(
  { src, dst }: Endpoints, proto: number, tos: number, ttl: number, len: number, said: number, off: number,
): Uint8Array {
  if (addrIsV4(src)) {
    const bytes = new Uint8Array(IP4_HDR_LEN + len)
    encodeIpv4({
      vhl: 0x45, tos, len: IP4_HDR_LEN + said, id: 0, off, ttl, p: proto, sum: 0, src: src.w3, dst: dst.w3,
    }, bytes, 0)
    const view = viewOf(bytes)
    view.setUint16(IP_SUM, checksumFold(checksumAdd(0, view, 0, IP4_HDR_LEN)))
    return bytes
  }
  const bytes = new Uint8Array(IP6_HDR_LEN + len)
  encodeIpv6({
    vtcflow: ((6 << 28) | (tos << 20)) >>> 0, plen: said, nxt: proto, hlim: ttl,
    src0: src.w0, src1: src.w1, src2: src.w2, src3: src.w3, dst0: dst.w0, dst1: dst.w1, dst2: dst.w2, dst3: dst.w3,
  }, bytes, 0)
  return bytes
}

/** The header at the start of these bytes, or null where there is none; `fault` says what is wrong with it. */
export function ipDecode(bytes: Uint8Array, whole: boolean): IpHeader | null {
  const six = bytes.length > 0 && bytes[0] >> 4 === 6
  if (bytes.length < (six ? IP6_HDR_LEN : IP4_HDR_LEN)) return null
  if (!six) {
    const ip = decodeIpv4(bytes, 0)
    const at = (ip.vhl & 15) * 4
    return {
      src: addrFromIp4(ip.src), dst: addrFromIp4(ip.dst), proto: ip.p, tos: ip.tos, ttl: ip.ttl, at, len: ip.len - at,
      flow: -1, headers: [], options: bytes.subarray(IP4_HDR_LEN, at), final: finalOf(bytes, ip.dst),
      fault: whole ? fault4(bytes, ip, at) : '',
    }
  }
  const ip = decodeIpv6(bytes, 0)
  const { headers, proto, at } = sixUnwrap(bytes)
  return {
    src: { w0: ip.src0, w1: ip.src1, w2: ip.src2, w3: ip.src3, zone: 0 },
    dst: { w0: ip.dst0, w1: ip.dst1, w2: ip.dst2, w3: ip.dst3, zone: 0 },
    proto, tos: (ip.vtcflow >>> 20) & 0xff, ttl: ip.hlim, at, len: IP6_HDR_LEN + ip.plen - at,
    flow: ip.vtcflow & 0xfffff, headers,
    options: new Uint8Array(0), final: { w0: ip.dst0, w1: ip.dst1, w2: ip.dst2, w3: ip.dst3, zone: 0 },
    fault: !whole || ip.plen + IP6_HDR_LEN === bytes.length ? ''
      : `the IP length is ${ip.plen}, the packet has ${bytes.length - IP6_HDR_LEN}`,
  }
}

function finalOf(bytes: Uint8Array, dst: number): Addr {
  const options = createIpOptions()
  const view = viewOf(bytes)
  if (ipParseOptions(view, 0, options) !== IP_OPTIONS_OK || options.sourceRouteAt < 0) return addrFromIp4(dst)
  const { [options.sourceRouteAt + IPOPT_OLEN]: len, [options.sourceRouteAt + IPOPT_OFFSET]: pointer } = bytes
  return addrFromIp4(pointer + 3 > len ? dst : view.getInt32(options.sourceRouteAt + len - 4))
}

/** Fills in the checksum of a finished packet; UDP's is never 0 (RFC 768). */
export function transportFinish(bytes: Uint8Array, sumAt: number, ends: Endpoints, proto: number): Uint8Array {
  const sum = transportSum(bytes, ipLen(ends), ends, proto)
  viewOf(bytes).setUint16(sumAt, sum === 0 && proto === IPPROTO_UDP ? 0xffff : sum)
  return bytes
}

/** Checksum over the transport part, 0 where a stored one is right. */
export function transportSum(bytes: Uint8Array, at: number, ends: Endpoints, proto: number): number {
  const len = bytes.length - at
  let sum = checksumAdd(0, viewOf(bytes), at, len)
  if (proto !== IPPROTO_ICMP) sum += addrSum(ends.src) + addrSum(ends.dst) + proto + len
  return checksumFold(sum)
}

export function printEndpoints(ends: Endpoints): string {
  const port = (n: number): string => n < 0 ? '' : `:${n}`
  return `${addrPrint(ends.src)}${port(ends.sport)} > ${addrPrint(ends.dst)}${port(ends.dport)}`
}

/** IP_DF for packets that are quoted: the stack sends all of TCP's with it. */
export const QUOTED_OFF = IP_DF

function addrSum(a: Addr): number {
  return addrIsV4(a) ? a.w3 >>> 0 : (a.w0 >>> 0) + (a.w1 >>> 0) + (a.w2 >>> 0) + (a.w3 >>> 0)
}

function fault4(bytes: Uint8Array, ip: ReturnType<typeof decodeIpv4>, at: number): string {
  if (ip.vhl >> 4 !== 4) return `the IP version is ${ip.vhl >> 4}`
  if (ip.len !== bytes.length) return `the IP length is ${ip.len}, the packet has ${bytes.length}`
  if (checksumFold(checksumAdd(0, viewOf(bytes), 0, at)) !== 0) return 'the IP header checksum is wrong'
  if ((ip.off & (IP_MF | IP_OFFMASK)) !== 0) return 'the packet is a fragment'
  return ''
}
