/** The path MTU as transports see it: by address of either family (RFC 1191, RFC 8201). */

import { ipOutputRoute } from '../ip/output.ts'
import { pmtuGet, pmtuUpdate } from '../ip/pmtu.ts'
import { ip6OutputRoute } from '../ip6/output.ts'
import { ip6LinkMtu, pmtu6Get, pmtu6Update } from '../ip6/pmtu.ts'
import { IP6_MMTU } from '../ip6/state.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { IFCAP_TSO } from '../link/state.ts'
import { IP_HDR_LEN, IP_MAXPACKET } from '../wire/ipv4.ts'

/** Packet size that every IPv4 host takes: used where there is no route to tell better (RFC 1122 §3.3.3). */
const MTU_UNKNOWN = 576

/** Largest IP packet that goes to `dst` in one piece, as far as is known (RFC 1191 §3). */
export function inetPathMtu(vn: Vn, dst: Addr): number {
  if (!addrIsV4(dst)) return pathMtu6(vn, dst)
  const ifp = vn.state.link.ifnets.get(ipOutputRoute(vn, 0, 0, dst.w3)?.ifId ?? 0)
  if (ifp === undefined) return MTU_UNKNOWN
  const known = pmtuGet(vn, dst.w3)
  return known > 0 && known < ifp.mtu ? known : ifp.mtu
}

/** True when a TCP packet to `dst` leaves by a device that cuts it into segments (IFCAP_TSO). */
export function inetCanSegment(vn: Vn, dst: Addr): boolean {
  const route = addrIsV4(dst) ? ipOutputRoute(vn, 0, 0, dst.w3) : ip6OutputRoute(vn, 0, ANY6, dst)
  const ifp = vn.state.link.ifnets.get(route?.ifId ?? 0)
  return ifp !== undefined && (ifp.capabilities & IFCAP_TSO) !== 0
}

function pathMtu6(vn: Vn, dst: Addr): number {
  const ifp = vn.state.link.ifnets.get(ip6OutputRoute(vn, 0, ANY6, dst)?.ifId ?? 0)
  if (ifp === undefined) return IP6_MMTU
  const known = pmtu6Get(vn, dst)
  const most = ip6LinkMtu(vn, ifp)
  return known > 0 && known < most ? known : most
}

const ANY6: Addr = Object.freeze(createAddr())

/** MMS_R: the largest transport message that can be received from `src`, put together from fragments (RFC 1122 §3.3.2). */
export function inetMmsR(src: Addr): number {
  // 65,535 octets are IPv4's whole packet, and IPv6's payload (RFC 8200 §3, without jumbograms)
  return addrIsV4(src) ? IP_MAXPACKET - IP_HDR_LEN : IP_MAXPACKET
}

/** What ICMP has told of the path to `dst` and has not aged, or 0. */
export function inetPmtuLearnt(vn: Vn, dst: Addr): number {
  return addrIsV4(dst) ? pmtuGet(vn, dst.w3) : pmtu6Get(vn, dst)
}

/**
 * Notes that packets to `dst` must not exceed `mtu` bytes. The caller has found the message that says so credible: it is
 * about a packet of its own (RFC 5927 §7.2).
 */
export function inetPmtuUpdate(vn: Vn, dst: Addr, mtu: number): void {
  if (addrIsV4(dst)) pmtuUpdate(vn, dst.w3, mtu)
  else pmtu6Update(vn, dst, mtu)
}
