/** The heap is one, and every kind of entry has its case in vnet/dispatch.ts. */

import { TIMER_ARP, TIMER_LAST } from '../../kern/timer.ts'
import type { TimerHeap } from '../../kern/timer.ts'
import { demand } from '../fault.ts'

export function verifyTimers(h: TimerHeap): void {
  const n = h.at.length
  demand(h.tie.length === n && h.kind.length === n && h.owner.length === n, '.timers', 'lists of different lengths')
  const ties = new Set(h.tie)
  demand(ties.size === n, '.timers.tie', 'the same twice')
  for (let i = 0; i < n; i++) {
    const path = `.timers.at[${i}]`
    demand(h.at[i] < Infinity, path, 'an entry that never comes')
    demand(h.kind[i] >= TIMER_ARP && h.kind[i] <= TIMER_LAST, `.timers.kind[${i}]`, `${h.kind[i]} is no kind`)
    demand(h.tie[i] < h.nextTie, `.timers.tie[${i}]`, 'not given out yet')
    const up = (i - 1) >> 1
    if (i === 0) continue
    demand(h.at[up] < h.at[i] || (h.at[up] === h.at[i] && h.tie[up] < h.tie[i]), path, 'not in the order of a heap')
  }
}
