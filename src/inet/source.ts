/** Which address to send from, which addresses are ours (RFC 1122 §3.3.4.3; the rules of RFC 6724 §5 that IPv4 has). */

import { pmtuGet } from '../ip/pmtu.ts'
import { routeLookup } from '../ip/route.ts'
import type { Vn } from '../kern/vn.ts'
import {
  IP4_BROADCAST, addrCopy, addrEq, addrIsMulticast, addrIsUnspecified, addrIsV4, addrSetIp4, ip4IsLoopback, ip4IsMulticast,
  ip4Mask,
} from '../lib/addr.ts'
import type { Addr, Ip4 } from '../lib/addr.ts'
import { EADDRNOTAVAIL, EAFNOSUPPORT, ENETUNREACH } from '../lib/errno.ts'
import { IFA_PREFERRED, IFF_BROADCAST, IFF_LOOPBACK, IFF_UP } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'

/** Packet size that every IPv4 host takes: used where there is no route to tell better (RFC 1122 §3.3.3). */
const MTU_UNKNOWN = 576

/** Puts the address to send to `dst` from into `out`. ENETUNREACH: no route; EADDRNOTAVAIL: no usable address there. */
export function inetSource(vn: Vn, dst: Addr, out: Addr): number {
  if (!addrIsV4(dst)) return EAFNOSUPPORT
  // RFC 6724 rule 1: to ourselves from the same address
  if (inetIsLocal(vn, dst)) {
    addrCopy(out, dst)
    return 0
  }
  const route = routeLookup(vn, dst.w3)
  const ifp = route === null ? broadcastIf(vn, dst.w3) : vn.state.link.ifnets.get(route.ifId) ?? null
  if (ifp === null) return ENETUNREACH
  // seen from the interface, the neighbour is the gateway: an address on its prefix comes first (RFC 1122 §3.3.4.3)
  const neighbour = route === null || route.gateway === 0 ? dst.w3 : route.gateway
  const src = sourceOn(ifp, neighbour)
  if (src === 0) return EADDRNOTAVAIL
  addrSetIp4(out, src)
  return 0
}

/** Puts the address that a socket bound to `laddr` sends to `dst` from into `out`; errors as inetSource. */
export function inetSourceBound(vn: Vn, laddr: Addr, dst: Addr, out: Addr): number {
  // a socket bound to a group receives there; it sends from an address of its own (RFC 1122 §4.1.3.6)
  if (addrIsUnspecified(laddr) || addrIsMulticast(laddr) || inetIsBroadcast(vn, laddr)) return inetSource(vn, dst, out)
  // the address may have been removed since it was bound
  if (!inetIsLocal(vn, laddr)) return EADDRNOTAVAIL
  addrCopy(out, laddr)
  return 0
}

/** True for an address of this host that may be used: not one that is being probed or is a duplicate (RFC 5227 §2.1). */
export function inetIsLocal(vn: Vn, a: Addr): boolean {
  if (addrIsV4(a) && ip4IsLoopback(a.w3)) return true
  for (const ifp of vn.state.link.ifnets.values()) {
    for (const ia of ifp.addrs) if (ia.status === IFA_PREFERRED && addrEq(ia.addr, a)) return true
  }
  return false
}

/** True for 255.255.255.255 and the directed broadcast address of one of our prefixes (RFC 1122 §3.3.6). */
export function inetIsBroadcast(vn: Vn, a: Addr): boolean {
  if (!addrIsV4(a)) return false
  if (a.w3 === IP4_BROADCAST) return true
  for (const ifp of vn.state.link.ifnets.values()) {
    if ((ifp.flags & IFF_BROADCAST) === 0) continue
    // a /31 or /32 has no broadcast address (RFC 3021 §2.2)
    for (const ia of ifp.addrs) if (ia.prefixLen < 31 && addrIsV4(ia.addr) && ia.broadcast === a.w3) return true
  }
  return false
}

/** Largest IP packet that goes to `dst` in one piece, as far as is known (RFC 1191 §3). */
export function inetPathMtu(vn: Vn, dst: Addr): number {
  if (!addrIsV4(dst)) return MTU_UNKNOWN
  const route = routeLookup(vn, dst.w3)
  const ifp = route === null ? undefined : vn.state.link.ifnets.get(route.ifId)
  if (ifp === undefined) return MTU_UNKNOWN
  const known = pmtuGet(vn, dst.w3)
  return known > 0 && known < ifp.mtu ? known : ifp.mtu
}

/** Where limited broadcasts and multicasts go without a route: the first interface that is up and not the loopback. */
function broadcastIf(vn: Vn, dst: Ip4): Ifnet | null {
  if (dst !== IP4_BROADCAST && !ip4IsMulticast(dst)) return null
  for (const ifp of vn.state.link.ifnets.values()) {
    if ((ifp.flags & (IFF_UP | IFF_LOOPBACK)) === IFF_UP && sourceOn(ifp, dst) !== 0) return ifp
  }
  return null
}

/** The address of `ifp` whose prefix holds `neighbour` most closely, else its first usable one, else 0. */
function sourceOn(ifp: Ifnet, neighbour: Ip4): Ip4 {
  let best = 0
  let bestLen = -1
  for (const ia of ifp.addrs) {
    if (ia.status !== IFA_PREFERRED || !addrIsV4(ia.addr)) continue
    const len = ((ia.addr.w3 ^ neighbour) & ip4Mask(ia.prefixLen)) === 0 ? ia.prefixLen : -1
    if (best === 0 || len > bestLen) {
      best = ia.addr.w3
      bestLen = len
    }
  }
  return best
}
