/** What reports say: group records of both families, cut to the size of the link (RFC 3376 §4.2, RFC 3810 §5.2). */

import { igmpReported, igmpSendOld, igmpSendReport } from '../igmp/output.ts'
import { AF_INET } from '../inet/state.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4 } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { IFF_LOOPBACK } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import {
  ALLOW_NEW_SOURCES, BLOCK_OLD_SOURCES, CHANGE_TO_EXCLUDE, CHANGE_TO_INCLUDE, IGMP_HOST_LEAVE_MESSAGE,
  IGMP_V1_HOST_MEMBERSHIP_REPORT, IGMP_V2_HOST_MEMBERSHIP_REPORT, MODE_IS_EXCLUDE, MODE_IS_INCLUDE,
} from '../wire/igmp.ts'
import { mldReported, mldSendOld, mldSendReport } from '../mld/output.ts'
import { MLD_LISTENER_DONE, MLD_LISTENER_REPORT } from '../wire/mld.ts'
import { mcastJoined } from './link.ts'
import { packRecords } from './pack.ts'
import type { McRecord } from './pack.ts'
import { sourcesBoth, sourcesHave, sourcesMinus } from './sources.ts'
import { MCAST_EXCLUDE } from './state.ts'
import type { McGroup, McLink } from './state.ts'

/** False for what no router is told: groups that everybody is in, groups of this node, the loopback interface. */
export function mcastIsReported(vn: Vn, ifp: Ifnet, group: Addr): boolean {
  if ((ifp.flags & IFF_LOOPBACK) !== 0) return false
  return addrIsV4(group) ? igmpReported(vn, group.w3) : mldReported(group)
}

/** A state change report for one group (RFC 3376 §5.1), counted off against what is still to be told. */
export function mcastSendChange(vn: Vn, ifp: Ifnet, link: McLink, g: McGroup): void {
  const records: McRecord[] = []
  if (g.modeChanges > 0) {
    g.modeChanges--
    const type = g.mode === MCAST_EXCLUDE ? CHANGE_TO_EXCLUDE : CHANGE_TO_INCLUDE
    records.push({ type, group: g.group, sources: g.sources })
  } else {
    const passes = (source: Addr): boolean => sourcesHave(g.sources, source) !== (g.mode === MCAST_EXCLUDE)
    const sources = g.changes.map((change) => change.source)
    const allow = sources.filter(passes)
    const block = sources.filter((source) => !passes(source))
    if (allow.length > 0) records.push({ type: ALLOW_NEW_SOURCES, group: g.group, sources: allow })
    if (block.length > 0) records.push({ type: BLOCK_OLD_SOURCES, group: g.group, sources: block })
  }
  for (const change of g.changes) change.count--
  g.changes = g.changes.filter((change) => change.count > 0)
  sendRecords(vn, ifp, link, records)
}

/** The answer to a general query: the state of every group (RFC 3376 §5.2 rule 1). */
export function mcastSendAll(vn: Vn, ifp: Ifnet, link: McLink): void {
  const groups = link.groups.filter((g) => mcastJoined(g) && mcastIsReported(vn, ifp, g.group))
  sendRecords(vn, ifp, link, groups.map(currentState))
  for (const g of groups) g.asked.length = 0
}

/** The answer to a query about a group, or about some of its sources (RFC 3376 §5.2 rules 2 and 3). */
export function mcastSendAnswer(vn: Vn, ifp: Ifnet, link: McLink, g: McGroup): void {
  if (!mcastJoined(g)) return
  if (g.asked.length === 0) sendRecords(vn, ifp, link, [currentState(g)])
  else {
    const sources = g.mode === MCAST_EXCLUDE ? sourcesMinus(g.asked, g.sources) : sourcesBoth(g.sources, g.asked)
    if (sources.length > 0) sendRecords(vn, ifp, link, [{ type: MODE_IS_INCLUDE, group: g.group, sources }])
  }
  g.asked = []
}

/** A report of the old version that the link speaks. */
export function mcastSendOld(vn: Vn, ifp: Ifnet, link: McLink, g: McGroup): void {
  if (link.family !== AF_INET) return mldSendOld(vn, ifp, MLD_LISTENER_REPORT, g.group)
  const type = link.version === 1 ? IGMP_V1_HOST_MEMBERSHIP_REPORT : IGMP_V2_HOST_MEMBERSHIP_REPORT
  igmpSendOld(vn, ifp, type, g.group.w3)
}

/**
 * IGMPv2 and MLDv1 say that they leave when their report was the latest heard (RFC 2236 §3, RFC 2710 §4); IGMPv1 just goes.
 */
export function mcastSendLeave(vn: Vn, ifp: Ifnet, link: McLink, g: McGroup): void {
  if (!g.lastReporter) return
  if (link.family !== AF_INET) mldSendOld(vn, ifp, MLD_LISTENER_DONE, g.group)
  else if (link.version === 2) igmpSendOld(vn, ifp, IGMP_HOST_LEAVE_MESSAGE, g.group.w3)
}

function currentState(g: McGroup): McRecord {
  return { type: g.mode === MCAST_EXCLUDE ? MODE_IS_EXCLUDE : MODE_IS_INCLUDE, group: g.group, sources: g.sources }
}

function sendRecords(vn: Vn, ifp: Ifnet, link: McLink, records: McRecord[]): void {
  const v4 = link.family === AF_INET
  for (const batch of packRecords(records, ifp.mtu, v4)) {
    if (v4) igmpSendReport(vn, ifp, batch)
    else mldSendReport(vn, ifp, batch)
  }
}
