/** IPv6 on an interface, and its addresses (RFC 4291 §2.8, RFC 4862 §5.3). */

import { randomInt32 } from '../kern/random.ts'
import type { Vn } from '../kern/vn.ts'
import type { Addr, Mac } from '../lib/addr.ts'
import { addrIsLoopback, addrIsV4, createAddr } from '../lib/addr.ts'
import { addr6, addr6InZone, addr6IsAny, addr6IsMulticast, sameWords } from '../lib/addr6.ts'
import { EADDRNOTAVAIL, EEXIST, EINVAL, ENOENT } from '../lib/errno.ts'
import { sipHash32 } from '../lib/siphash.ts'
import { tableIn } from '../lib/table.ts'
import { IFA_PREFERRED, IFA_TENTATIVE, IFT_ETHER, IFT_LOOP } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { mcastAddrNotice } from '../mcast/notice.ts'
import { ndDadStart } from '../nd/dad.ts'
import { ndAutoDefault, ndAutoLinkUp } from '../nd/notice.ts'
import { ndProxyFlushIf } from '../nd/proxy.ts'
import { ndFlushIf } from '../nd/table.ts'
import { ip6AddrActivate, ip6AddrDeactivate } from './activate.ts'
import { route6FlushIf } from './route.ts'
import { createIp6Addr, createIp6If } from './state.ts'
import type { Ip6Addr, Ip6If } from './state.ts'

/**
 * Lets an interface speak IPv6: its record is made, and an Ethernet gets its link-local address (RFC 4862 §5.3). Once is
 * enough. Null: no such interface.
 */
export function ip6Enable(vn: Vn, ifId: number): Ip6If | null {
  const { ip6, link, sysctl } = vn.state
  const ifp = link.ifnets.get(ifId)
  if (ifp === undefined) return null
  const known = ip6.ifs.get(ifId)
  if (known !== undefined) return known
  const i6 = createIp6If(ifId)
  tableIn(ip6, 'ifs').set(ifId, i6)
  if (ifp.type !== IFT_ETHER) return i6
  ip6PickReachable(vn, i6)
  ndAutoDefault(vn, ifId)
  if (sysctl['net.inet6.ip6.auto_linklocal'] === 1) ip6AddAddr(vn, ifId, ip6LinkLocal(vn, ifp, 0), 64)
  return i6
}

/** Draws the reachable time: uniformly from half to one and a half of the base (RFC 4861 §6.3.2). */
export function ip6PickReachable(vn: Vn, i6: Ip6If): void {
  i6.reachableUs = Math.floor(i6.baseReachableMs * (500 + (randomInt32(vn.state.random) >>> 0) % 1001))
}

/**
 * Gives an interface an address; on Ethernet it is tentative until nobody has claimed it, unless `probe` is false; `flags` are IA6_*.
 * EEXIST: a Vnet has an address only once (a link-local one once a link). EINVAL: not an address of one host. ENOENT: no such interface.
 */
export function ip6AddAddr(vn: Vn, ifId: number, addr: Addr, prefixLen: number, probe = true, flags = 0): number {
  const { ip6, link } = vn.state
  const ifp = link.ifnets.get(ifId)
  if (ifp === undefined) return ENOENT
  if (!Number.isInteger(prefixLen) || prefixLen < 0 || prefixLen > 128 || addrIsV4(addr)) return EINVAL
  if (addr6IsAny(addr) || addr6IsMulticast(addr) || (addrIsLoopback(addr) && ifp.type !== IFT_LOOP)) return EINVAL
  const own = addr6InZone(addr, ifId)
  for (const other of ip6.ifs.values()) {
    for (const ia of other.addrs) if (sameWords(ia.addr, own) && ia.addr.zone === own.zone) return EEXIST
  }
  const i6 = ip6Enable(vn, ifId)
  if (i6 === null) return ENOENT
  const ia = createIp6Addr(link.nextAddrId++, own, prefixLen, IFA_TENTATIVE)
  ia.flags = flags
  i6.addrs = i6.addrs.concat(ia)
  mcastAddrNotice(vn, ifId)
  if (probe) ndDadStart(vn, ifp, ia)
  else {
    ia.status = IFA_PREFERRED
    ip6AddrActivate(vn, ifp, ia)
  }
  return 0
}

/** Takes an address away. EADDRNOTAVAIL: the interface does not have it. */
export function ip6DelAddr(vn: Vn, ifId: number, addr: Addr): number {
  const i6 = vn.state.ip6.ifs.get(ifId)
  const ifp = vn.state.link.ifnets.get(ifId)
  const ia = i6?.addrs.find((a) => sameWords(a.addr, addr))
  if (i6 === undefined || ifp === undefined || ia === undefined) return EADDRNOTAVAIL
  i6.addrs.splice(i6.addrs.indexOf(ia), 1)
  mcastAddrNotice(vn, ifId)
  if (ia.status === IFA_PREFERRED) ip6AddrDeactivate(vn, ifp, ia)
  return 0
}

