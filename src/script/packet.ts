/** Packets of a script as bytes, and bytes as packets of a script. Numbers are those on the wire: flow.ts maps them. */

import { ip4Print } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { toSeq } from '../lib/seq.ts'
import {
  ICMP_CODE, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_HDR_LEN, ICMP_ID, ICMP_MTU, ICMP_SEQ, ICMP_SUM, ICMP_TYPE, ICMP_UNREACH,
  icmpIsError,
} from '../wire/icmp.ts'
import {
  IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IP_DF, IP_OFFMASK, IP_MF, IP_SUM, IPTOS_ECN_ECT0, IPTOS_ECN_MASK,
  decodeIpv4, encodeIpv4,
} from '../wire/ipv4.ts'
import { viewOf } from '../wire/layout.ts'
import { TCP_FLAGS_MASK, TCP_HDR_LEN, TCP_SUM, decodeTcp, encodeTcp, tcpOffFlags } from '../wire/tcp.ts'
import { UDP_HDR_LEN, UDP_SUM, decodeUdp, encodeUdp } from '../wire/udp.ts'
import { ECT01 } from './ast.ts'
import type { IcmpSpec, PacketSpec, QuotedSpec, TcpSpec } from './ast.ts'
import { decodeOptions, encodeOptions } from './packet-options.ts'

const IP_HDR_LEN = 20
const TTL = 255

/** Addresses and ports between which a packet goes. */
export interface Endpoints { src: Ip4; sport: number; dst: Ip4; dport: number }

/** A packet that the stack sent, in the script's terms. */
export interface LivePacket {
  from: Endpoints
  spec: PacketSpec
  /** What is wrong with it whatever the script says ('' for nothing): checksums, lengths, fragments. */
  fault: string
}

/** The bytes of an IP packet. */
export function encodePacket(spec: PacketSpec, ends: Endpoints): Uint8Array {
  const { body } = spec
  switch (body.proto) {
    case 'tcp': return encodeTcpPacket(spec, body, ends)
    case 'udp': {
      const bytes = ipPacket(spec, IPPROTO_UDP, ends, UDP_HDR_LEN + body.len)
      encodeUdp({ sport: ends.sport, dport: ends.dport, len: UDP_HDR_LEN + body.len, sum: 0 }, bytes, IP_HDR_LEN)
      // a sum of 0 is sent as its other form (RFC 768)
      return finish(bytes, IP_HDR_LEN + UDP_SUM, ends, IPPROTO_UDP)
    }
    case 'icmp': return encodeIcmpPacket(spec, body, ends)
  }
}

/** What was sent, or null when it is no IPv4 packet with TCP, UDP or ICMP. */
export function decodePacket(bytes: Uint8Array): LivePacket | null {
  if (bytes.length < IP_HDR_LEN) return null
  const ip = decodeIpv4(bytes, 0)
  const at = (ip.vhl & 15) * 4
  const from: Endpoints = { src: ip.src, sport: -1, dst: ip.dst, dport: -1 }
  const spec: PacketSpec = {
    kind: 'packet', direction: '>', fromPort: -1, toPort: -1, ecn: ip.tos & IPTOS_ECN_MASK, tos: ip.tos, ttl: ip.ttl,
    body: { proto: 'udp', len: 0 },
  }
  const packet: LivePacket = { from, spec, fault: ipFault(bytes, ip, at) }
  if (packet.fault === '' && !decodeBody(packet, bytes, ip.p, at)) return null
  return packet
}

function decodeBody(packet: LivePacket, bytes: Uint8Array, proto: number, at: number): boolean {
  const { from, spec } = packet
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
      spec.body = { proto: 'udp', len: h.len - UDP_HDR_LEN }
      if (h.len !== bytes.length - at) packet.fault = `the UDP length is ${h.len}, the packet holds ${bytes.length - at}`
      break
    }
    case IPPROTO_ICMP:
      spec.body = decodeIcmpBody(bytes, at)
      break
    default: return false
  }
  if (packet.fault === '' && transportSum(bytes, at, from, proto) !== 0) packet.fault = 'the transport checksum is wrong'
  return true
}

