/** The multicast record of an interface and its timer. */

import { AF_INET } from '../inet/state.ts'
import { NEVER, TIMER_MCAST, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { tableIn } from '../lib/table.ts'
import { sourceEq } from './sources.ts'
import { MCAST_INCLUDE, createMcLink } from './state.ts'
import type { McGroup, McLink } from './state.ts'

/** One number for an interface and a family: key of the table, owner of the timer. */
export function mcastLinkId(ifId: number, family: number): number {
  return ifId * 2 + (family === AF_INET ? 0 : 1)
}

/** The record of an interface, made where there is none. */
export function mcastLink(vn: Vn, ifId: number, family: number): McLink {
  const id = mcastLinkId(ifId, family)
  const { links } = vn.state.mcast
  const found = links.get(id)
  if (found !== undefined) return found
  const link = createMcLink(id, ifId, family, 0)
  link.version = mcastVersion(vn, link)
  tableIn(vn.state.mcast, 'links').set(id, link)
  return link
}

/** The version to speak: that of the oldest querier present, at most the configured one (RFC 3376 §7.2.1). */
export function mcastVersion(vn: Vn, link: McLink): number {
  const { now, sysctl } = vn.state
  if (link.family !== AF_INET) return link.v1Until > now ? 1 : sysctl['net.inet6.mld.default_version']
  const most = sysctl['net.inet.igmp.default_version']
  if (link.v1Until > now) return 1
  return link.v2Until > now ? Math.min(2, most) : most
}

/** True where the version knows no source filters: IGMPv1, IGMPv2, MLDv1. */
export function mcastIsOld(link: McLink): boolean {
  return link.version < (link.family === AF_INET ? 3 : 2)
}

/** RFC 3376 §7.2.1: whoever changes the version forgets all pending answers and reports. True when it has changed. */
export function mcastVersionCheck(vn: Vn, link: McLink): boolean {
  const version = mcastVersion(vn, link)
  if (version === link.version) return false
  link.version = version
  link.generalAt = NEVER
  for (const g of link.groups) {
    g.respondAt = NEVER
    g.asked.length = 0
    g.changeAt = NEVER
    g.modeChanges = 0
    g.changes.length = 0
    g.oldReports = 0
  }
  mcastForget(link)
  return true
}

export function mcastGroup(link: McLink, group: Addr): McGroup | null {
  return link.groups.find((g) => sourceEq(g.group, group)) ?? null
}

/** True when the interface receives anything of the group. */
export function mcastJoined(g: McGroup): boolean {
  return g.mode !== MCAST_INCLUDE || g.sources.length > 0
}

/** Drops groups that nobody wants and of which nothing is left to tell. */
export function mcastForget(link: McLink): void {
  link.groups = link.groups.filter((g) => mcastJoined(g) || g.modeChanges > 0 || g.changes.length > 0)
}

/** The next time that something is to be done on this link. */
export function mcastDeadline(vn: Vn, link: McLink): number {
  const { now } = vn.state
  let at = Math.min(link.generalAt, link.syncAt)
  // the version changes then
  if (link.v1Until > now) at = Math.min(at, link.v1Until)
  if (link.v2Until > now) at = Math.min(at, link.v2Until)
  for (const g of link.groups) at = Math.min(at, g.changeAt, g.respondAt)
  return at
}

/** To be called after every change of a deadline. */
export function mcastAlarm(vn: Vn, link: McLink): void {
  alarmSet(vn.state.timers, TIMER_MCAST, link.id, link, mcastDeadline(vn, link))
}

/** The interface is gone: nothing is received there any more, and there is nobody to tell. */
export function mcastLinkGone(vn: Vn, ifId: number): void {
  const { links, sockets } = vn.state.mcast
  for (const [id, link] of links) if (link.ifId === ifId) links.delete(id)
  for (const so of sockets.values()) {
    so.filters = so.filters.filter((filter) => filter.ifId !== ifId)
    if (so.ifId4 === ifId) so.ifId4 = 0
    if (so.ifId6 === ifId) so.ifId6 = 0
  }
}

/** The link has come up: its routers know nothing of us, so everything is told as if it were new, in a moment. */
export function mcastLinkUp(vn: Vn, ifId: number): void {
  for (const link of vn.state.mcast.links.values()) {
    if (link.ifId !== ifId) continue
    for (const g of link.groups) {
      if (mcastIsOld(link)) {
        g.respondAt = vn.state.now
        g.oldReports = link.robustness
      } else {
        g.modeChanges = link.robustness
        g.changeAt = vn.state.now
      }
    }
    mcastAlarm(vn, link)
  }
}
