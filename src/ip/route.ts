/**
 * The routing table: longest prefix first (RFC 1122 §3.3.1.1, RFC 1812 §5.2.4.3), then the best metric among
 * interfaces that are up. One map for each prefix length in use, so a lookup costs the same with ten routes and with
 * a million.
 */

import type { Vn } from '../kern/vn.ts'
import { ip4Mask } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import { EEXIST, EINVAL, ENETUNREACH, ENOENT } from '../lib/errno.ts'
import { tableIn } from '../lib/table.ts'
import { IFF_UP } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { RTF_BLACKHOLE, RTF_GATEWAY, RTF_HOST, RTF_PINNED, RTF_REJECT, RTF_UP, createRoute } from './state.ts'
import type { Route } from './state.ts'

/** The route that a packet to `dst` takes, or null. The record is the table's own: read it, do not keep it. */
export function routeLookup(vn: Vn, dst: Ip4): Route | null {
  const ip = vn.state.ip
  if (ip.redirects.size > 0) {
    const redirect = ip.redirects.get(dst)
    if (redirect !== undefined && redirect.expires > vn.state.now && usable(vn, redirect)) return redirect
  }
  const lens = ip.routeLens
  for (let i = 0; i < lens.length; i++) {
    const len = lens[i]
    const routes = ip.routes.get(len)?.get(dst & ip4Mask(len))
    if (routes === undefined) continue
    let dead: Route | null = null
    for (let j = 0; j < routes.length; j++) {
      const route = routes[j]
      if (!usable(vn, route)) continue
      if (route.deadUntil <= vn.state.now) return route
      if (dead === null) dead = route
    }
    if (dead !== null) return dead
  }
  return null
}

/**
 * The gateway did not answer ARP: until `until` other routes to the same prefix are preferred, so that a second default
 * gateway takes over; where there is none the dead one is tried again (RFC 1122 §3.3.1.4, §3.3.1.5).
 */
export function routeGatewayDead(vn: Vn, gateway: Ip4, ifId: number, until: number): void {
  for (const table of vn.state.ip.routes.values()) {
    for (const routes of table.values()) {
      for (const r of routes) if (r.gateway === gateway && r.ifId === ifId) r.deadUntil = until
    }
  }
  for (const [dst, r] of vn.state.ip.redirects) if (r.gateway === gateway) vn.state.ip.redirects.delete(dst)
}

/**
 * The connected route to `dst`: no gateway, redirects left aside (SO_DONTROUTE). Null when it is no neighbour's
 * address.
 */
export function routeLookupOnLink(vn: Vn, dst: Ip4): Route | null {
  for (const len of vn.state.ip.routeLens) {
    const routes = vn.state.ip.routes.get(len)?.get(dst & ip4Mask(len)) ?? []
    for (const route of routes) if (route.gateway === 0 && route.ifId !== 0 && usable(vn, route)) return route
  }
  return null
}

/**
 * Adds a route. `gateway` 0: the destination is on the link of `ifId`. With a gateway `ifId` may be 0: the interface
 * through which the gateway is reached is taken. RTF_REJECT and RTF_BLACKHOLE need neither. EINVAL: host bits set or
 * no such length. ENETUNREACH: the gateway is no neighbour. EEXIST: the same prefix by the same way.
 */
export function routeAdd(
  vn: Vn, dst: Ip4, prefixLen: number, gateway: Ip4, ifId: number, flags: number, metric = 0,
): number {
  if (!Number.isInteger(prefixLen) || prefixLen < 0 || prefixLen > 32) return EINVAL
  if ((dst & ~ip4Mask(prefixLen)) !== 0) return EINVAL
  let out = ifId
  if ((flags & (RTF_REJECT | RTF_BLACKHOLE)) === 0) {
    if (gateway !== 0) {
      const via = routeLookupOnLink(vn, gateway)
      if (via === null || (ifId !== 0 && via.ifId !== ifId)) return ENETUNREACH
      out = via.ifId
    }
    if (!vn.state.link.ifnets.has(out)) return ENETUNREACH
  }
  const route = createRoute(dst | 0, prefixLen, gateway, out, flags | RTF_UP | (gateway === 0 ? 0 : RTF_GATEWAY) |
    (prefixLen === 32 ? RTF_HOST : 0))
  route.metric = metric
  return insert(vn, route)
}

/** Removes the route to a prefix: the one by `gateway`, or the first when it is 0. ENOENT. */
export function routeDelete(vn: Vn, dst: Ip4, prefixLen: number, gateway: Ip4 = 0): number {
  const routes = vn.state.ip.routes.get(prefixLen)?.get(dst)
  const i = routes?.findIndex((r) => (r.flags & RTF_PINNED) === 0 && (gateway === 0 || r.gateway === gateway)) ?? -1
  if (routes !== undefined && i >= 0) {
    remove(vn, routes, i)
    return 0
  }
  const redirect = vn.state.ip.redirects.get(dst)
  if (prefixLen !== 32 || redirect === undefined) return ENOENT
  vn.state.ip.redirects.delete(dst)
  return 0
}

