/** The path MTU as transports see it: by address of either family (RFC 1191, RFC 8201). */

import { ipOutputRoute } from '../ip/output.ts'
import { pmtuGet, pmtuUpdate } from '../ip/pmtu.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4 } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { IFCAP_TSO } from '../link/state.ts'

/** Packet size that every IPv4 host takes: used where there is no route to tell better (RFC 1122 §3.3.3). */
const MTU_UNKNOWN = 576

/** Largest IP packet that goes to `dst` in one piece, as far as is known (RFC 1191 §3). */
export function inetPathMtu(vn: Vn, dst: Addr): number {
  if (!addrIsV4(dst)) return MTU_UNKNOWN
  const ifp = vn.state.link.ifnets.get(ipOutputRoute(vn, 0, 0, dst.w3)?.ifId ?? 0)
  if (ifp === undefined) return MTU_UNKNOWN
  const known = pmtuGet(vn, dst.w3)
  return known > 0 && known < ifp.mtu ? known : ifp.mtu
}

/** True when a TCP packet to `dst` leaves by a device that cuts it into segments (IFCAP_TSO). */
export function inetCanSegment(vn: Vn, dst: Addr): boolean {
  if (!addrIsV4(dst)) return false
  const ifp = vn.state.link.ifnets.get(ipOutputRoute(vn, 0, 0, dst.w3)?.ifId ?? 0)
  return ifp !== undefined && (ifp.capabilities & IFCAP_TSO) !== 0
}

/** What ICMP has told of the path to `dst` and has not aged, or 0. */
export function inetPmtuLearnt(vn: Vn, dst: Addr): number {
  return addrIsV4(dst) ? pmtuGet(vn, dst.w3) : 0
}

/**
 * Notes that packets to `dst` must not exceed `mtu` bytes. The caller has found the message that says so credible: it is
 * about a packet of its own (RFC 5927 §7.2).
 */
export function inetPmtuUpdate(vn: Vn, dst: Addr, mtu: number): void {
  if (addrIsV4(dst)) pmtuUpdate(vn, dst.w3, mtu)
}
