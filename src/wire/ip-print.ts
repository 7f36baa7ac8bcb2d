/** IPv4 and IPv6 datagrams in tcpdump's words, one line. */
import { ip4Print } from '../lib/addr.ts'
import type { Cut } from './cut.ts'
import { cutAt, cutInner } from './cut.ts'
import { ICMP_HDR_LEN, ICMP_TYPE, icmpIsError } from './icmp.ts'
import { printIcmp } from './icmp-print.ts'
import { printIgmp } from './igmp.ts'
import { ICMP6_HDR_LEN, ICMP6_TYPE, icmp6IsError, printIcmp6 } from './icmpv6.ts'
import {
  IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_IGMP, IPPROTO_IPV4, IPPROTO_IPV6, IP_DST, IP_HDR_LEN, IP_ID, IP_LEN, IP_MF, IP_OFF, IP_P,
  IP_SRC, ipFragOffset, ipHeaderLen, ipIsFragment, ipVersion, printIpProto
} from './ipv4.ts'
import {
  IP6F_LEN, IP6F_MORE_FRAG, IP6F_OFFLG, IP6F_OFF_MASK, IP6_DST, IP6_HDR_LEN, IP6_NXT, IP6_PLEN, IP6_SRC,
  IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, IPPROTO_HOPOPTS, IPPROTO_NONE, IPPROTO_ROUTING, ip6ReadAddr, printIp6Addr
} from './ipv6.ts'
import { hasPorts, printTransport } from './transport-print.ts'

/** Tunnels and quotations nest at most this deep in the text. */
const MAX_DEPTH = 4
const MAX_EXTENSION_HEADERS = 8

/** What an IP header and its extension headers said about the payload; `prefix` is the text of the latter. */
interface Envelope { src: string; dst: string; prefix: string; isFragment: boolean }

/** `IP …` or `IP6 …` by the version of the header at `at`. Never throws. */
export function printIp(cut: Cut, at: number): string {
  if (cut.end <= at) return 'IP [|ip]'
  const version = ipVersion(cut.view, at)
  if (version === 4) return printIp4(cut, at)
  if (version === 6) return printIp6(cut, at)
  return `IP [bad version ${version}], length ${cut.end - at}`
}

function printIp4(cut: Cut, at: number): string {
  const { view } = cut
  if (cut.end - at < IP_HDR_LEN) return 'IP [|ip]'
  const hlen = ipHeaderLen(view, at)
  const len = view.getUint16(at + IP_LEN)
  if (hlen < IP_HDR_LEN) return `IP [bad-hlen ${hlen}]`
  if (len < hlen) return `IP [bad-len ${len}]`
  const src = ip4Print(view.getInt32(at + IP_SRC))
  const dst = ip4Print(view.getInt32(at + IP_DST))
  const p = view.getUint8(at + IP_P)
  const isFragment = ipIsFragment(view, at)
  const frag = isFragment ? fragText(view, at, len - hlen) : ''
  if (ipFragOffset(view, at) !== 0) return `IP ${src} > ${dst}: ${protoName(p).toLowerCase()}${frag}`
  const envelope = { src, dst, prefix: '', isFragment }
  return `IP ${payload(cutAt(cut, at + len), at + hlen, p, len - hlen, envelope)}${frag}`
}

