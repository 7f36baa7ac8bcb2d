/** The timer switch: what a heap entry of each kind calls (see kern/timer.ts). */

import { arpProbeTimer } from '../arp/probe.ts'
import { arpTimer } from '../arp/timer.ts'
import { dhcpTimer } from '../dhcp/client.ts'
import { dhcp6Timer } from '../dhcp6/client.ts'
import { ipReassTimer } from '../ip/reass.ts'
import {
  TIMER_ADDRPROBE, TIMER_ARP, TIMER_DHCP, TIMER_DHCP6, TIMER_IP6DAD, TIMER_IP6REASS, TIMER_IPREASS, TIMER_LOOP, TIMER_MCAST,
  TIMER_ND, TIMER_NDAUTO, TIMER_PMTU, TIMER_PMTU6, TIMER_RTADV, TIMER_SYNCACHE, TIMER_TCP, TIMER_TIMEWAIT, heapPop,
} from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import { assert } from '../lib/assert.ts'
import { loopDrain } from '../link/loop.ts'
import { pmtuTimer } from '../ip/pmtu.ts'
import { mcastTimer } from '../mcast/timer.ts'
import { ip6ReassTimer } from '../ip6/reass.ts'
import { pmtu6Timer } from '../ip6/pmtu.ts'
import { ndAutoTimer } from '../nd/auto.ts'
import { ndDadTimer } from '../nd/dad-timer.ts'
import { ndAdvertTimer } from '../nd/rtadv.ts'
import { ndTimer } from '../nd/timer.ts'
import { tcpTimer } from '../tcp/timer.ts'

/** Fires the earliest heap entry. The caller has checked that it is due. */
export function timerFire(vn: Vn): void {
  const heap = vn.state.timers
  const at = heap.at[0]
  const kind = heap.kind[0]
  const owner = heap.owner[0]
  heapPop(heap)
  switch (kind) {
    case TIMER_ARP: return arpTimer(vn, owner, at)
    case TIMER_ADDRPROBE: return arpProbeTimer(vn, owner, at)
    case TIMER_IPREASS: return ipReassTimer(vn, owner, at)
    case TIMER_PMTU: return pmtuTimer(vn, owner, at)
    case TIMER_DHCP: return dhcpTimer(vn, owner, at)
    case TIMER_DHCP6: return dhcp6Timer(vn, owner, at)
    case TIMER_MCAST: return mcastTimer(vn, owner, at)
    case TIMER_ND: return ndTimer(vn, owner, at)
    case TIMER_NDAUTO: return ndAutoTimer(vn, owner, at)
    case TIMER_RTADV: return ndAdvertTimer(vn, owner, at)
    case TIMER_IP6DAD: return ndDadTimer(vn, owner, at)
    case TIMER_IP6REASS: return ip6ReassTimer(vn, owner, at)
    case TIMER_PMTU6: return pmtu6Timer(vn, owner, at)
    case TIMER_LOOP: return loopDrain(vn, at)
    case TIMER_TCP:
    case TIMER_SYNCACHE:
    case TIMER_TIMEWAIT: return tcpTimer(vn, kind, owner, at)
    default: assert(false, `timer of unknown kind ${kind}`)
  }
}
