/**
 * The IPv6 routing table: longest prefix first, then the best metric among interfaces that are up. One map for each prefix
 * length in use, keyed by a hash of the prefix, so a lookup costs the same with ten routes and with a million.
 */

import { lensWith } from '../ip/route.ts'
import { RTF_BLACKHOLE, RTF_GATEWAY, RTF_HOST, RTF_PINNED, RTF_REJECT, RTF_UP } from '../ip/state.ts'
import type { Vn } from '../kern/vn.ts'
import { createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6Hash, addr6IsAny, addr6IsLinkLocal, prefixEq, prefixOf, sameWords } from '../lib/addr6.ts'
import { EEXIST, EINVAL, ENETUNREACH, ENOENT } from '../lib/errno.ts'
import { tableIn } from '../lib/table.ts'
import { IFF_UP } from '../link/state.ts'
import { createRoute6 } from './state.ts'
import type { Route6 } from './state.ts'

/**
 * The route that a packet to `dst` takes, or null; a zone restricts it to that interface. The record is the table's own:
 * read it, do not keep it. `onLink` leaves gateways aside.
 */
export function route6Lookup(vn: Vn, dst: Addr, onLink = false): Route6 | null {
  const { routes, routeLens } = vn.state.ip6
  const key = vn.state.inet.hashKey
  for (let i = 0; i < routeLens.length; i++) {
    const len = routeLens[i]
    const list = routes.get(len)?.get(addr6Hash(key, dst, len, len))
    if (list === undefined) continue
    for (let j = 0; j < list.length; j++) {
      const r = list[j]
      if (!prefixEq(r.dst, dst, len) || (dst.zone !== 0 && r.ifId !== dst.zone) || !usable(vn, r)) continue
      if (!onLink || (addr6IsAny(r.gateway) && r.ifId !== 0)) return r
    }
  }
  return null
}

/** The best usable route to exactly this prefix that `fits`, or null. Read it, do not keep it. */
export function route6Choose(vn: Vn, dst: Addr, prefixLen: number, fits: (route: Route6) => boolean): Route6 | null {
  for (const r of bucket(vn, dst, prefixLen)) if (sameWords(r.dst, dst) && usable(vn, r) && fits(r)) return r
  return null
}

/**
 * Adds a route. `gateway` `::`: the destination is on the link of `ifId`. A link-local gateway needs `ifId` or a zone; for
 * any other it may be 0: the interface through which the gateway is reached is taken. EINVAL: host bits set or no such
 * length. ENETUNREACH: the gateway is no neighbour. EEXIST: the same prefix by the same way.
 */
export function route6Add(
  vn: Vn, dst: Addr, prefixLen: number, gateway: Addr, ifId: number, flags: number, metric = 0,
): number {
  if (!Number.isInteger(prefixLen) || prefixLen < 0 || prefixLen > 128) return EINVAL
  if (!sameWords(prefixOf(dst, prefixLen), dst)) return EINVAL
  const direct = addr6IsAny(gateway)
  let out = ifId
  const via = { ...gateway }
  if ((flags & (RTF_REJECT | RTF_BLACKHOLE)) === 0) {
    if (!direct) {
      if (addr6IsLinkLocal(gateway)) {
        out = ifId !== 0 ? ifId : gateway.zone
        via.zone = out
      } else {
        out = route6Lookup(vn, gateway, true)?.ifId ?? claimedLink(vn, gateway)
        if (out === 0 || (ifId !== 0 && out !== ifId)) return ENETUNREACH
      }
    }
    if (!vn.state.link.ifnets.has(out)) return ENETUNREACH
  }
  const route = createRoute6(dst, prefixLen, via, out, flags | RTF_UP | (direct ? 0 : RTF_GATEWAY) |
    (prefixLen === 128 ? RTF_HOST : 0))
  route.dst.zone = 0
  route.metric = metric
  return route6Insert(vn, route)
}

/** The interface with an address beside `gateway` that may still be under check (RFC 4862 §5.4: its prefix comes with it); or 0. */
function claimedLink(vn: Vn, gateway: Addr): number {
  for (const [ifId, i6] of vn.state.ip6.ifs) {
    if (i6.addrs.some((ia) => prefixEq(ia.addr, gateway, ia.prefixLen) && ia.addr.zone === gateway.zone)) return ifId
  }
  return 0
}

/** Removes the route to a prefix: the one by `gateway`, or the first when it is `::`. ENOENT. */
export function route6Delete(vn: Vn, dst: Addr, prefixLen: number, gateway: Addr): number {
  const any = addr6IsAny(gateway)
  const list = bucket(vn, dst, prefixLen)
  const i = list.findIndex((r) => sameWords(r.dst, dst) && (r.flags & RTF_PINNED) === 0 &&
    (any || sameWords(r.gateway, gateway)))
  if (i < 0) return ENOENT
  remove(vn, list, i)
  return 0
}