/** The interface came up, or its carrier returned: everything is claimed anew (RFC 4862 §5.4). */
export function ip6IfUp(vn: Vn, ifp: Ifnet): void {
  for (const ia of vn.state.ip6.ifs.get(ifp.id)?.addrs ?? []) {
    if (ifp.type === IFT_ETHER && ia.status === IFA_PREFERRED && ia.dadWanted > 0) {
      ip6AddrDeactivate(vn, ifp, ia)
      ia.status = IFA_TENTATIVE
    }
    ndDadStart(vn, ifp, ia)
  }
  ndAutoLinkUp(vn, ifp.id)
}

/** The interface went down: its neighbours may be others when it comes back. */
export function ip6IfDown(vn: Vn, ifp: Ifnet): void {
  if (vn.state.ip6.ifs.has(ifp.id)) ndFlushIf(vn, ifp.id)
}

/** The interface goes: so does what IPv6 knows of it. */
export function ip6Disable(vn: Vn, ifId: number): void {
  const i6 = vn.state.ip6.ifs.get(ifId)
  if (i6 === undefined) return
  for (const ia of [...i6.addrs]) ip6DelAddr(vn, ifId, ia.addr)
  route6FlushIf(vn, ifId)
  ndFlushIf(vn, ifId)
  ndProxyFlushIf(vn, ifId)
  vn.state.ip6.ifs.delete(ifId)
  vn.state.nd.hosts.delete(ifId)
  vn.state.nd.advertisers.delete(ifId)
}

/** Copies of the addresses of an interface, in the order of adding. */
export function ip6Addrs(vn: Vn, ifId: number): Ip6Addr[] {
  return (vn.state.ip6.ifs.get(ifId)?.addrs ?? []).map((ia) => ({ ...ia, addr: { ...ia.addr } }))
}

/** The link-local address of an Ethernet: an opaque identifier (RFC 7217), or that of its Ethernet address. */
export function ip6LinkLocal(vn: Vn, ifp: Ifnet, dadCounter: number): Addr {
  const prefix = addr6(0xfe800000, 0, 0, 0, ifp.id)
  return ip6MakeAddr(vn, ifp, prefix, dadCounter)
}

/** The address of an interface in a /64, as sysctl net.inet6.ip6.stableaddr says. */
export function ip6MakeAddr(vn: Vn, ifp: Ifnet, prefix: Addr, dadCounter: number): Addr {
  const a = createAddr()
  a.w0 = prefix.w0
  a.w1 = prefix.w1
  a.zone = prefix.zone
  if (vn.state.sysctl['net.inet6.ip6.stableaddr'] === 0) eui64(ifp.mac, a)
  else opaque(vn, ifp, dadCounter, a)
  return a
}

/** RFC 4291 appendix A: the Ethernet address with FF-FE in the middle and the universal bit inverted. */
function eui64(mac: Mac, a: Addr): void {
  const high = Math.floor(mac / 0x1000000)
  const low = mac % 0x1000000
  a.w2 = ((high ^ 0x020000) << 8) | 0xff
  a.w3 = (0xfe << 24) | low
}

/** RFC 7217 §5: F(prefix, interface, network id, counter, secret), where the interface's name and address stand for it. */
function opaque(vn: Vn, ifp: Ifnet, dadCounter: number, a: Addr): void {
  const name = [...ifp.name].map((c) => c.charCodeAt(0))
  const words = [a.w0, a.w1, Math.floor(ifp.mac / 0x1000000), ifp.mac % 0x1000000, dadCounter, ...name]
  a.w2 = sipHash32(vn.state.inet.portKey, [2, ...words])
  a.w3 = sipHash32(vn.state.inet.portKey, [3, ...words])
  if (ip6AddrReserved(a)) a.w3 ^= 0x01010101
}

/** RFC 5453: identifiers that are reserved: all zeros (subnet-router anycast), 0200:5EFF:FE00:0000…, FDFF:FFFF:FFFF:FF80… */
export function ip6AddrReserved(a: Addr): boolean {
  return (a.w2 === 0 && a.w3 === 0) || (a.w2 === 0x02005eff && (a.w3 >>> 24) === 0xfe) ||
    (a.w2 === (0xfdffffff | 0) && (a.w3 >>> 7) === 0x1ffffff)
}
