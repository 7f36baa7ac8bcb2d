/** Packets of a script as bytes, and bytes as packets of a script. Numbers are those on the wire: flow.ts maps them. */

import { addrIsV4, addrParse } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { toSeq } from '../lib/seq.ts'
import {
  ICMP_CODE, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_HDR_LEN, ICMP_ID, ICMP_MTU, ICMP_SEQ, ICMP_SUM, ICMP_TYPE, ICMP_UNREACH,
  icmpIsError,
} from '../wire/icmp.ts'
import {
  ICMP6_ECHO_REPLY, ICMP6_ECHO_REQUEST, ICMP6_PACKET_TOO_BIG, ICMP6_PARAM_PROB, ICMP6_REST, ND_NEIGHBOR_ADVERT,
  ND_NEIGHBOR_SOLICIT, icmp6IsError,
} from '../wire/icmpv6.ts'
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP, IPTOS_ECN_MASK } from '../wire/ipv4.ts'
import { IP6_HDR_LEN } from '../wire/ipv6.ts'
import { viewOf } from '../wire/layout.ts'
import { TCP_FLAGS_MASK, TCP_HDR_LEN, TCP_SUM, decodeTcp, encodeTcp, tcpOffFlags } from '../wire/tcp.ts'
import { UDP_HDR_LEN, UDP_SUM, decodeUdp, encodeUdp } from '../wire/udp.ts'
import type { IcmpSpec, PacketSpec, QuotedSpec, TcpSpec } from './ast.ts'
import { messageDecode, messageEncode } from './message.ts'
import { QUOTED_OFF, ipDecode, ipHeader, ipLen, ipPacket, transportFinish, transportSum, withIpOptions } from './packet-ip.ts'
import type { Endpoints } from './packet-ip.ts'
import { decodeOptions, encodeOptions } from './packet-options.ts'
import { fragmentAt, ndDecode, ndEncode, sixWrap } from './packet-six.ts'

/** A packet that the stack sent, in the script's terms. */
export interface LivePacket {
  from: Endpoints
  spec: PacketSpec
  /** What is wrong with it whatever the script says ('' for nothing): checksums, lengths, fragments. */
  fault: string
}

/** The bytes of an IP packet. `quoted`: between whom what an error quotes went; `nonce`: of the stack's last question. */
export function encodePacket(
  spec: PacketSpec, ends: Endpoints, quoted: Endpoints = ends, nonce: readonly number[] = [],
): Uint8Array {
  const whole = encodeBody(spec, ends, quoted, nonce)
  return addrIsV4(ends.src) ? whole : sixWrap(spec, whole)
}

function encodeBody(spec: PacketSpec, ends: Endpoints, quoted: Endpoints, nonce: readonly number[]): Uint8Array {
  const { body } = spec
  switch (body.proto) {
    case 'tcp': return encodeTcpPacket(spec, body, ends)
    case 'udp': {
      const bytes = ipPacket(spec, IPPROTO_UDP, ends, UDP_HDR_LEN + body.len)
      const at = ipLen(ends)
      encodeUdp({ sport: ends.sport, dport: ends.dport, len: UDP_HDR_LEN + body.len, sum: 0 }, bytes, at)
      if (body.sum < 0) return transportFinish(bytes, at + UDP_SUM, ends, IPPROTO_UDP)
      viewOf(bytes).setUint16(at + UDP_SUM, body.sum)
      return bytes
    }
    case 'icmp': return encodeIcmpPacket(spec, body, ends, quoted)
    case 'nd': case 'message': {
      const message = body.proto === 'nd' ? ndEncode(body, nonce) : messageEncode(body)
      const bytes = ipPacket(spec, IPPROTO_ICMPV6, ends, message.length)
      bytes.set(message, IP6_HDR_LEN)
      return transportFinish(bytes, IP6_HDR_LEN + ICMP_SUM, ends, IPPROTO_ICMPV6)
    }
    case 'raw': return ipPacket(spec, Math.max(0, body.number), ends, body.len)
  }
}

