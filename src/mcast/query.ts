/** Queries and other members' reports (RFC 3376 §5.2, §7.2; RFC 2236 §3, §6; RFC 3810 §6.2, §8.2). */

import { NEVER } from '../kern/timer.ts'
import { randomBelow } from '../kern/random.ts'
import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import type { Ifnet } from '../link/state.ts'
import { mcastAlarm, mcastGroup, mcastIsOld, mcastJoined, mcastVersionCheck } from './link.ts'
import { mcastIsReported } from './report.ts'
import { sourcesAdd } from './sources.ts'
import type { McGroup, McLink } from './state.ts'

/**
 * A querier of an old version is present: `version` is spoken until it has not been heard for its timeout, [Robustness
 * Variable] × [Query Interval] + [Query Response Interval] (RFC 3376 §8.12).
 */
export function mcastOldQuerier(vn: Vn, link: McLink, version: number): void {
  const until = vn.state.now + link.robustness * link.queryIntervalUs + link.responseUs
  if (version === 1) link.v1Until = until
  else link.v2Until = until
  mcastVersionCheck(vn, link)
}

/**
 * A query has come: `group` null asks for all, `sources` empty for all of a group's; the answer is to come within
 * `withinUs`.
 */
export function mcastQuery(
  vn: Vn, ifp: Ifnet, link: McLink, group: Addr | null, sources: readonly Addr[], withinUs: number,
): void {
  mcastVersionCheck(vn, link)
  if (mcastIsOld(link)) {
    for (const g of link.groups) {
      if (group !== null && g !== mcastGroup(link, group)) continue
      if (mcastJoined(g) && mcastIsReported(vn, ifp, g.group)) oldQuery(vn, g, withinUs)
    }
    return mcastAlarm(vn, link)
  }
  const g = group === null ? null : mcastGroup(link, group)
  const wanted = group === null ? link.groups.some((other) => hasNews(vn, ifp, other)) : g !== null && hasNews(vn, ifp, g)
  if (!wanted) return
  const at = vn.state.now + 1 + randomBelow(vn.state.random, Math.max(1, withinUs))
  // rule 1: everything is about to be told anyway
  if (link.generalAt <= at) return
  if (g === null) link.generalAt = at
  else schedule(vn, g, sources, at)
  mcastAlarm(vn, link)
}

/** Another member has reported the group: versions before source filters leave it at that (RFC 2236 §3). */
export function mcastReportHeard(link: McLink, group: Addr): boolean {
  const g = mcastGroup(link, group)
  if (g === null || !mcastIsOld(link) || g.respondAt === NEVER) return false
  g.respondAt = NEVER
  g.oldReports = 0
  g.lastReporter = false
  return true
}

/** Rules 3 to 5 of RFC 3376 §5.2. */
function schedule(vn: Vn, g: McGroup, sources: readonly Addr[], at: number): void {
  const pending = g.respondAt !== NEVER
  g.respondAt = Math.min(g.respondAt, at)
  const most = vn.state.sysctl['net.inet.ip.mcast.maxgrpsrc']
  if (sources.length === 0 || (pending && g.asked.length === 0)) g.asked.length = 0
  else {
    for (const source of sources) if (g.asked.length <= most) sourcesAdd(g.asked, source)
    // more than is remembered (RFC 3376 §9.1): the answer tells all
    if (g.asked.length > most) g.asked.length = 0
  }
}

/** RFC 2236 §6: a timer that runs is restarted only where it would run longer than the query allows. */
function oldQuery(vn: Vn, g: McGroup, withinUs: number): void {
  if (g.respondAt !== NEVER && g.respondAt - vn.state.now <= withinUs) return
  g.respondAt = vn.state.now + 1 + randomBelow(vn.state.random, Math.max(1, withinUs))
}

function hasNews(vn: Vn, ifp: Ifnet, g: McGroup): boolean {
  return mcastJoined(g) && mcastIsReported(vn, ifp, g.group)
}
