/**
 * What the user of a UDP socket wants to know of a datagram beside its sender: where it was sent to, by which interface it came,
 * its TOS and TTL (RFC 1122 §4.1.3.5, §3.2.1.6, §3.4) or traffic class and hop limit (RFC 3542 §6), its IP options. Only what
 * was asked for by socket options is told, in their order.
 */

import {
  IPV6_HOPLIMIT, IPV6_PKTINFO, IPV6_TCLASS, IP_PKTINFO, IP_RECVDSTADDR, IP_RECVOPTS, IP_RECVTOS, IP_RECVTTL, IP_RETOPTS,
  SOL_IP, SOL_IPV6,
} from '../inet/sockopt.ts'
import {
  INP_PKTINFO, INP_RECVDSTADDR, INP_RECVHOPLIMIT, INP_RECVOPTS, INP_RECVPKTINFO6, INP_RECVTCLASS, INP_RECVTOS, INP_RECVTTL,
  INP_RETOPTS,
} from '../inet/state.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import type { UdpDatagram } from './state.ts'

/** One control message. */
export interface UdpControl {
  /** SOL_IP or SOL_IPV6. */
  level: number
  /**
   * Of IPv4 the option that asked for it: IP_RECVTTL, IP_RECVTOS, IP_RECVDSTADDR, IP_PKTINFO, IP_RECVOPTS or IP_RETOPTS; of IPv6
   * what it is: IPV6_PKTINFO, IPV6_HOPLIMIT or IPV6_TCLASS.
   */
  type: number
  /** TTL, TOS, hop limit, traffic class, or an IPv4 address as a signed 32-bit number. */
  value: number
  /** The interface, of IP_PKTINFO and IPV6_PKTINFO; else 0. */
  ifId: number
  /** Of IPV6_PKTINFO where the datagram was sent to, mapped if by IPv4; else unspecified. */
  addr: Addr
  /** Of IP_RECVOPTS the IP options as they came, of IP_RETOPTS those that go back (for IP_OPTIONS); else none. */
  octets: readonly number[]
}

/** What belongs to the datagram that the next receive call gives; nothing where none waits. */
export function udpControl(vn: Vn, id: number): UdpControl[] {
  const pcb = vn.state.udp.pcbs.get(id)
  const d = pcb?.queue[0]
  if (pcb === undefined || d === undefined) return []
  const { options } = pcb.inp
  const list = addrIsV4(d.to) ? ofIp(options, d) : []
  // an interface and a mapped address exist for IPv4 as well (RFC 3542 §6.1 names no family); hop limit and class do not
  if ((options & INP_RECVPKTINFO6) !== 0) {
    list.push({ level: SOL_IPV6, type: IPV6_PKTINFO, value: 0, ifId: d.ifId, addr: { ...d.to }, octets: [] })
  }
  if (addrIsV4(d.to)) return list
  if ((options & INP_RECVHOPLIMIT) !== 0) list.push(number(SOL_IPV6, IPV6_HOPLIMIT, d.ttl))
  if ((options & INP_RECVTCLASS) !== 0) list.push(number(SOL_IPV6, IPV6_TCLASS, d.tos))
  return list
}

function ofIp(options: number, d: UdpDatagram): UdpControl[] {
  const list: UdpControl[] = []
  if ((options & INP_RECVTTL) !== 0) list.push(number(SOL_IP, IP_RECVTTL, d.ttl))
  if ((options & INP_RECVTOS) !== 0) list.push(number(SOL_IP, IP_RECVTOS, d.tos))
  if ((options & INP_RECVDSTADDR) !== 0) list.push(number(SOL_IP, IP_RECVDSTADDR, d.to.w3))
  if ((options & INP_PKTINFO) !== 0) list.push({ ...number(SOL_IP, IP_PKTINFO, d.to.w3), ifId: d.ifId })
  // nothing is said of a datagram that had none
  if ((options & INP_RECVOPTS) !== 0 && d.options.length > 0) {
    list.push({ ...number(SOL_IP, IP_RECVOPTS, 0), octets: d.options })
  }
  if ((options & INP_RETOPTS) !== 0 && d.back.length > 0) list.push({ ...number(SOL_IP, IP_RETOPTS, 0), octets: d.back })
  return list
}

function number(level: number, type: number, value: number): UdpControl {
  return { level, type, value, ifId: 0, addr: createAddr(), octets: [] }
}
