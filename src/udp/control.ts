/**
 * What the user of a UDP socket wants to know of a datagram beside its sender (RFC 1122 §4.1.3.5, §3.2.1.6, §3.4): where it
 * was sent to, by which interface it came, its TOS, TTL and IP options. Only what was asked for by socket options is told, in
 * their order.
 */

import { IP_PKTINFO, IP_RECVDSTADDR, IP_RECVOPTS, IP_RECVTOS, IP_RECVTTL, IP_RETOPTS } from '../inet/sockopt.ts'
import { INP_PKTINFO, INP_RECVDSTADDR, INP_RECVOPTS, INP_RECVTOS, INP_RECVTTL, INP_RETOPTS } from '../inet/state.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4 } from '../lib/addr.ts'

/** One control message of level IPPROTO_IP. */
export interface UdpControl {
  /** The option that asked for it: IP_RECVTTL, IP_RECVTOS, IP_RECVDSTADDR, IP_PKTINFO, IP_RECVOPTS or IP_RETOPTS. */
  type: number
  /** TTL, TOS, or the address as a signed 32-bit number. */
  value: number
  /** The interface, of IP_PKTINFO; else 0. */
  ifId: number
  /** Of IP_RECVOPTS the IP options as they came, of IP_RETOPTS those that go back (for IP_OPTIONS); else none. */
  octets: readonly number[]
}

/** What belongs to the datagram that the next receive call gives; nothing where none waits, or it came by IPv6. */
export function udpControl(vn: Vn, id: number): UdpControl[] {
  const pcb = vn.state.udp.pcbs.get(id)
  const d = pcb?.queue[0]
  if (pcb === undefined || d === undefined || !addrIsV4(d.to)) return []
  const { options } = pcb.inp
  const list: UdpControl[] = []
  if ((options & INP_RECVTTL) !== 0) list.push({ type: IP_RECVTTL, value: d.ttl, ifId: 0, octets: [] })
  if ((options & INP_RECVTOS) !== 0) list.push({ type: IP_RECVTOS, value: d.tos, ifId: 0, octets: [] })
  if ((options & INP_RECVDSTADDR) !== 0) list.push({ type: IP_RECVDSTADDR, value: d.to.w3, ifId: 0, octets: [] })
  if ((options & INP_PKTINFO) !== 0) list.push({ type: IP_PKTINFO, value: d.to.w3, ifId: d.ifId, octets: [] })
  // nothing is said of a datagram that had none
  if ((options & INP_RECVOPTS) !== 0 && d.options.length > 0) {
    list.push({ type: IP_RECVOPTS, value: 0, ifId: 0, octets: d.options })
  }
  if ((options & INP_RETOPTS) !== 0 && d.back.length > 0) list.push({ type: IP_RETOPTS, value: 0, ifId: 0, octets: d.back })
  return list
}