function ipFault(bytes: Uint8Array, ip: ReturnType<typeof decodeIpv4>, at: number): string {
  if (ip.vhl >> 4 !== 4) return `the IP version is ${ip.vhl >> 4}`
  if (ip.len !== bytes.length) return `the IP length is ${ip.len}, the packet has ${bytes.length}`
  if (checksumFold(checksumAdd(0, viewOf(bytes), 0, at)) !== 0) return 'the IP header checksum is wrong'
  if ((ip.off & (IP_MF | IP_OFFMASK)) !== 0) return 'the packet is a fragment'
  return ''
}

function encodeTcpPacket(spec: PacketSpec, tcp: TcpSpec, ends: Endpoints): Uint8Array {
  const options = encodeOptions(tcp.options)
  const hdrLen = TCP_HDR_LEN + options.length
  const bytes = ipPacket(spec, IPPROTO_TCP, ends, hdrLen + tcp.len)
  encodeTcp({
    sport: ends.sport, dport: ends.dport, seq: toSeq(tcp.seq), ack: toSeq(tcp.ack),
    offFlags: tcpOffFlags(hdrLen, tcp.flags), win: Math.max(0, tcp.win), sum: 0, urp: tcp.urg,
  }, bytes, IP_HDR_LEN)
  bytes.set(options, IP_HDR_LEN + TCP_HDR_LEN)
  return finish(bytes, IP_HDR_LEN + TCP_SUM, ends, IPPROTO_TCP)
}

function encodeIcmpPacket(spec: PacketSpec, icmp: IcmpSpec, ends: Endpoints): Uint8Array {
  const quote = icmp.quoted === null ? new Uint8Array(icmp.len) : quoteBytes(icmp.quoted, ends)
  const bytes = ipPacket(spec, IPPROTO_ICMP, ends, ICMP_HDR_LEN + quote.length)
  const view = viewOf(bytes)
  view.setUint8(IP_HDR_LEN + ICMP_TYPE, icmp.type)
  view.setUint8(IP_HDR_LEN + ICMP_CODE, icmp.code)
  if (icmp.mtu >= 0) view.setUint16(IP_HDR_LEN + ICMP_MTU, icmp.mtu)
  if (icmp.id >= 0) view.setUint16(IP_HDR_LEN + ICMP_ID, icmp.id)
  if (icmp.seq >= 0) view.setUint16(IP_HDR_LEN + ICMP_SEQ, icmp.seq)
  bytes.set(quote, IP_HDR_LEN + ICMP_HDR_LEN)
  return finish(bytes, IP_HDR_LEN + ICMP_SUM, ends, IPPROTO_ICMP)
}

function decodeIcmpBody(bytes: Uint8Array, at: number): IcmpSpec {
  const view = viewOf(bytes)
  const type = view.getUint8(at + ICMP_TYPE)
  const code = view.getUint8(at + ICMP_CODE)
  const echo = type === ICMP_ECHO || type === ICMP_ECHOREPLY
  const body = bytes.length - at - ICMP_HDR_LEN
  return {
    proto: 'icmp', v6: false, type, code,
    mtu: type === ICMP_UNREACH && code === 4 ? view.getUint16(at + ICMP_MTU) : -1,
    id: echo ? view.getUint16(at + ICMP_ID) : -1,
    seq: echo ? view.getUint16(at + ICMP_SEQ) : -1,
    len: icmpIsError(type) ? 0 : body,
    quoted: icmpIsError(type) && body >= IP_HDR_LEN + 8 ? decodeQuote(bytes.subarray(at + ICMP_HDR_LEN)) : null,
  }
}

