/** Which address to send from, which addresses are ours (RFC 1122 §3.3.4.3; the rules of RFC 6724 §5 that IPv4 has). */

import { ipIsBroadcast, ipIsLocal, ipSourceOn } from '../ip/addrs.ts'
import { ipOutputRoute } from '../ip/output.ts'
import { ip6IsLocal } from '../ip6/addrs.ts'
import { ip6OutputRoute } from '../ip6/output.ts'
import { ip6SourceSelect } from '../ip6/source.ts'
import { RTF_REJECT } from '../ip/state.ts'
import type { Vn } from '../kern/vn.ts'
import {
  IP4_LOOPBACK, addrCopy, addrFromIp4, addrIsMulticast, addrIsUnspecified, addrIsV4, addrSetIp4, createAddr,
} from '../lib/addr.ts'
import type { Addr, Ip4 } from '../lib/addr.ts'
import { addr6NeedsZone } from '../lib/addr6.ts'
import { EADDRNOTAVAIL, EHOSTUNREACH, ENETUNREACH } from '../lib/errno.ts'
import { IFT_LOOP } from '../link/state.ts'
import { AF_INET } from './state.ts'
import type { Inpcb } from './state.ts'

/**
 * Puts the address to send to `dst` from into `out`. ENETUNREACH: no route; EHOSTUNREACH: a route that refuses;
 * EADDRNOTAVAIL: no usable address there. `ifId` is the interface that a multicast is told to go by, 0 for the route's.
 */
export function inetSource(vn: Vn, dst: Addr, out: Addr, ifId = 0): number {
  // RFC 6724 rule 1: to ourselves from the same address
  if (inetIsLocal(vn, dst)) {
    addrCopy(out, dst)
    return 0
  }
  if (!addrIsV4(dst)) return source6(vn, dst, out, ifId)
  if (ifId !== 0) return sourceOn(vn, ifId, dst.w3, out)
  const route = ipOutputRoute(vn, 0, 0, dst.w3)
  const ifp = route === null ? undefined : vn.state.link.ifnets.get(route.ifId)
  if (route === null || ifp === undefined) {
    return route !== null && (route.flags & RTF_REJECT) !== 0 ? EHOSTUNREACH : ENETUNREACH
  }
  // seen from the interface, the neighbour is the gateway: an address on its prefix comes first
  return sourceOn(vn, ifp.id, route.gateway === 0 ? dst.w3 : route.gateway, out)
}

function source6(vn: Vn, dst: Addr, out: Addr, ifId: number): number {
  if (ifId !== 0) return ip6SourceSelect(vn, ifId, dst, out) ? 0 : EADDRNOTAVAIL
  const route = ip6OutputRoute(vn, 0, createAddr(), dst)
  if (route === null) return ENETUNREACH
  if ((route.flags & RTF_REJECT) !== 0) return EHOSTUNREACH
  return ip6SourceSelect(vn, route.ifId, dst, out, route.gateway) ? 0 : EADDRNOTAVAIL
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
  return addrIsV4(a) ? ipIsLocal(vn, a.w3) : ip6IsLocal(vn, a)
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

/** Where a socket's packets to `addr` go: the wildcard stands for this host, as programs expect; zones are filled in. */
export function inetDestination(vn: Vn, inp: Inpcb, addr: Addr): Addr {
  if (!addrIsUnspecified(addr)) return inetZoned(vn, addr)
  return inp.family === AF_INET ? addrFromIp4(IP4_LOOPBACK) : { ...createAddr(), w3: 1 }
}

/** The address with the zone it is in: the one link there is, where a link-local address names none (RFC 4007 §6). */
export function inetZoned(vn: Vn, addr: Addr): Addr {
  if (addrIsV4(addr)) return addr
  if (!addr6NeedsZone(addr)) return addr.zone === 0 ? addr : { ...addr, zone: 0 }
  if (addr.zone !== 0) return addr
  let zone = 0
  for (const id of vn.state.ip6.ifs.keys()) {
    if (vn.state.link.ifnets.get(id)?.type === IFT_LOOP) continue
    // several links: the address alone does not say which
    if (zone !== 0) return addr
    zone = id
  }
  return { ...addr, zone }
}

export { inetCanSegment, inetMmsR, inetPathMtu, inetPmtuLearnt } from './pmtu.ts'