/** Copies of all routes: default first, then by network and length; those learnt by redirects carry RTF_DYNAMIC. */
export function routeList(vn: Vn): Route[] {
  const list: Route[] = []
  for (const table of vn.state.ip.routes.values()) {
    for (const routes of table.values()) list.push(...routes.map((r) => ({ ...r })))
  }
  for (const r of vn.state.ip.redirects.values()) if (r.expires > vn.state.now) list.push({ ...r })
  return list.sort((a, b) => (a.dst >>> 0) - (b.dst >>> 0) || a.prefixLen - b.prefixLen || a.metric - b.metric)
}

/** The connected route of an interface address. */
export function routeAddConnected(vn: Vn, ip: Ip4, prefixLen: number, ifId: number): void {
  const flags = RTF_UP | RTF_PINNED | (prefixLen === 32 ? RTF_HOST : 0)
  // a second address on the same prefix shares the route that is there
  insert(vn, createRoute(ip & ip4Mask(prefixLen), prefixLen, 0, ifId, flags))
}

/** Removes the connected route of an address, unless another usable address of the interface has the same prefix. */
export function routeDeleteConnected(vn: Vn, ip: Ip4, prefixLen: number, ifp: Ifnet): void {
  const dst = ip & ip4Mask(prefixLen)
  for (const ia of ifp.addrs) {
    const sharing = ia.prefixLen === prefixLen && (ia.addr.w3 & ip4Mask(prefixLen)) === dst && ia.addr.w3 !== ip
    if (sharing && vn.state.ip.local.has(ia.addr.w3)) return
  }
  const routes = vn.state.ip.routes.get(prefixLen)?.get(dst)
  const i = routes?.findIndex((r) => r.ifId === ifp.id && (r.flags & RTF_PINNED) !== 0) ?? -1
  if (routes !== undefined && i >= 0) remove(vn, routes, i)
  dropLostGateways(vn, ifp.id)
}

/** Removes every route through an interface. */
export function routeFlushIf(vn: Vn, ifId: number): void {
  removeWhere(vn, (r) => r.ifId === ifId)
  for (const [dst, r] of vn.state.ip.redirects) if (r.ifId === ifId) vn.state.ip.redirects.delete(dst)
}

/** Routes whose gateway is no neighbour any more go with the address that made it one. */
function dropLostGateways(vn: Vn, ifId: number): void {
  const lost = (r: Route): boolean => r.ifId === ifId && r.gateway !== 0 && !isNeighbour(vn, r.gateway, ifId)
  removeWhere(vn, lost)
  for (const [dst, r] of vn.state.ip.redirects) if (lost(r)) vn.state.ip.redirects.delete(dst)
}

function isNeighbour(vn: Vn, ip: Ip4, ifId: number): boolean {
  return vn.state.ip.routeLens.some((len) =>
    vn.state.ip.routes.get(len)?.get(ip & ip4Mask(len))?.some((r) => r.gateway === 0 && r.ifId === ifId) ?? false)
}

function usable(vn: Vn, route: Route): boolean {
  if ((route.flags & (RTF_REJECT | RTF_BLACKHOLE)) !== 0) return true
  const ifp = vn.state.link.ifnets.get(route.ifId)
  return ifp !== undefined && (ifp.flags & IFF_UP) !== 0
}

/** Prefix lengths in use, the longest first, with another one. */
export function lensWith(lens: readonly number[], len: number): number[] {
  const i = lens.findIndex((other) => other < len)
  return i < 0 ? lens.concat(len) : lens.toSpliced(i, 0, len)
}

function insert(vn: Vn, route: Route): number {
  const ip = vn.state.ip
  let table = ip.routes.get(route.prefixLen)
  if (table === undefined) {
    table = new Map()
    tableIn(ip, 'routes').set(route.prefixLen, table)
    ip.routeLens = lensWith(ip.routeLens, route.prefixLen)
  }
  const routes = table.get(route.dst)
  if (routes === undefined) {
    table.set(route.dst, [route])
    return 0
  }
  if (routes.some((r) => r.gateway === route.gateway && r.ifId === route.ifId)) return EEXIST
  const i = routes.findIndex((r) => r.metric > route.metric)
  routes.splice(i < 0 ? routes.length : i, 0, route)
  return 0
}

function remove(vn: Vn, routes: Route[], i: number): void {
  const ip = vn.state.ip
  const route = routes[i]
  routes.splice(i, 1)
  if (routes.length > 0) return
  const table = ip.routes.get(route.prefixLen)
  if (table === undefined || !table.delete(route.dst) || table.size > 0) return
  ip.routes.delete(route.prefixLen)
  ip.routeLens = ip.routeLens.filter((len) => len !== route.prefixLen)
}

function removeWhere(vn: Vn, which: (route: Route) => boolean): void {
  for (const table of [...vn.state.ip.routes.values()]) {
    for (const routes of [...table.values()]) {
      for (let i = routes.length - 1; i >= 0; i--) if (which(routes[i])) remove(vn, routes, i)
    }
  }
}
