/**
 * Addresses of others that we answer for (RFC 4861 §7.2.8), set by hand: their packets come to our link address, and are forwarded
 * like any that are not ours. Answers do not override, so that the owner's own prevail where it is on the link.
 */

import { ip6AddrOn } from '../ip6/addrs.ts'
import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6InZone, addr6IsAny, addr6IsMulticast, addr6SolicitedNode, sameWords } from '../lib/addr6.ts'
import { EEXIST, EINVAL, ENOBUFS, ENOENT } from '../lib/errno.ts'
import { IFT_ETHER } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { mcastUpdate } from '../mcast/member.ts'
import { createNdProxy } from './state.ts'
import type { NdProxy } from './state.ts'

/**
 * Answers for `a` on the interface of its zone from now on, and listens to its solicited-node group. EINVAL: not the address of one
 * station, or no Ethernet interface; EEXIST: it is ours; ENOBUFS: net.inet6.icmp6.nd6_maxproxies are there.
 */
export function ndProxySet(vn: Vn, a: Addr): number {
  const ifp = vn.state.link.ifnets.get(a.zone)
  if (ifp === undefined || ifp.type !== IFT_ETHER || addr6IsAny(a) || addr6IsMulticast(a)) return EINVAL
  const { proxies } = vn.state.nd
  const i6 = vn.state.ip6.ifs.get(ifp.id)
  const target = addr6InZone(a, ifp.id)
  if (i6 === undefined) return EINVAL
  if (ip6AddrOn(i6, target) !== null) return EEXIST
  if (ndProxyFind(vn, ifp, a)) return 0
  if (proxies.length >= vn.state.sysctl['net.inet6.icmp6.nd6_maxproxies']) return ENOBUFS
  proxies.push(createNdProxy(target, ifp.id))
  mcastUpdate(vn, ifp, addr6SolicitedNode(a, 0))
  return 0
}

/** No longer answers for `a`, on the interface of its zone or on any. ENOENT: nowhere did we. */
export function ndProxyDelete(vn: Vn, a: Addr): number {
  const gone = vn.state.nd.proxies.filter((p) => sameWords(p.addr, a) && (a.zone === 0 || p.ifId === a.zone))
  forget(vn, gone)
  return gone.length === 0 ? ENOENT : 0
}

/** An interface goes. */
export function ndProxyFlushIf(vn: Vn, ifId: number): void {
  vn.state.nd.proxies = vn.state.nd.proxies.filter((p) => p.ifId !== ifId)
}

export function ndProxyFind(vn: Vn, ifp: Ifnet, a: Addr): boolean {
  const { proxies } = vn.state.nd
  for (let i = 0; i < proxies.length; i++) if (proxies[i].ifId === ifp.id && sameWords(proxies[i].addr, a)) return true
  return false
}

function forget(vn: Vn, gone: readonly NdProxy[]): void {
  const { nd, link } = vn.state
  nd.proxies = nd.proxies.filter((p) => !gone.includes(p))
  for (const { addr, ifId } of gone) {
    const ifp = link.ifnets.get(ifId)
    if (ifp !== undefined) mcastUpdate(vn, ifp, addr6SolicitedNode(addr, 0))
  }
}
