/** A router advertises itself (RFC 4861 §6.2): when. */

import { ip6Enable } from '../ip6/ifaddr.ts'
import { NEVER, TIMER_RTADV, alarmDue, alarmSet } from '../kern/timer.ts'
import { randomBelow } from '../kern/random.ts'
import type { Vn } from '../kern/vn.ts'
import { EEXIST, EINVAL, ENOENT } from '../lib/errno.ts'
import { tableIn } from '../lib/table.ts'
import { IFT_ETHER } from '../link/state.ts'
import { mcastAddrNotice } from '../mcast/notice.ts'
import { ndRouterAdvertise } from './rtadv-send.ts'
import { createNdAdvertiser } from './state-adverts.ts'
import type { NdAdvertConfig, NdAdvertiser } from './state-adverts.ts'

const SECOND = 1_000_000
/** RFC 4861 §10. */
const MAX_INITIAL_INTERVAL = 16 * SECOND
const MAX_INITIAL_ADVERTS = 3
const MIN_DELAY_BETWEEN = 3 * SECOND
const MAX_RA_DELAY = 500_000
/** §6.2.1: what the variables may be. */
const MAX_INTERVAL_S = 1800
const MAX_LIFETIME_S = 65_535

/**
 * Advertises `config` on an interface from now on; it is the Vnet's from then on. ENOENT: no such interface. EINVAL: no
 * Ethernet, or values out of RFC 4861 §6.2.1's bounds. EEXIST: it does so already.
 */
export function ndAdvertStart(vn: Vn, ifId: number, config: NdAdvertConfig): number {
  const ifp = vn.state.link.ifnets.get(ifId)
  const { minS, maxS, lifetimeS } = config
  if (ifp === undefined) return ENOENT
  if (ifp.type !== IFT_ETHER || maxS < 4 || maxS > MAX_INTERVAL_S || minS < 3 || minS > maxS * 0.75) return EINVAL
  if (lifetimeS !== 0 && (lifetimeS < maxS || lifetimeS > MAX_LIFETIME_S)) return EINVAL
  if (vn.state.nd.advertisers.has(ifId)) return EEXIST
  ip6Enable(vn, ifId)
  const a = createNdAdvertiser(ifId, config)
  tableIn(vn.state.nd, 'advertisers').set(ifId, a)
  mcastAddrNotice(vn, ifId)
  schedule(vn, a, vn.state.now + randomBelow(vn.state.random, SECOND))
  return 0
}

/** Ends it, and says so: a last advertisement has a lifetime of 0 (§6.2.5). ENOENT: it does not advertise. */
export function ndAdvertStop(vn: Vn, ifId: number): number {
  const a = vn.state.nd.advertisers.get(ifId)
  const ifp = vn.state.link.ifnets.get(ifId)
  if (a === undefined || ifp === undefined) return ENOENT
  ndRouterAdvertise(vn, ifp, a.config, 0)
  vn.state.nd.advertisers.delete(ifId)
  mcastAddrNotice(vn, ifId)
  return 0
}

/** TIMER_RTADV: an advertisement is due. `ifId` is the owner. */
export function ndAdvertTimer(vn: Vn, ifId: number, at: number): void {
  const a = vn.state.nd.advertisers.get(ifId)
  const ifp = vn.state.link.ifnets.get(ifId)
  if (a === undefined) return
  if (!alarmDue(vn.state.timers, TIMER_RTADV, ifId, a, at, a.deadline, vn.state.now)) return
  if (ifp === undefined) {
    vn.state.nd.advertisers.delete(ifId)
    return
  }
  const { now, random, sysctl } = vn.state
  const { minS, maxS } = a.config
  // §6.2.1: only who forwards is a default router
  const sent = ndRouterAdvertise(vn, ifp, a.config, sysctl['net.inet6.ip6.forwarding'] === 1 ? a.config.lifetimeS : 0)
  // without a link-local address that may be used, or with the link down: soon
  if (!sent) return schedule(vn, a, now + SECOND)
  a.sentAt = now
  let wait = minS * SECOND + randomBelow(random, (maxS - minS) * SECOND + 1)
  // §6.2.4: the first three come sooner
  if (a.initial < MAX_INITIAL_ADVERTS) {
    a.initial++
    if (a.initial < MAX_INITIAL_ADVERTS) wait = Math.min(wait, MAX_INITIAL_INTERVAL)
  }
  a.deadline = NEVER
  schedule(vn, a, now + wait)
}

/** A host has asked (§6.2.6): all are answered together, after a random delay, at most every three seconds. */
export function ndAdvertAsked(vn: Vn, a: NdAdvertiser): void {
  const { now, random } = vn.state
  const at = Math.max(now, a.sentAt + MIN_DELAY_BETWEEN) + randomBelow(random, MAX_RA_DELAY + 1)
  if (at < a.deadline) schedule(vn, a, at)
}

function schedule(vn: Vn, a: NdAdvertiser, at: number): void {
  a.deadline = at
  alarmSet(vn.state.timers, TIMER_RTADV, a.ifId, a, at)
}
