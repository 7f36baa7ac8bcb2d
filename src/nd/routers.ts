/**
 * Routes that the wire teaches: default routers (RFC 4861 §6.3.4), routes of RFC 4191, redirects (RFC 4861 §8.3). The list of
 * the interface is the truth; the routing table has what follows from it.
 */

import { RTF_DYNAMIC, RTF_GATEWAY, RTF_HOST, RTF_PROTO1, RTF_UP } from '../ip/state.ts'
import { route6Insert, route6RemoveWhere } from '../ip6/route.ts'
import { createRoute6 } from '../ip6/state.ts'
import { TIMER_NDAUTO, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import { addr6IsAny, sameWords } from '../lib/addr6.ts'
import type { Addr } from '../lib/addr.ts'
import { tableIn } from '../lib/table.ts'
import { ND_METRIC_UNREACHABLE, createNdHost, createNdRoute } from './state-auto.ts'
import type { NdHost, NdRoute } from './state-auto.ts'
import { ndStats } from './state.ts'

/** Metrics, behind those of routes set by hand: 10, 20, 30 by preference, more for a router that does not answer. */
const METRIC_MEDIUM = 20
const METRIC_STEP = 10

/** The record of an interface, made where there is none. */
export function ndHost(vn: Vn, ifId: number): NdHost {
  const host = vn.state.nd.hosts.get(ifId) ?? createNdHost(ifId)
  tableIn(vn.state.nd, 'hosts').set(ifId, host)
  return host
}

/**
 * Learns a route by `router` until `until`, or refreshes it; one of the past is forgotten. It counts as reachable: something
 * was heard of it just now. Beyond the bound nothing new is learnt (RFC 6583 §6): `routelimit`.
 */
export function ndRouteLearn(
  vn: Vn, host: NdHost, dst: Addr, prefixLen: number, router: Addr, preference: number, until: number,
): void {
  let route = find(host, dst, prefixLen, router)
  if (until <= vn.state.now) {
    if (route !== undefined) ndRouteForget(vn, host, route)
    return
  }
  if (route === undefined) {
    const most = vn.state.sysctl[prefixLen === 0 ? 'net.inet6.ip6.maxifdefrouters' : 'net.inet6.ip6.maxifroutes']
    if (host.routes.filter((r) => !r.isRedirect && (r.prefixLen === 0) === (prefixLen === 0)).length >= most) {
      ndStats(vn).routelimit++
      return
    }
    route = createNdRoute(dst, prefixLen, router, until)
    host.routes.push(route)
  }
  route.until = until
  route.preference = preference
  route.unreachable = false
  install(vn, host, route)
}

/** Takes a route out of the list and of the table. */
export function ndRouteForget(vn: Vn, host: NdHost, route: NdRoute): void {
  host.routes.splice(host.routes.indexOf(route), 1)
  uninstall(vn, host, route)
}

/** A neighbour answers, or has failed to: routers that do not answer come last, redirects to them end (RFC 4861 §6.3.6, §7.3.3). */
export function ndRouterNews(vn: Vn, ifId: number, a: Addr, answers: boolean): void {
  const host = vn.state.nd.hosts.get(ifId)
  if (host === undefined) return
  for (const route of [...host.routes]) {
    if (!sameWords(addr6IsAny(route.router) ? route.dst : route.router, a)) continue
    if (route.isRedirect) {
      if (!answers) ndRouteForget(vn, host, route)
    } else if (!answers || route.unreachable) {
      // also one that was known to fail: it moves behind the others that do, so that all are tried in turn
      route.unreachable = !answers
      install(vn, host, route)
    }
  }
}

/** A redirect: packets to `dst` go by `target` from now on; `::`: it is a neighbour. Replaces what an earlier one said. */
export function ndRedirectLearn(vn: Vn, host: NdHost, dst: Addr, target: Addr, until: number): void {
  const known = host.routes.find((r) => r.isRedirect && sameWords(r.dst, dst))
  if (known !== undefined) ndRouteForget(vn, host, known)
  const redirects = host.routes.filter((r) => r.isRedirect)
  if (redirects.length > 0 && redirects.length >= vn.state.sysctl['net.inet6.ip6.maxdynroutes']) ndRouteForget(vn, host, redirects[0])
  const route = createNdRoute(dst, 128, target, until)
  route.isRedirect = true
  host.routes.push(route)
  install(vn, host, route)
  alarmSet(vn.state.timers, TIMER_NDAUTO, host.ifId, host, until)
}

function install(vn: Vn, host: NdHost, route: NdRoute): void {
  uninstall(vn, host, route)
  const made = route.isRedirect ? RTF_DYNAMIC : RTF_PROTO1
  const flags = RTF_UP | made | (addr6IsAny(route.router) ? 0 : RTF_GATEWAY) | (route.prefixLen === 128 ? RTF_HOST : 0)
  const r = createRoute6(route.dst, route.prefixLen, route.router, host.ifId, flags)
  r.metric = METRIC_MEDIUM - route.preference * METRIC_STEP + (route.unreachable ? ND_METRIC_UNREACHABLE : 0)
  r.expires = route.until
  // one of the same way that was set by hand stays as it is
  route6Insert(vn, r)
}

function uninstall(vn: Vn, host: NdHost, route: NdRoute): void {
  const made = route.isRedirect ? RTF_DYNAMIC : RTF_PROTO1
  route6RemoveWhere(vn, (r) => r.ifId === host.ifId && (r.flags & made) !== 0 && r.prefixLen === route.prefixLen &&
    sameWords(r.dst, route.dst) && sameWords(r.gateway, route.router))
}

function find(host: NdHost, dst: Addr, prefixLen: number, router: Addr): NdRoute | undefined {
  return host.routes.find((r) => !r.isRedirect && r.prefixLen === prefixLen && sameWords(r.dst, dst) && sameWords(r.router, router))
}