/** Copies of all routes, by prefix and length. */
export function route6List(vn: Vn): Route6[] {
  const rows: Route6[] = []
  for (const table of vn.state.ip6.routes.values()) {
    for (const list of table.values()) {
      for (const r of list) {
        const copy = createRoute6(r.dst, r.prefixLen, r.gateway, r.ifId, r.flags)
        copy.metric = r.metric
        copy.use = r.use
        copy.expires = r.expires
        rows.push(copy)
      }
    }
  }
  return rows.sort((a, b) => (a.dst.w0 >>> 0) - (b.dst.w0 >>> 0) || (a.dst.w1 >>> 0) - (b.dst.w1 >>> 0) ||
    (a.dst.w2 >>> 0) - (b.dst.w2 >>> 0) || (a.dst.w3 >>> 0) - (b.dst.w3 >>> 0) || a.prefixLen - b.prefixLen ||
    a.metric - b.metric || a.ifId - b.ifId)
}

/** Makes a finished record part of the table. EEXIST: the same prefix by the same way. */
export function route6Insert(vn: Vn, route: Route6): number {
  const { ip6 } = vn.state
  let table = ip6.routes.get(route.prefixLen)
  if (table === undefined) {
    table = new Map()
    tableIn(ip6, 'routes').set(route.prefixLen, table)
    ip6.routeLens = lensWith(ip6.routeLens, route.prefixLen)
  }
  const key = addr6Hash(vn.state.inet.hashKey, route.dst, route.prefixLen, route.prefixLen)
  const list = table.get(key)
  if (list === undefined) {
    table.set(key, [route])
    return 0
  }
  if (list.some((r) => sameWords(r.dst, route.dst) && sameWords(r.gateway, route.gateway) && r.ifId === route.ifId)) {
    return EEXIST
  }
  const i = list.findIndex((r) => r.metric > route.metric)
  list.splice(i < 0 ? list.length : i, 0, route)
  return 0
}

/** The connected route of an interface address; a second address on the same prefix shares the one that is there. */
export function route6AddConnected(vn: Vn, a: Addr, prefixLen: number, ifId: number): void {
  const flags = RTF_UP | RTF_PINNED | (prefixLen === 128 ? RTF_HOST : 0)
  route6Insert(vn, createRoute6(prefixOf(a, prefixLen), prefixLen, createAddr(), ifId, flags))
}

/** Removes the connected route of a prefix, and routes by gateways that are no neighbours any more. */
export function route6DeleteConnected(vn: Vn, a: Addr, prefixLen: number, ifId: number): void {
  const list = bucket(vn, a, prefixLen)
  const i = list.findIndex((r) => prefixEq(r.dst, a, prefixLen) && r.ifId === ifId && (r.flags & RTF_PINNED) !== 0)
  if (i >= 0) remove(vn, list, i)
  route6RemoveWhere(vn, (r) => r.ifId === ifId && !addr6IsAny(r.gateway) && !addr6IsLinkLocal(r.gateway) &&
    route6Lookup(vn, r.gateway, true)?.ifId !== ifId)
}

/** Removes every route through an interface. */
export function route6FlushIf(vn: Vn, ifId: number): void {
  route6RemoveWhere(vn, (r) => r.ifId === ifId)
}

export function route6RemoveWhere(vn: Vn, which: (route: Route6) => boolean): void {
  for (const table of [...vn.state.ip6.routes.values()]) {
    for (const list of [...table.values()]) {
      for (let i = list.length - 1; i >= 0; i--) if (which(list[i])) remove(vn, list, i)
    }
  }
}

function usable(vn: Vn, r: Route6): boolean {
  if (r.expires <= vn.state.now) return false
  if ((r.flags & (RTF_REJECT | RTF_BLACKHOLE)) !== 0) return true
  const ifp = vn.state.link.ifnets.get(r.ifId)
  return ifp !== undefined && (ifp.flags & IFF_UP) !== 0
}

function bucket(vn: Vn, dst: Addr, prefixLen: number): Route6[] {
  const key = addr6Hash(vn.state.inet.hashKey, dst, prefixLen, prefixLen)
  return vn.state.ip6.routes.get(prefixLen)?.get(key) ?? []
}

function remove(vn: Vn, list: Route6[], i: number): void {
  const { ip6 } = vn.state
  const [route] = list.splice(i, 1)
  if (list.length > 0) return
  const table = ip6.routes.get(route.prefixLen)
  table?.delete(addr6Hash(vn.state.inet.hashKey, route.dst, route.prefixLen, route.prefixLen))
  if (table?.size !== 0) return
  ip6.routes.delete(route.prefixLen)
  ip6.routeLens = ip6.routeLens.filter((len) => len !== route.prefixLen)
}
