/** TIMER_MCAST: answers and repeated reports whose time has come. */

import { NEVER, TIMER_MCAST, alarmDue } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import { mcastAlarm, mcastDeadline, mcastForget, mcastIsOld, mcastVersionCheck } from './link.ts'
import { mcastSyncSolicited, mcastTell, mcastTellOld } from './member.ts'
import { mcastSendAll, mcastSendAnswer } from './report.ts'

/** `owner` is the link's id. */
export function mcastTimer(vn: Vn, owner: number, at: number): void {
  const { state } = vn
  const link = state.mcast.links.get(owner)
  const ifp = state.link.ifnets.get(link?.ifId ?? 0)
  if (link === undefined || ifp === undefined) return
  // a version that has run its time is due too, and no deadline any more
  const due = Math.min(mcastDeadline(vn, link), link.v1Until === at || link.v2Until === at ? at : NEVER)
  if (!alarmDue(state.timers, TIMER_MCAST, owner, link, at, due, state.now)) return
  mcastVersionCheck(vn, link)
  if (link.syncAt <= state.now) {
    link.syncAt = NEVER
    mcastSyncSolicited(vn, ifp, link)
  }
  if (link.generalAt <= state.now) {
    link.generalAt = NEVER
    mcastSendAll(vn, ifp, link)
  }
  for (const g of link.groups) {
    if (g.respondAt <= state.now) {
      g.respondAt = NEVER
      if (mcastIsOld(link)) mcastTellOld(vn, ifp, link, g)
      else mcastSendAnswer(vn, ifp, link, g)
    }
    if (g.changeAt <= state.now) mcastTell(vn, ifp, link, g)
  }
  mcastForget(link)
  mcastAlarm(vn, link)
}
