/**
 * What users ask of multicast (RFC 3376 §2 IPMulticastListen, RFC 3678 §5): join and leave groups and sources, block and
 * unblock them, one set of calls for both families. Calls return an errno.
 */

import { ipOutputRoute } from '../ip/output.ts'
import {
  MCAST_BLOCK_SOURCE, MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_GROUP, MCAST_LEAVE_SOURCE_GROUP,
  MCAST_UNBLOCK_SOURCE,
} from '../inet/sockopt.ts'
import type { Vn } from '../kern/vn.ts'
import { ip6OutputRoute } from '../ip6/output.ts'
import { addrIsMulticast, addrIsUnspecified, addrIsV4, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOBUFS, ENODEV, ENOPROTOOPT } from '../lib/errno.ts'
import { tableIn } from '../lib/table.ts'
import { IFF_MULTICAST } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { filterFind } from './filter.ts'
import { mcastUpdate } from './member.ts'
import { sourcesAdd, sourcesDrop, sourcesHave } from './sources.ts'
import { MCAST_EXCLUDE, MCAST_INCLUDE, createMcFilter, createMcSocket } from './state.ts'
import type { McFilter, McSocket } from './state.ts'

/**
 * One of the MCAST_* calls for socket `id`. `ifId` 0 takes the interface of the route to the group (of its zone, where it
 * has one). `source` is for the calls that name one. EINVAL: no group, no source, or a call that does not go with the
 * filter's mode. ENODEV: no such interface. EADDRINUSE: joined already. EADDRNOTAVAIL: not joined, or (for a source) as
 * it is asked for already. ENOBUFS: too many groups or sources.
 */
export function mcastRequest(vn: Vn, id: number, op: number, ifId: number, group: Addr, source: Addr): number {
  if (!addrIsMulticast(group)) return EINVAL
  const bySource = op !== MCAST_JOIN_GROUP && op !== MCAST_LEAVE_GROUP
  if (bySource && !isSource(group, source)) return EINVAL
  const ifp = mcastInterface(vn, ifId, group)
  if (ifp === null) return ENODEV
  const so = mcastSocket(vn, id)
  const filter = filterFind(so, ifp.id, group)
  switch (op) {
    case MCAST_JOIN_GROUP: return filter === null ? open(vn, so, ifp, group, MCAST_EXCLUDE, null) : EADDRINUSE
    case MCAST_LEAVE_GROUP: return filter === null ? EADDRNOTAVAIL : close(vn, so, ifp, filter)
    case MCAST_JOIN_SOURCE_GROUP:
      if (filter === null) return open(vn, so, ifp, group, MCAST_INCLUDE, source)
      return change(vn, so, ifp, filter, MCAST_INCLUDE, source, true)
    case MCAST_LEAVE_SOURCE_GROUP:
      return filter === null ? EADDRNOTAVAIL : change(vn, so, ifp, filter, MCAST_INCLUDE, source, false)
    case MCAST_BLOCK_SOURCE:
      return filter === null ? EADDRNOTAVAIL : change(vn, so, ifp, filter, MCAST_EXCLUDE, source, true)
    case MCAST_UNBLOCK_SOURCE:
      return filter === null ? EADDRNOTAVAIL : change(vn, so, ifp, filter, MCAST_EXCLUDE, source, false)
    default: return ENOPROTOOPT
  }
}

/**
 * Sets the whole filter at once (RFC 3376 §2 IPMulticastListen, MCAST_MSFILTER): INCLUDE of nothing leaves the group.
 * Errors as mcastRequest.
 */