/** The start of the packet (from `ends.dst` to `ends.src`) that an error is about: IP header and 8 octets (RFC 792). */
function quoteBytes(quoted: QuotedSpec, ends: Endpoints): Uint8Array {
  const tcp = quoted.proto === 'tcp'
  const bytes = new Uint8Array(IP_HDR_LEN + 8)
  const back: Endpoints = { src: ends.dst, sport: ends.dport, dst: ends.src, dport: ends.sport }
  const len = IP_HDR_LEN + (tcp ? TCP_HDR_LEN : UDP_HDR_LEN) + quoted.len
  encodeIpv4({
    vhl: 0x45, tos: 0, len, id: 0, off: IP_DF, ttl: 64, p: tcp ? IPPROTO_TCP : IPPROTO_UDP, sum: 0,
    src: back.src, dst: back.dst,
  }, bytes, 0)
  const view = viewOf(bytes)
  view.setUint16(IP_SUM, checksumFold(checksumAdd(0, view, 0, IP_HDR_LEN)))
  view.setUint16(IP_HDR_LEN, back.sport)
  view.setUint16(IP_HDR_LEN + 2, back.dport)
  if (tcp) view.setInt32(IP_HDR_LEN + 4, toSeq(quoted.seq))
  else view.setUint16(IP_HDR_LEN + 4, UDP_HDR_LEN + quoted.len)
  return bytes
}

function decodeQuote(bytes: Uint8Array): QuotedSpec | null {
  const ip = decodeIpv4(bytes, 0)
  const at = (ip.vhl & 15) * 4
  if (bytes.length < at + 8) return null
  const view = viewOf(bytes)
  if (ip.p === IPPROTO_UDP) return { proto: 'udp', seq: 0, len: ip.len - at - UDP_HDR_LEN }
  if (ip.p !== IPPROTO_TCP) return null
  const hdrLen = bytes.length >= at + TCP_HDR_LEN ? (decodeTcp(bytes, at).offFlags >> 12) * 4 : TCP_HDR_LEN
  return { proto: 'tcp', seq: view.getUint32(at + 4), len: ip.len - at - hdrLen }
}

function ipPacket(spec: PacketSpec, p: number, ends: Endpoints, len: number): Uint8Array {
  const bytes = new Uint8Array(IP_HDR_LEN + len)
  const ecn = spec.ecn === ECT01 ? IPTOS_ECN_ECT0 : Math.max(0, spec.ecn)
  const tos = spec.tos >= 0 ? spec.tos | ecn : ecn
  const ttl = spec.ttl >= 0 ? spec.ttl : TTL
  encodeIpv4({
    vhl: 0x45, tos, len: bytes.length, id: 0, off: 0, ttl, p, sum: 0, src: ends.src, dst: ends.dst,
  }, bytes, 0)
  const view = viewOf(bytes)
  view.setUint16(IP_SUM, checksumFold(checksumAdd(0, view, 0, IP_HDR_LEN)))
  return bytes
}

function finish(bytes: Uint8Array, sumAt: number, ends: Endpoints, p: number): Uint8Array {
  const sum = transportSum(bytes, IP_HDR_LEN, ends, p)
  viewOf(bytes).setUint16(sumAt, sum === 0 && p === IPPROTO_UDP ? 0xffff : sum)
  return bytes
}

/** Checksum over the transport part, 0 where a stored one is right. */
function transportSum(bytes: Uint8Array, at: number, ends: Endpoints, p: number): number {
  const len = bytes.length - at
  let sum = checksumAdd(0, viewOf(bytes), at, len)
  if (p !== IPPROTO_ICMP) sum += (ends.src >>> 0) + (ends.dst >>> 0) + p + len
  return checksumFold(sum)
}

export function printEndpoints(ends: Endpoints): string {
  const port = (n: number): string => n < 0 ? '' : `:${n}`
  return `${ip4Print(ends.src)}${port(ends.sport)} > ${ip4Print(ends.dst)}${port(ends.dport)}`
}
