/** Ageing of the ARP table (RFC 1122 §2.3.2.1) and what happens to packets whose neighbour does not answer. */

import { icmpError } from '../icmp/error.ts'
import { ctlFromPacket } from '../icmp/quote.ts'
import { CTL_UNREACH_SOFT } from '../inet/ctl.ts'
import { ctlInput } from '../inet/ctlinput.ts'
import { routeGatewayDead } from '../ip/route.ts'
import { NEVER, TIMER_ARP, alarmSet } from '../kern/timer.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { MAC_BROADCAST } from '../lib/addr.ts'
import { EHOSTUNREACH } from '../lib/errno.ts'
import { F_FORWARD, frameRelease } from '../lib/frame.ts'
import type { Ifnet } from '../link/state.ts'
import { ICMP_UNREACH, ICMP_UNREACH_HOST } from '../wire/icmp.ts'
import { arpPacketFrame } from './learn.ts'
import { arpAsk } from './resolve.ts'
import { ARP_FAILED, ARP_INCOMPLETE, ARP_REACHABLE, ARP_VALIDATING, arpStats } from './state.ts'
import type { ArpEntry, ArpPacket } from './state.ts'
import { arpClearQueue, arpRemove, arpSchedule } from './table.ts'

/** TIMER_ARP fired: every entry whose deadline has come takes its next step. One alarm serves the whole table. */
export function arpTimer(vn: Vn, _owner: number, at: number): void {
  const arp = vn.state.arp
  if (arp.alarmAt !== at) return
  arp.alarmAt = NEVER
  let next = NEVER
  for (const [ifId, table] of arp.tables) {
    const ifp = vn.state.link.ifnets.get(ifId)
    for (const entry of table.values()) {
      if (entry.deadline <= vn.state.now) step(vn, ifId, ifp, entry)
      if (entry.deadline < next && table.get(entry.ip) === entry) next = entry.deadline
    }
  }
  alarmSet(vn.state.timers, TIMER_ARP, 0, arp, next)
}

function step(vn: Vn, ifId: number, ifp: Ifnet | undefined, entry: ArpEntry): void {
  const tries = vn.state.sysctl['net.link.ether.inet.maxtries']
  if (ifp === undefined || entry.status === ARP_FAILED) arpRemove(vn, ifId, entry)
  else if (entry.status === ARP_INCOMPLETE) {
    if (entry.asked < tries) arpAsk(vn, ifp, entry, MAC_BROADCAST)
    else fail(vn, ifId, entry)
  } else if (entry.status === ARP_REACHABLE && entry.used) {
    // still talked to: ask the neighbour itself, so that a live conversation never waits (RFC 1122 §2.3.2.1 (2))
    entry.status = ARP_VALIDATING
    arpAsk(vn, ifp, entry, entry.mac)
  } else if (entry.status === ARP_VALIDATING && entry.asked < tries) arpAsk(vn, ifp, entry, entry.mac)
  else {
    arpStats(vn).timeouts++
    arpRemove(vn, ifId, entry)
  }
}

function fail(vn: Vn, ifId: number, entry: ArpEntry): void {
  const queue = entry.queue
  arpStats(vn).timeouts++
  entry.status = ARP_FAILED
  arpSchedule(vn, entry, vn.state.now + vn.state.sysctl['net.link.ether.inet.wait'] * 1_000_000)
  routeGatewayDead(vn, entry.ip, ifId, entry.deadline)
  arpClearQueue(vn, entry)
  for (const packet of queue) reportUnreachable(vn, packet)
}

/** Tells the sender: by ICMP when the packet was being forwarded (RFC 1812 §3.3.2), else its socket. */
function reportUnreachable(vn: Vn, packet: ArpPacket): void {
  const f = arpPacketFrame(vn, packet)
  countDrop(vn, arpStats(vn), 'arp', 'dropped', f)
  if (f === null) return
  if ((packet.flags & F_FORWARD) !== 0) icmpError(vn, f, ICMP_UNREACH, ICMP_UNREACH_HOST, 0)
  else {
    const c = ctlFromPacket(f.view, f.l3, f.off + f.len, CTL_UNREACH_SOFT, EHOSTUNREACH)
    if (c !== null) ctlInput(vn, c)
  }
  frameRelease(vn.pool, f)
}