/** What was sent, or null when it is no IP packet with TCP, UDP or ICMP. */
export function decodePacket(bytes: Uint8Array): LivePacket | null {
  const ip = ipDecode(bytes, true)
  if (ip === null) return null
  const from: Endpoints = { src: ip.src, sport: -1, dst: ip.dst, dport: -1 }
  const spec: PacketSpec = {
    kind: 'packet', direction: '>', fromPort: -1, toPort: -1, ecn: ip.tos & IPTOS_ECN_MASK, tos: ip.tos, ttl: ip.ttl,
    src: ip.src, dst: ip.dst, flow: ip.flow, plen: ip.at + ip.len - IP6_HDR_LEN, mac: -1,
    headers: ip.headers, ipOptions: [...ip.options], via: '',
    body: { proto: 'raw', number: ip.proto, len: bytes.length - ip.at },
  }
  const packet: LivePacket = { from, spec, fault: ip.fault }
  // only the first fragment tells what the packet is
  if (fragmentAt(ip.headers) > 0) spec.body = { proto: 'raw', number: -1, len: 0 }
  else if (packet.fault === '' && !decodeBody(packet, bytes, ip.proto, ip.at, ip.final)) return null
  return packet
}

/** `final`: the destination that checksums are about, whatever the next stop of a source route is. */
function decodeBody(packet: LivePacket, bytes: Uint8Array, proto: number, at: number, final: Addr): boolean {
  const { from, spec } = packet
  const partial = fragmentAt(spec.headers) >= 0
  switch (proto) {
    case IPPROTO_TCP: {
      const h = decodeTcp(bytes, at)
      const hdrLen = (h.offFlags >> 12) * 4
      from.sport = h.sport
      from.dport = h.dport
      spec.body = {
        proto: 'tcp', flags: h.offFlags & TCP_FLAGS_MASK, seq: h.seq >>> 0, len: bytes.length - at - hdrLen,
        absolute: false, ack: h.ack >>> 0, win: h.win, urg: h.urp,
        options: decodeOptions(bytes.subarray(at + TCP_HDR_LEN, at + hdrLen)), anyOptions: false,
      }
      break
    }
    case IPPROTO_UDP: {
      const h = decodeUdp(bytes, at)
      from.sport = h.sport
      from.dport = h.dport
      spec.body = { proto: 'udp', len: h.len - UDP_HDR_LEN, sum: -1 }
      if (!partial && h.len !== bytes.length - at) packet.fault = `the UDP length is ${h.len}, the packet holds ${bytes.length - at}`
      break
    }
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      if ((proto === IPPROTO_ICMP) !== addrIsV4(from.src)) return false
      spec.body = decodeIcmpBody(bytes, at, proto === IPPROTO_ICMPV6)
      if (proto === IPPROTO_ICMPV6 && (spec.body.type === ND_NEIGHBOR_SOLICIT || spec.body.type === ND_NEIGHBOR_ADVERT)) {
        const nd = ndDecode(bytes, at)
        if (nd === null) return false
        spec.body = nd
      } else if (proto === IPPROTO_ICMPV6) spec.body = messageDecode(bytes, at) ?? spec.body
      break
    // the script says which by its number
    default: return !addrIsV4(from.src)
  }
  const wrong = packet.fault === '' && !partial && transportSum(bytes, at, { ...from, dst: final }, proto) !== 0
  if (wrong) packet.fault = 'the transport checksum is wrong'
  return true
}

function encodeTcpPacket(spec: PacketSpec, tcp: TcpSpec, ends: Endpoints): Uint8Array {
  const options = encodeOptions(tcp.options)
  const hdrLen = TCP_HDR_LEN + options.length
  const bytes = ipPacket(spec, IPPROTO_TCP, ends, hdrLen + tcp.len)
  const at = ipLen(ends)
  encodeTcp({
    sport: ends.sport, dport: ends.dport, seq: toSeq(tcp.seq), ack: toSeq(tcp.ack),
    offFlags: tcpOffFlags(hdrLen, tcp.flags), win: Math.max(0, tcp.win), sum: 0, urp: tcp.urg,
  }, bytes, at)
  bytes.set(options, at + TCP_HDR_LEN)
  return transportFinish(bytes, at + TCP_SUM, ends, IPPROTO_TCP)
}

