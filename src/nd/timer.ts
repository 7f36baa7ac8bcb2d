/** Steps of neighbour unreachability detection that time takes (RFC 4861 §7.2.2, §7.3.3). */

import { ctlFromPacket6 } from '../icmp6/quote.ts'
import { icmp6Error } from '../icmp6/error.ts'
import { CTL_UNREACH_SOFT } from '../inet/ctl.ts'
import { ctlInput } from '../inet/ctlinput.ts'
import { NEVER, TIMER_ND, alarmSet } from '../kern/timer.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { EHOSTUNREACH } from '../lib/errno.ts'
import { F_FORWARD, frameRelease } from '../lib/frame.ts'
import { ICMP6_DST_UNREACH, ICMP6_UNREACH_ADDR } from '../wire/icmpv6.ts'
import { ndPacketFrame } from './learn.ts'
import { ndAsk } from './resolve.ts'
import { ndRouterNews } from './routers.ts'
import { ND_DELAY, ND_INCOMPLETE, ND_PROBE, ND_REACHABLE, ND_STALE, ndStats } from './state.ts'
import type { NdPacket, Neighbour } from './state.ts'
import { ndClearQueue, ndRemove, ndSetStatus } from './table.ts'

/** TIMER_ND fired: every entry whose deadline has come takes its next step. One alarm serves the whole table. */
export function ndTimer(vn: Vn, _owner: number, at: number): void {
  const { nd } = vn.state
  if (nd.alarmAt !== at) return
  nd.alarmAt = NEVER
  let next = NEVER
  for (const list of [...nd.table.values()]) {
    for (const entry of [...list]) {
      if (entry.deadline <= vn.state.now) step(vn, entry)
      if (entry.deadline < next) next = entry.deadline
    }
  }
  alarmSet(vn.state.timers, TIMER_ND, 0, nd, next)
}

function step(vn: Vn, entry: Neighbour): void {
  const { sysctl, now } = vn.state
  const ifp = vn.state.link.ifnets.get(entry.ifId)
  if (ifp === undefined) return ndRemove(vn, entry)
  switch (entry.status) {
    case ND_INCOMPLETE:
      if (entry.asked < sysctl['net.inet6.icmp6.nd6_mmaxtries']) {
        const first = entry.queue.length > 0 ? ndPacketFrame(vn, entry.queue[0], ifp.id) : null
        ndAsk(vn, ifp, entry, first?.src ?? null)
        if (first !== null) frameRelease(vn.pool, first)
      } else fail(vn, entry)
      break
    case ND_REACHABLE:
      ndSetStatus(vn, entry, ND_STALE, now + sysctl['net.inet6.icmp6.nd6_gctimer'] * 1_000_000)
      break
    case ND_DELAY:
      ndSetStatus(vn, entry, ND_PROBE, now)
      ndAsk(vn, ifp, entry, null)
      break
    case ND_PROBE:
      if (entry.asked < sysctl['net.inet6.icmp6.nd6_umaxtries']) ndAsk(vn, ifp, entry, null)
      else {
        ndStats(vn).timeouts++
        ndRemove(vn, entry)
        ndRouterNews(vn, entry.ifId, entry.addr, false)
      }
      break
    default: ndRemove(vn, entry)
  }
}

function fail(vn: Vn, entry: Neighbour): void {
  const { queue } = entry
  ndStats(vn).timeouts++
  ndClearQueue(vn, entry)
  ndRemove(vn, entry)
  ndRouterNews(vn, entry.ifId, entry.addr, false)
  for (const packet of queue) reportUnreachable(vn, packet, entry.ifId)
}

/** Tells the sender: by ICMPv6 when the packet was being forwarded (§7.2.2), else its socket. */
function reportUnreachable(vn: Vn, packet: NdPacket, zone: number): void {
  const f = ndPacketFrame(vn, packet, zone)
  countDrop(vn, ndStats(vn), 'nd', 'dropped', f)
  if (f === null) return
  if ((packet.flags & F_FORWARD) !== 0) icmp6Error(vn, f, ICMP6_DST_UNREACH, ICMP6_UNREACH_ADDR, 0)
  else {
    const c = ctlFromPacket6(f.view, f.l3, f.off + f.len, zone, CTL_UNREACH_SOFT, EHOSTUNREACH)
    if (c !== null) ctlInput(vn, c)
  }
  frameRelease(vn.pool, f)
}
