/** Source filters: a socket's own, which decides on delivery, and their sum for an interface. */

import type { Vn } from '../kern/vn.ts'
import { addrIsV4 } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6AllRouters, addr6IsSolicitedNode, sameWords } from '../lib/addr6.ts'
import { IFA_DUPLICATED } from '../link/state.ts'
import { sourceEq, sourcesAdd, sourcesBoth, sourcesHave, sourcesMinus } from './sources.ts'
import { MCAST_EXCLUDE, MCAST_INCLUDE } from './state.ts'
import type { McFilter, McSocket } from './state.ts'

/**
 * True when socket `id` takes multicasts to `group` from `src` that came in by `ifId`: it has joined there and its
 * filter lets the source pass (RFC 3376 §3.1; a socket gets nothing that only others have joined, unless it says so by
 * IP_MULTICAST_ALL).
 */
export function mcastAllows(vn: Vn, id: number, ifId: number, group: Addr, src: Addr): boolean {
  const so = vn.state.mcast.sockets.get(id)
  if (so === undefined) return false
  const filter = filterFind(so, ifId, group)
  if (filter === null) return addrIsV4(group) ? so.all4 : so.all6
  return sourcesHave(filter.sources, src) === (filter.mode === MCAST_INCLUDE)
}

/** As mcastAllows, for sockets that get every packet of a protocol until they join a group themselves (raw sockets). */
export function mcastAllowsRaw(vn: Vn, id: number, ifId: number, group: Addr, src: Addr): boolean {
  const so = vn.state.mcast.sockets.get(id)
  return so === undefined || so.filters.length === 0 || mcastAllows(vn, id, ifId, group, src)
}

export function filterFind(so: McSocket, ifId: number, group: Addr): McFilter | null {
  for (let i = 0; i < so.filters.length; i++) {
    const filter = so.filters[i]
    if (filter.ifId === ifId && sourceEq(filter.group, group)) return filter
  }
  return null
}

/**
 * What all sockets together want of a group on an interface (RFC 3376 §3.2): EXCLUDE what every EXCLUDE filter
 * excludes and no INCLUDE filter wants; without an EXCLUDE filter, INCLUDE what anybody includes.
 */
export function filterMerge(vn: Vn, ifId: number, group: Addr): { mode: number; sources: Addr[] } {
  const included: Addr[] = []
  let excluded: Addr[] | null = null
  for (const so of vn.state.mcast.sockets.values()) {
    const filter = filterFind(so, ifId, group)
    if (filter === null) continue
    if (filter.mode === MCAST_INCLUDE) for (const source of filter.sources) sourcesAdd(included, source)
    else excluded = excluded === null ? filter.sources.map((a) => ({ ...a })) : sourcesBoth(excluded, filter.sources)
  }
  // the interface itself needs it, from all sources (RFC 4291 §2.8)
  if (isOwn(vn, ifId, group)) return { mode: MCAST_EXCLUDE, sources: [] }
  return excluded === null ? { mode: MCAST_INCLUDE, sources: included }
    : { mode: MCAST_EXCLUDE, sources: sourcesMinus(excluded, included) }
}

/** True for the solicited-node group of an address of this interface, and for all routers where it advertises itself. */
function isOwn(vn: Vn, ifId: number, group: Addr): boolean {
  if (addrIsV4(group) || vn.state.sysctl['net.inet6.mld.solicited'] === 0) return false
  if (sameWords(group, addr6AllRouters(0))) return vn.state.nd.advertisers.has(ifId)
  if (!addr6IsSolicitedNode(group)) return false
  const low = group.w3 & 0xffffff
  // RFC 4861 §7.2.8: of an address that we answer for, too
  if (vn.state.nd.proxies.some((p) => p.ifId === ifId && (p.addr.w3 & 0xffffff) === low)) return true
  return vn.state.ip6.ifs.get(ifId)?.addrs.some((ia) =>
    ia.status !== IFA_DUPLICATED && (ia.addr.w3 & 0xffffff) === low) ?? false
}
