/** The transport header of a datagram in tcpdump's words, for both address families. */
import type { Cut } from './cut.ts'
import { TCP_DPORT, TCP_HDR_LEN, TCP_SEQ, TCP_SPORT, decodeTcp, printTcp, tcpDataOffset } from './tcp.ts'
import { printTcpOptions } from './tcp-options-print.ts'
import { IPPROTO_TCP, IPPROTO_UDP } from './ipv4.ts'
import { UDP_HDR_LEN, decodeUdp, printUdp } from './udp.ts'

const MAX_UDP_LEN = 65535

/** `.80 > .1234` split: what follows each address, empty for a protocol without ports, and the header in words. */
export interface TransportText { srcPort: string; dstPort: string; text: string }

/**
 * Describes the TCP or UDP header at `at`; `length` is what the IP header promises from there on, in a first fragment
 * only a part of the datagram. Never throws.
 */
export function printTransport(
  cut: Cut, at: number, proto: number, length: number, isFragment: boolean
): TransportText {
  const { view, end } = cut
  const name = proto === IPPROTO_TCP ? 'tcp' : 'udp'
  if (end - at < 4) return { srcPort: '', dstPort: '', text: `[|${name}]` }
  // Ports are the first two halves of both headers.
  const srcPort = `.${view.getUint16(at + TCP_SPORT)}`
  const dstPort = `.${view.getUint16(at + TCP_DPORT)}`
  const text = proto === IPPROTO_TCP ? tcpText(cut, at, length) : udpText(cut, at, isFragment ? MAX_UDP_LEN : length)
  return { srcPort, dstPort, text }
}

export function hasPorts(proto: number): boolean {
  return proto === IPPROTO_TCP || proto === IPPROTO_UDP
}

function tcpText(cut: Cut, at: number, length: number): string {
  const { bytes, view, end } = cut
  // An ICMP error quotes as little as ports and sequence number (RFC 792).
  if (end - at < TCP_HDR_LEN) return end - at < 8 ? '[|tcp]' : `seq ${view.getUint32(at + TCP_SEQ)} [|tcp]`
  const hlen = tcpDataOffset(view, at)
  const header = decodeTcp(bytes, at)
  if (hlen < TCP_HDR_LEN) return `tcp [bad hdr length ${hlen} - too short, < ${TCP_HDR_LEN}]`
  if (hlen > length) return `tcp [bad hdr length ${hlen} - too long, > ${length}]`
  return printTcp(header, printTcpOptions(view, at + TCP_HDR_LEN, hlen - TCP_HDR_LEN, end), length - hlen)
}

function udpText(cut: Cut, at: number, length: number): string {
  if (cut.end - at < UDP_HDR_LEN) return 'UDP [|udp]'
  const h = decodeUdp(cut.bytes, at)
  if (h.len > length) return `UDP, bad length ${h.len - UDP_HDR_LEN} > ${length - UDP_HDR_LEN}`
  return printUdp(h)
}
