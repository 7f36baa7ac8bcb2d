/** Addresses of interfaces. An address brings its connected route, its broadcast address, and a claim on the link. */

import { arpProbeStart } from '../arp/probe.ts'
import { ipAddrActivate, ipAddrDeactivate } from '../ip/addrs.ts'
import { ip6AddAddr, ip6DelAddr, ip6Enable } from '../ip6/ifaddr.ts'
import type { Vn } from '../kern/vn.ts'
import { IP4_ANY, IP4_BROADCAST, addrEq, addrIsV4, createAddr, addrCopy, ip4IsMulticast, ip4Mask } from '../lib/addr.ts'
import type { Addr, Ip4 } from '../lib/addr.ts'
import { EADDRNOTAVAIL, EEXIST, EINVAL, ENOENT } from '../lib/errno.ts'
import { ifSetFlags } from './ifflags.ts'
import { IFA_PREFERRED, IFF_BROADCAST, IFF_UP, createIfAddr } from './state.ts'
import type { Ifnet } from './state.ts'

/**
 * Gives an interface an address and brings it up. With `probe`, and on Ethernet, the address is tentative until nobody has
 * claimed it (RFC 5227 §2.1), as an IPv6 address is unless `probe` is false (RFC 4862 §5.4); otherwise it is used and announced
 * at once. EEXIST: a Vnet has an address only once. EINVAL: not a host address. ENOENT: no such interface.
 */
export function ifAddAddr(
  vn: Vn, ifId: number, addr: Addr, prefixLen: number, options: { readonly probe?: boolean } = {},
): number {
  const link = vn.state.link
  const ifp = link.ifnets.get(ifId)
  if (ifp === undefined) return ENOENT
  if (!addrIsV4(addr)) return ifAddAddr6(vn, ifp, addr, prefixLen, options)
  const ip = addr.w3
  if (!Number.isInteger(prefixLen) || prefixLen < 0 || prefixLen > 32) return EINVAL
  if (!isHostAddress(ifp, ip, prefixLen)) return EINVAL
  for (const other of link.ifnets.values()) for (const ia of other.addrs) if (addrEq(ia.addr, addr)) return EEXIST
  const own = createAddr()
  addrCopy(own, addr)
  const ia = createIfAddr(link.nextAddrId++, own, prefixLen, directedBroadcast(ifp, ip, prefixLen))
  ifSetFlags(vn, ifId, ifp.flags | IFF_UP)
  // `push` would make room for sixteen more
  ifp.addrs = ifp.addrs.concat(ia)
  if (options.probe !== true) {
    ia.status = IFA_PREFERRED
    ipAddrActivate(vn, ifp, ia)
  }
  arpProbeStart(vn, ifp, ia)
  return 0
}

function ifAddAddr6(
  vn: Vn, ifp: Ifnet, addr: Addr, prefixLen: number, options: { readonly probe?: boolean },
): number {
  ifSetFlags(vn, ifp.id, ifp.flags | IFF_UP)
  ip6Enable(vn, ifp.id)
  return ip6AddAddr(vn, ifp.id, addr, prefixLen, options.probe !== false)
}

/** Tells every link again which addresses are here (RFC 5227 §2.3): a restored Vnet may have come from elsewhere. */
export function ifAnnounceAll(vn: Vn): void {
  for (const ifp of vn.state.link.ifnets.values()) for (const ia of ifp.addrs) arpProbeStart(vn, ifp, ia)
}

/** Takes an address away, with its route. EADDRNOTAVAIL: the interface does not have it. ENOENT: no such interface. */
export function ifDelAddr(vn: Vn, ifId: number, addr: Addr): number {
  const ifp = vn.state.link.ifnets.get(ifId)
  if (ifp === undefined) return ENOENT
  if (!addrIsV4(addr)) return ip6DelAddr(vn, ifId, addr)
  const i = ifp.addrs.findIndex((ia) => addrEq(ia.addr, addr))
  const ia = ifp.addrs[i]
  if (ia === undefined) return EADDRNOTAVAIL
  ifp.addrs.splice(i, 1)
  if (ia.status === IFA_PREFERRED) ipAddrDeactivate(vn, ifp, ia)
  return 0
}

/**
 * Not 0.0.0.0/8, a group, class E, nor the all-zeros or all-ones host of its prefix (RFC 1122 §3.2.1.3; RFC 3021 for
 * /31).
 */
function isHostAddress(ifp: Ifnet, ip: Ip4, prefixLen: number): boolean {
  if ((ip >>> 24) === 0 || ip4IsMulticast(ip) || (ip >>> 28) === 0xf) return false
  if (prefixLen >= 31 || (ifp.flags & IFF_BROADCAST) === 0) return true
  const host = ip & ~ip4Mask(prefixLen)
  return host !== IP4_ANY && host !== (IP4_BROADCAST & ~ip4Mask(prefixLen))
}

function directedBroadcast(ifp: Ifnet, ip: Ip4, prefixLen: number): Ip4 {
  // a /31 has no broadcast address of its own (RFC 3021 §2.2), a host route has none either
  if (prefixLen >= 31 || (ifp.flags & IFF_BROADCAST) === 0) return ip
  return ip | ~ip4Mask(prefixLen)
}
