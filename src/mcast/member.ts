/** Group members: what follows from a change of interface state (RFC 3376 §5.1, RFC 2236 §6; RFC 3810 §6.1). */

import { AF_INET, AF_INET6 } from '../inet/state.ts'
import { randomBelow } from '../kern/random.ts'
import { NEVER } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4 } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6AllRouters, addr6IsSolicitedNode, addr6SolicitedNode } from '../lib/addr6.ts'
import { ENOBUFS } from '../lib/errno.ts'
import { ifJoinGroup, ifLeaveGroup } from '../link/multicast.ts'
import type { Ifnet } from '../link/state.ts'
import {
  mcastAlarm, mcastForget, mcastGroup, mcastIsOld, mcastJoined, mcastLink, mcastVersionCheck,
} from './link.ts'
import { filterMerge } from './filter.ts'
import { mcastIsReported, mcastSendChange, mcastSendLeave, mcastSendOld } from './report.ts'
import { sourceEq, sourcesAdd, sourcesDrop, sourcesMinus } from './sources.ts'
import { createMcChange, createMcGroup } from './state.ts'
import type { McGroup, McLink } from './state.ts'

/** RFC 2236 §8.10 and RFC 3376 §8.11; those of MLDv1 and MLDv2 (RFC 3810 §9.11) are the same. */
const UNSOLICITED_OLD = 10_000_000
const UNSOLICITED = 1_000_000
/** A leave and rejoin in old versions repeat at most twice (RFC 2236 §3). */
const OLD_REPEATS = 2

/**
 * The sockets' filters for `group` on `ifp` have changed: brings the interface state up to date and tells the routers.
 * ENOBUFS: more sources than net.inet.ip.mcast.maxgrpsrc; nothing has changed then.
 */
export function mcastUpdate(vn: Vn, ifp: Ifnet, group: Addr): number {
  const merged = filterMerge(vn, ifp.id, group)
  if (merged.sources.length > vn.state.sysctl['net.inet.ip.mcast.maxgrpsrc']) return ENOBUFS
  const link = mcastLink(vn, ifp.id, addrIsV4(group) ? AF_INET : AF_INET6)
  mcastVersionCheck(vn, link)
  let g = mcastGroup(link, group)
  if (g === null) {
    g = createMcGroup(group)
    link.groups.push(g)
  }
  const before = { mode: g.mode, sources: g.sources, joined: mcastJoined(g) }
  g.mode = merged.mode
  g.sources = merged.sources
  const joined = mcastJoined(g)
  if (joined !== before.joined) listen(vn, ifp, group, joined)
  if (mcastIsReported(vn, ifp, group)) {
    if (mcastIsOld(link)) oldChange(vn, ifp, link, g, before.joined, joined)
    else {
      // what is still to be told of an earlier change keeps its time (RFC 3810 §6.1)
      if (note(link, g, before.mode, before.sources)) mcastTell(vn, ifp, link, g)
    }
  }
  mcastForget(link)
  mcastAlarm(vn, link)
  return 0
}

/**
 * Joins the solicited-node groups of the addresses that an interface has now, and that of all routers where it advertises itself;
 * leaves the others (RFC 4291 §2.8).
 */
export function mcastSyncSolicited(vn: Vn, ifp: Ifnet, link: McLink): void {
  const groups = link.groups.map((g) => g.group).filter(addr6IsSolicitedNode)
  for (const ia of vn.state.ip6.ifs.get(ifp.id)?.addrs ?? []) groups.push(addr6SolicitedNode(ia.addr, 0))
  for (const proxy of vn.state.nd.proxies) if (proxy.ifId === ifp.id) groups.push(addr6SolicitedNode(proxy.addr, 0))
  groups.push(addr6AllRouters(0))
  for (const group of groups) mcastUpdate(vn, ifp, group)
}

/** Sends the state change report of a group now and sets the time of its next one, if there is to be one. */
export function mcastTell(vn: Vn, ifp: Ifnet, link: McLink, g: McGroup): void {
  mcastSendChange(vn, ifp, link, g)
  const more = g.modeChanges > 0 || g.changes.length > 0
  g.changeAt = more ? vn.state.now + 1 + randomBelow(vn.state.random, UNSOLICITED) : NEVER
}

/** Sends a report of an old version now and sets the time of the next unsolicited one. */
export function mcastTellOld(vn: Vn, ifp: Ifnet, link: McLink, g: McGroup): void {
  mcastSendOld(vn, ifp, link, g)
  g.lastReporter = true
  g.respondAt = NEVER
  if (g.oldReports === 0) return
  g.oldReports--
  g.respondAt = vn.state.now + 1 + randomBelow(vn.state.random, UNSOLICITED_OLD)
}

/** What the interface lets in. */
function listen(vn: Vn, ifp: Ifnet, group: Addr, on: boolean): void {
  if (addrIsV4(group)) {
    if (on) ifJoinGroup(ifp, group.w3)
    else ifLeaveGroup(ifp, group.w3)
    return
  }
  const groups = vn.state.ip6.ifs.get(ifp.id)?.groups ?? []
  if (on) sourcesAdd(groups, { ...group, zone: 0 })
  else sourcesDrop(groups, group)
}

/** The difference to what was, merged into what is still to be told (RFC 3376 §5.1); false without one. */
function note(link: McLink, g: McGroup, mode: number, sources: readonly Addr[]): boolean {
  if (g.mode !== mode) {
    // its records carry the whole list, so nothing else needs to be said of sources
    g.modeChanges = link.robustness
    g.changes.length = 0
    return true
  }
  const changed = [...sourcesMinus(g.sources, sources), ...sourcesMinus(sources, g.sources)]
  for (const source of changed) {
    const known = g.changes.find((change) => sourceEq(change.source, source))
    if (known === undefined) g.changes.push(createMcChange(source, link.robustness))
    else known.count = link.robustness
  }
  return changed.length > 0
}

/** Old versions know groups only: a report when the first source is wanted, a leave after the last. */
function oldChange(vn: Vn, ifp: Ifnet, link: McLink, g: McGroup, was: boolean, is: boolean): void {
  if (is && !was) {
    g.oldReports = Math.min(OLD_REPEATS, link.robustness - 1)
    mcastTellOld(vn, ifp, link, g)
  } else if (was && !is) mcastSendLeave(vn, ifp, link, g)
}