function printIp6(cut: Cut, at: number): string {
  const { view } = cut
  if (cut.end - at < IP6_HDR_LEN) return 'IP6 [|ip6]'
  const src = printIp6Addr(ip6ReadAddr(view, at + IP6_SRC))
  const dst = printIp6Addr(ip6ReadAddr(view, at + IP6_DST))
  // A length of 0 means a jumbogram (RFC 8200 §3): then only the capture tells where it ends.
  const plen = view.getUint16(at + IP6_PLEN)
  const stop = plen === 0 ? cut.end : at + IP6_HDR_LEN + plen
  const inner = cutAt(cut, stop)
  let next = view.getUint8(at + IP6_NXT)
  let p = at + IP6_HDR_LEN
  let prefix = ''
  let isFragment = false
  for (let i = 0; i < MAX_EXTENSION_HEADERS; i++) {
    const name = EXTENSION_NAMES[next]
    if (name === undefined) break
    if (inner.end - p < IP6F_LEN) return `IP6 ${src} > ${dst}: ${prefix}${name} [|${name}]`
    const here = next === IPPROTO_FRAGMENT
    const offlg = here ? view.getUint16(p + IP6F_OFFLG) : 0
    next = view.getUint8(p)
    p += here ? IP6F_LEN : (view.getUint8(p + 1) + 1) * 8
    prefix += here ? `${name} ${frag6Text(offlg, stop - p)} ` : `${name} `
    isFragment ||= here
    if ((offlg & IP6F_OFF_MASK) !== 0) return `IP6 ${src} > ${dst}: ${prefix}${protoName(next).toLowerCase()}`
  }
  if (p > stop) return `IP6 ${src} > ${dst}: ${prefix}[bad length]`
  return `IP6 ${payload(inner, p, next, stop - p, { src, dst, prefix, isFragment })}`
}

/** `SRC > DST: …` for the `length` octets that an IP header carries. */
function payload(cut: Cut, at: number, proto: number, length: number, envelope: Readonly<Envelope>): string {
  const { src, dst, prefix } = envelope
  if (hasPorts(proto)) {
    const t = printTransport(cut, at, proto, length, envelope.isFragment)
    return `${src}${t.srcPort} > ${dst}${t.dstPort}: ${prefix}${t.text}`
  }
  const head = `${src} > ${dst}: ${prefix}`
  const { view, end } = cut
  switch (proto) {
    case IPPROTO_ICMP: {
      const quotes = end - at > ICMP_HDR_LEN && icmpIsError(view.getUint8(at + ICMP_TYPE))
      return head + printIcmp(view, at, end, length) + (quotes ? quote(cut, at + ICMP_HDR_LEN) : '')
    }
    case IPPROTO_ICMPV6: {
      const quotes = end - at > ICMP6_HDR_LEN && icmp6IsError(view.getUint8(at + ICMP6_TYPE))
      return head + printIcmp6(view, at, end, length) + (quotes ? quote(cut, at + ICMP6_HDR_LEN) : '')
    }
    case IPPROTO_IGMP: return head + printIgmp(view, at, end)
    case IPPROTO_IPV4:
    case IPPROTO_IPV6:
      return head + (cut.depth < MAX_DEPTH ? printIp(cutInner(cut), at) : '[too deep]')
    case IPPROTO_NONE:
      return `${head}no next header`
    default:
      return `${head}${protoName(proto)}, length ${length}`
  }
}

/** The datagram that an ICMP error quotes; usually cut after a few octets of its transport header. */
function quote(cut: Cut, at: number): string {
  return cut.depth < MAX_DEPTH ? ` (${printIp(cutInner(cut), at)})` : ''
}

/** ` (frag ID:LENGTH@OFFSET+)`, the plus when more follow. */
function fragText(view: DataView, at: number, length: number): string {
  const more = (view.getUint16(at + IP_OFF) & IP_MF) !== 0 ? '+' : ''
  return ` (frag ${view.getUint16(at + IP_ID)}:${length}@${ipFragOffset(view, at)}${more})`
}

/** `(OFFSET|LENGTH)` of an IPv6 fragment. */
function frag6Text(offlg: number, length: number): string {
  return `(${offlg & IP6F_OFF_MASK}|${Math.max(0, length)}${(offlg & IP6F_MORE_FRAG) !== 0 ? '+' : ''})`
}

function protoName(p: number): string {
  const name = printIpProto(p)
  return name === 'unknown' ? `ip-proto-${p}` : name
}

const EXTENSION_NAMES: Readonly<Record<number, string>> = Object.freeze({
  [IPPROTO_HOPOPTS]: 'HBH',
  [IPPROTO_ROUTING]: 'rthdr',
  [IPPROTO_FRAGMENT]: 'frag',
  [IPPROTO_DSTOPTS]: 'DSTOPT'
})