/** Both ICMPs have type, code, checksum, and identifier and number at the same places; only the MTU is elsewhere. */
function encodeIcmpPacket(spec: PacketSpec, icmp: IcmpSpec, ends: Endpoints, about: Endpoints): Uint8Array {
  const proto = icmp.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP
  const quote = icmp.quoted === null ? new Uint8Array(icmp.len) : quoteBytes(icmp.quoted, about, spec)
  const bytes = ipPacket(spec, proto, ends, ICMP_HDR_LEN + quote.length)
  const view = viewOf(bytes)
  const at = ipLen(ends)
  view.setUint8(at + ICMP_TYPE, icmp.type)
  view.setUint8(at + ICMP_CODE, icmp.code)
  if (icmp.mtu >= 0 && icmp.v6) view.setUint32(at + ICMP6_REST, icmp.mtu)
  else if (icmp.ptr >= 0) view.setUint32(at + ICMP6_REST, icmp.ptr)
  else if (icmp.mtu >= 0) view.setUint16(at + ICMP_MTU, icmp.mtu)
  if (icmp.id >= 0) view.setUint16(at + ICMP_ID, icmp.id)
  if (icmp.seq >= 0) view.setUint16(at + ICMP_SEQ, icmp.seq)
  bytes.set(quote, at + ICMP_HDR_LEN)
  return transportFinish(bytes, at + ICMP_SUM, ends, proto)
}

function decodeIcmpBody(bytes: Uint8Array, at: number, v6: boolean): IcmpSpec {
  const view = viewOf(bytes)
  const type = view.getUint8(at + ICMP_TYPE)
  const code = view.getUint8(at + ICMP_CODE)
  const echo = v6 ? type === ICMP6_ECHO_REQUEST || type === ICMP6_ECHO_REPLY : type === ICMP_ECHO || type === ICMP_ECHOREPLY
  const error = v6 ? icmp6IsError(type) : icmpIsError(type)
  const mtu4 = !v6 && type === ICMP_UNREACH && code === 4 ? view.getUint16(at + ICMP_MTU) : -1
  return {
    proto: 'icmp', v6, type, code,
    mtu: v6 && type === ICMP6_PACKET_TOO_BIG ? view.getUint32(at + ICMP6_REST) : mtu4,
    id: echo ? view.getUint16(at + ICMP_ID) : -1,
    seq: echo ? view.getUint16(at + ICMP_SEQ) : -1,
    ptr: v6 && type === ICMP6_PARAM_PROB ? view.getUint32(at + ICMP6_REST) : -1,
    len: bytes.length - at - ICMP_HDR_LEN,
    quoted: error ? decodeQuote(bytes.subarray(at + ICMP_HDR_LEN)) : null,
  }
}

/** The start of the packet (from `ends.dst` to `ends.src`) that an error is about: IP header and 8 octets (RFC 792). */
/** What the script says of IP options, it says of the quoted packet. */
function quoteBytes(quoted: QuotedSpec, ends: Endpoints, spec: PacketSpec): Uint8Array {
  const tcp = quoted.proto === 'tcp'
  const back: Endpoints = { src: ends.dst, sport: ends.dport, dst: addrParse(spec.via) ?? ends.src, dport: ends.sport }
  const said = (tcp ? TCP_HDR_LEN : UDP_HDR_LEN) + quoted.len
  const bytes = ipHeader(back, tcp ? IPPROTO_TCP : IPPROTO_UDP, 0, 64, QUOTED_LEN, said, QUOTED_OFF)
  const view = viewOf(bytes)
  const at = ipLen(ends)
  view.setUint16(at, back.sport)
  view.setUint16(at + 2, back.dport)
  if (tcp) view.setInt32(at + 4, toSeq(quoted.seq))
  else view.setUint16(at + 4, UDP_HDR_LEN + quoted.len)
  return withIpOptions(spec, bytes)
}

const QUOTED_LEN = 8

function decodeQuote(bytes: Uint8Array): QuotedSpec | null {
  const ip = ipDecode(bytes, false)
  if (ip === null || bytes.length < ip.at + QUOTED_LEN) return null
  const { at } = ip
  if (ip.proto === IPPROTO_UDP) return { proto: 'udp', seq: 0, len: ip.len - UDP_HDR_LEN }
  if (ip.proto !== IPPROTO_TCP) return null
  const hdrLen = bytes.length >= at + TCP_HDR_LEN ? (decodeTcp(bytes, at).offFlags >> 12) * 4 : TCP_HDR_LEN
  return { proto: 'tcp', seq: viewOf(bytes).getUint32(at + 4), len: ip.len - hdrLen }
}
