/** A host that configures itself: when routers are asked (RFC 4861 §6.3.7, RFC 7559), and what time does to what they said. */

import { dhcp6RoutersGone } from '../dhcp6/notice.ts'
import { NEVER, TIMER_NDAUTO, alarmSet } from '../kern/timer.ts'
import { randomBelow } from '../kern/random.ts'
import type { Vn } from '../kern/vn.ts'
import { EINVAL, ENOENT } from '../lib/errno.ts'
import { ip6Enable } from '../ip6/ifaddr.ts'
import { IFF_RUNNING, IFF_UP, IFT_ETHER } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { ndDnsTell } from './dns.ts'
import { ndPrefixDrop, ndPrefixNext, ndPrefixRun } from './prefix.ts'
import { ndHost, ndRouteForget } from './routers.ts'
import { ndRouterSolicit } from './rsend.ts'
import type { NdHost } from './state-auto.ts'
import { ndTempNext } from './temp.ts'

/** MAX_RTR_SOLICITATION_DELAY (RFC 4861 §10). */
const FIRST_DELAY = 1_000_000
/** RTR_SOLICITATION_INTERVAL, and the longest interval of RFC 7559 §2. */
const INTERVAL = 4_000_000
const INTERVAL_MAX = 3_600_000_000

/**
 * Listens to routers on an interface from now on, and asks for them; IPv6 is enabled there. Once is enough. ENOENT: no such
 * interface. EINVAL: no Ethernet.
 */
export function ndAutoStart(vn: Vn, ifId: number): number {
  const ifp = vn.state.link.ifnets.get(ifId)
  if (ifp === undefined) return ENOENT
  if (ifp.type !== IFT_ETHER) return EINVAL
  ip6Enable(vn, ifId)
  const host = ndHost(vn, ifId)
  if (host.accepts) return 0
  host.accepts = true
  begin(vn, host, ifp)
  return 0
}

/** Listens no longer; what was learnt goes: addresses, routes, name servers. ENOENT: it did not listen. */
export function ndAutoStop(vn: Vn, ifId: number): number {
  const host = vn.state.nd.hosts.get(ifId)
  const ifp = vn.state.link.ifnets.get(ifId)
  if (host?.accepts !== true || ifp === undefined) return ENOENT
  host.accepts = false
  host.solicitAt = NEVER
  for (const p of [...host.prefixes]) ndPrefixDrop(vn, ifp, host, p)
  for (const route of [...host.routes]) ndRouteForget(vn, host, route)
  host.servers = []
  host.domains = []
  ndDnsTell(vn, host)
  const i6 = vn.state.ip6.ifs.get(ifId)
  if (i6 !== undefined) i6.linkMtu = i6.curHopLimit = 0
  host.managed = false
  host.otherConfig = false
  dhcp6RoutersGone(vn, ifId)
  return 0
}

/** TIMER_NDAUTO: a deadline, news of an address, or of the link. `ifId` is the owner. */
export function ndAutoTimer(vn: Vn, ifId: number, at: number): void {
  const host = vn.state.nd.hosts.get(ifId)
  if (host?.alarmAt !== at) return
  host.alarmAt = NEVER
  const { now } = vn.state
  const ifp = vn.state.link.ifnets.get(ifId)
  if (ifp === undefined) {
    vn.state.nd.hosts.delete(ifId)
    return
  }
  if (host.linkChanged) {
    host.linkChanged = false
    if (host.accepts) begin(vn, host, ifp)
  }
  for (const route of [...host.routes]) if (route.until <= now) ndRouteForget(vn, host, route)
  for (const p of [...host.prefixes]) ndPrefixRun(vn, ifp, host, p)
  if (host.servers.some((s) => s.until <= now) || host.domains.some((d) => d.until <= now)) ndDnsTell(vn, host)
  if (host.solicitAt <= now) solicit(vn, host, ifp)
  ndAutoSchedule(vn, host)
}

/** Sets the alarm to what is due next. */
export function ndAutoSchedule(vn: Vn, host: NdHost): void {
  const ifp = vn.state.link.ifnets.get(host.ifId)
  if (ifp === undefined) return
  let next = host.solicitAt
  for (const x of [...host.routes, ...host.servers, ...host.domains]) next = Math.min(next, x.until)
  for (const p of host.prefixes) next = Math.min(next, ndPrefixNext(vn, p), ndTempNext(vn, ifp, p))
  alarmSet(vn.state.timers, TIMER_NDAUTO, host.ifId, host, next)
}

/** A default router has spoken: nobody needs to be asked, once the first question is out (RFC 4861 §6.3.7). */
export function ndAutoHeard(host: NdHost): void {
  if (host.solicited > 0) host.solicitAt = NEVER
  else host.intervalUs = INTERVAL_MAX
}

function begin(vn: Vn, host: NdHost, ifp: Ifnet): void {
  host.solicited = 0
  host.intervalUs = 0
  host.solicitAt = ifReady(ifp) ? vn.state.now + randomBelow(vn.state.random, FIRST_DELAY) : NEVER
  ndAutoSchedule(vn, host)
}

/** RFC 7559 §2.1, by the rules of RFC 8415 §15: 4 s, then doubled up to an hour, each a tenth more or less, without end. */
function solicit(vn: Vn, host: NdHost, ifp: Ifnet): void {
  host.solicitAt = NEVER
  if (!ifReady(ifp) || vn.state.sysctl['net.inet6.ip6.forwarding'] === 1) return
  ndRouterSolicit(vn, ifp)
  // an advertisement came before the first question
  const answered = host.solicited === 0 && host.intervalUs !== 0
  host.solicited++
  if (answered) return
  const base = host.intervalUs === 0 ? INTERVAL : Math.min(INTERVAL_MAX, 2 * host.intervalUs)
  const spread = Math.floor(base / 10)
  host.intervalUs = base
  host.solicitAt = vn.state.now + base + randomBelow(vn.state.random, 2 * spread + 1) - spread
}

function ifReady(ifp: Ifnet): boolean {
  return (ifp.flags & (IFF_UP | IFF_RUNNING)) === (IFF_UP | IFF_RUNNING)
}
