/**
 * Address rewriting for ICMP over a raw socket, after RFC 3022 §4 and RFC 5508: queries leave with the host's address,
 * and what comes back about them gets the Vnet's own again.
 *
 * A query is known by its identifier, which is not rewritten; the most recently used identifiers are remembered.
 */

import { checksumUpdate16 } from '../lib/checksum.ts'
import type { Frame } from '../lib/frame.ts'
import type { Ip4 } from '../lib/addr.ts'
import {
  ICMP_ECHO, ICMP_ECHOREPLY, ICMP_HDR_LEN, ICMP_ID, ICMP_IREQ, ICMP_IREQREPLY, ICMP_MASKREPLY, ICMP_MASKREQ,
  ICMP_PARAMPROB, ICMP_SOURCEQUENCH, ICMP_TIMXCEED, ICMP_TSTAMP, ICMP_TSTAMPREPLY, ICMP_TYPE, ICMP_UNREACH,
} from '../wire/icmp.ts'
import { IP_DST, IP_HDR_LEN, IP_OFF, IP_OFFMASK, IP_P, IP_SRC, IP_SUM, IP_VHL, IPPROTO_ICMP } from '../wire/ipv4.ts'

const MAX_QUERIES = 4096

export interface Masquerade {
  /** Identifier of a query → the Vnet's source address, least recently used first. */
  readonly queries: Map<number, Ip4>
}

export function createMasquerade(): Masquerade {
  return { queries: new Map() }
}

/**
 * Prepares an outgoing IPv4 packet (whole, of protocol ICMP) in place: the source is left to the kernel. False when it
 * may not leave: only queries do, for an error or a reply of the Vnet's would be taken for the host's.
 */
export function masqueradeOut(m: Masquerade, packet: Buffer): boolean {
  const header = headerLength(packet.readUInt8(IP_VHL), packet.length)
  if (header < 0) return false
  if ((packet.readUInt16BE(IP_OFF) & IP_OFFMASK) === 0) {
    if (packet.length < header + ICMP_HDR_LEN || !isQuery(packet.readUInt8(header + ICMP_TYPE))) return false
    remember(m, packet.readUInt16BE(header + ICMP_ID), packet.readInt32BE(IP_SRC))
  }
  packet.writeInt32BE(0, IP_SRC)
  return true
}

/**
 * Turns a received IPv4 packet back in place, destination and, in an error, the quoted source. False when it is not
 * about a query of ours.
 */
export function masqueradeIn(m: Masquerade, f: Frame): boolean {
  const header = f.len < IP_HDR_LEN ? -1 : headerLength(f.view.getUint8(f.off + IP_VHL), f.len)
  if (header < 0 || f.len < header + ICMP_HDR_LEN) return false
  const icmp = f.off + header
  const type = f.view.getUint8(icmp + ICMP_TYPE)
  if (isReply(type)) {
    const inside = m.queries.get(f.view.getUint16(icmp + ICMP_ID))
    if (inside === undefined) return false
    rewrite(f, f.off, IP_DST, inside)
    return true
  }
  return isError(type) && turnErrorBack(m, f, icmp + ICMP_HDR_LEN)
}

/** RFC 5508 §4.2: the quoted header is put right as well, or the Vnet would not know its own packet. */
function turnErrorBack(m: Masquerade, f: Frame, quoted: number): boolean {
  const left = f.off + f.len - quoted
  if (left < IP_HDR_LEN || f.view.getUint8(quoted + IP_P) !== IPPROTO_ICMP) return false
  const header = headerLength(f.view.getUint8(quoted + IP_VHL), left)
  if (header < 0 || left < header + ICMP_HDR_LEN) return false
  if ((f.view.getUint16(quoted + IP_OFF) & IP_OFFMASK) !== 0) return false
  if (!isQuery(f.view.getUint8(quoted + header + ICMP_TYPE))) return false
  const inside = m.queries.get(f.view.getUint16(quoted + header + ICMP_ID))
  if (inside === undefined) return false
  // The quoted header's own checksum takes up the change, so the sum over the ICMP message stays what it was.
  rewrite(f, quoted, IP_SRC, inside)
  rewrite(f, f.off, IP_DST, inside)
  return true
}

function rewrite(f: Frame, header: number, field: number, to: Ip4): void {
  let sum = f.view.getUint16(header + IP_SUM)
  const was = f.view.getInt32(header + field)
  sum = checksumUpdate16(sum, was >>> 16, to >>> 16)
  sum = checksumUpdate16(sum, was & 0xffff, to & 0xffff)
  f.view.setInt32(header + field, to)
  f.view.setUint16(header + IP_SUM, sum)
}

function remember(m: Masquerade, id: number, src: Ip4): void {
  m.queries.delete(id)
  m.queries.set(id, src)
  if (m.queries.size > MAX_QUERIES) m.queries.delete(m.queries.keys().next().value as number)
}

function headerLength(vhl: number, available: number): number {
  const length = (vhl & 15) << 2
  return vhl >> 4 === 4 && length >= IP_HDR_LEN && length <= available ? length : -1
}

function isQuery(type: number): boolean {
  return type === ICMP_ECHO || type === ICMP_TSTAMP || type === ICMP_IREQ || type === ICMP_MASKREQ
}

function isReply(type: number): boolean {
  return type === ICMP_ECHOREPLY || type === ICMP_TSTAMPREPLY || type === ICMP_IREQREPLY || type === ICMP_MASKREPLY
}

function isError(type: number): boolean {
  return type === ICMP_UNREACH || type === ICMP_SOURCEQUENCH || type === ICMP_TIMXCEED || type === ICMP_PARAMPROB
}