export function mcastSetFilter(
  vn: Vn, id: number, ifId: number, group: Addr, mode: number, sources: readonly Addr[],
): number {
  if (!addrIsMulticast(group) || (mode !== MCAST_INCLUDE && mode !== MCAST_EXCLUDE)) return EINVAL
  if (!sources.every((source) => isSource(group, source))) return EINVAL
  if (sources.length > vn.state.sysctl['net.inet.ip.mcast.maxsocksrc']) return ENOBUFS
  const ifp = mcastInterface(vn, ifId, group)
  if (ifp === null) return ENODEV
  const so = mcastSocket(vn, id)
  const found = filterFind(so, ifp.id, group)
  if (found === null && so.filters.length >= vn.state.sysctl['net.inet.ip.mcast.maxgroups']) return ENOBUFS
  const filter = found ?? createMcFilter(ifp.id, group, mode)
  if (found === null) so.filters.push(filter)
  const before = { mode: filter.mode, sources: filter.sources }
  filter.mode = mode
  filter.sources = []
  for (const source of sources) sourcesAdd(filter.sources, source)
  const errno = mcastUpdate(vn, ifp, group)
  if (errno !== 0) Object.assign(filter, before)
  if (isNothing(filter) || (errno !== 0 && found === null)) so.filters.splice(so.filters.indexOf(filter), 1)
  return errno
}

/** A socket's own multicast record, made where there is none. */
export function mcastSocket(vn: Vn, id: number): McSocket {
  let so = vn.state.mcast.sockets.get(id)
  if (so === undefined) {
    so = createMcSocket()
    tableIn(vn.state.mcast, 'sockets').set(id, so)
  }
  return so
}

/** The socket is closed: it leaves all its groups. */
export function mcastSocketGone(vn: Vn, id: number): void {
  const { sockets } = vn.state.mcast
  const so = sockets.get(id)
  if (so === undefined) return
  sockets.delete(id)
  for (const { ifId, group } of so.filters) {
    const ifp = vn.state.link.ifnets.get(ifId)
    if (ifp !== undefined) mcastUpdate(vn, ifp, group)
  }
}

/** The interface to join on, or null: the named one, that of the group's zone, or that of the route to the group. */
function mcastInterface(vn: Vn, ifId: number, group: Addr): Ifnet | null {
  const { ifnets } = vn.state.link
  let id = ifId === 0 ? group.zone : ifId
  if (id === 0) {
    id = (addrIsV4(group) ? ipOutputRoute(vn, 0, 0, group.w3) : ip6OutputRoute(vn, 0, createAddr(), group))?.ifId ?? 0
  }
  const ifp = ifnets.get(id)
  if (ifp === undefined || (ifp.flags & IFF_MULTICAST) === 0) return null
  return addrIsV4(group) || vn.state.ip6.ifs.has(ifp.id) ? ifp : null
}

function open(vn: Vn, so: McSocket, ifp: Ifnet, group: Addr, mode: number, source: Addr | null): number {
  if (so.filters.length >= vn.state.sysctl['net.inet.ip.mcast.maxgroups']) return ENOBUFS
  const filter = createMcFilter(ifp.id, group, mode)
  if (source !== null) sourcesAdd(filter.sources, source)
  so.filters.push(filter)
  const errno = mcastUpdate(vn, ifp, group)
  if (errno !== 0) so.filters.pop()
  return errno
}

function close(vn: Vn, so: McSocket, ifp: Ifnet, filter: McFilter): number {
  so.filters.splice(so.filters.indexOf(filter), 1)
  return mcastUpdate(vn, ifp, filter.group)
}

/** Puts a source on the list of a filter of the given mode, or takes it off. */
function change(
  vn: Vn, so: McSocket, ifp: Ifnet, filter: McFilter, mode: number, source: Addr, add: boolean,
): number {
  if (filter.mode !== mode) return EINVAL
  if (sourcesHave(filter.sources, source) === add) return EADDRNOTAVAIL
  if (add && filter.sources.length >= vn.state.sysctl['net.inet.ip.mcast.maxsocksrc']) return ENOBUFS
  if (add) sourcesAdd(filter.sources, source)
  else sourcesDrop(filter.sources, source)
  if (isNothing(filter)) return close(vn, so, ifp, filter)
  const errno = mcastUpdate(vn, ifp, filter.group)
  if (errno === 0) return 0
  if (add) sourcesDrop(filter.sources, source)
  else sourcesAdd(filter.sources, source)
  return errno
}

function isNothing(filter: McFilter): boolean {
  return filter.mode === MCAST_INCLUDE && filter.sources.length === 0
}

/** A unicast address of the group's family. */
function isSource(group: Addr, source: Addr): boolean {
  return addrIsV4(source) === addrIsV4(group) && !addrIsMulticast(source) && !addrIsUnspecified(source)
}
