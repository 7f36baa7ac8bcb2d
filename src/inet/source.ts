/** Which address to send from, which addresses are ours (RFC 1122 §3.3.4.3; the rules of RFC 6724 §5 that IPv4 has). */

import { ipIsBroadcast, ipIsLocal, ipSourceOn } from '../ip/addrs.ts'
import { ipOutputRoute } from '../ip/output.ts'
import { RTF_REJECT } from '../ip/state.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy, addrIsMulticast, addrIsUnspecified, addrIsV4, addrSetIp4 } from '../lib/addr.ts'
import type { Addr, Ip4 } from '../lib/addr.ts'
import { EADDRNOTAVAIL, EAFNOSUPPORT, EHOSTUNREACH, ENETUNREACH } from '../lib/errno.ts'

/**
 * Puts the address to send to `dst` from into `out`. ENETUNREACH: no route; EHOSTUNREACH: a route that refuses;
 * EADDRNOTAVAIL: no usable address there. `ifId` is the interface that a multicast is told to go by, 0 for the route's.
 */
export function inetSource(vn: Vn, dst: Addr, out: Addr, ifId = 0): number {
  if (!addrIsV4(dst)) return EAFNOSUPPORT
  // RFC 6724 rule 1: to ourselves from the same address
  if (inetIsLocal(vn, dst)) {
    addrCopy(out, dst)
    return 0
  }
  if (ifId !== 0) return sourceOn(vn, ifId, dst.w3, out)
  const route = ipOutputRoute(vn, 0, 0, dst.w3)
  const ifp = route === null ? undefined : vn.state.link.ifnets.get(route.ifId)
  if (route === null || ifp === undefined) {
    return route !== null && (route.flags & RTF_REJECT) !== 0 ? EHOSTUNREACH : ENETUNREACH
  }
  // seen from the interface, the neighbour is the gateway: an address on its prefix comes first
  return sourceOn(vn, ifp.id, route.gateway === 0 ? dst.w3 : route.gateway, out)
}

/** Puts the address that a socket bound to `laddr` sends to `dst` from into `out`; errors as inetSource. */
export function inetSourceBound(vn: Vn, laddr: Addr, dst: Addr, out: Addr, ifId = 0): number {
  // a socket bound to a group receives there; it sends from an address of its own (RFC 1122 §4.1.3.6)
  if (addrIsUnspecified(laddr) || addrIsMulticast(laddr) || inetIsBroadcast(vn, laddr)) {
    return inetSource(vn, dst, out, ifId)
  }
  // the address may have been removed since it was bound
  if (!inetIsLocal(vn, laddr)) return EADDRNOTAVAIL
  addrCopy(out, laddr)
  return 0
}

/**
 * True for an address of this host that may be used: not one that is being probed or is a duplicate (RFC 5227 §2.1).
 */
export function inetIsLocal(vn: Vn, a: Addr): boolean {
  return addrIsV4(a) && ipIsLocal(vn, a.w3)
}

/** True for 255.255.255.255 and the directed broadcast address of one of our prefixes (RFC 1122 §3.3.6). */
export function inetIsBroadcast(vn: Vn, a: Addr): boolean {
  return addrIsV4(a) && ipIsBroadcast(vn, a.w3, 0)
}

function sourceOn(vn: Vn, ifId: number, neighbour: Ip4, out: Addr): number {
  const ifp = vn.state.link.ifnets.get(ifId)
  const src = ifp === undefined ? 0 : ipSourceOn(ifp, neighbour)
  if (src === 0) return EADDRNOTAVAIL
  addrSetIp4(out, src)
  return 0
}

export { inetCanSegment, inetPathMtu, inetPmtuLearnt } from './pmtu.ts'
