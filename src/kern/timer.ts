/**
 * Timers as data: one lazy heap per Vnet of (time, kind, owner); firing is the `switch` in vnet/dispatch.ts.
 *
 * The deadline in the owner's record is the truth. A record that has a deadline embeds an `Alarm`, which remembers
 * the earliest heap entry made for it: moving a deadline later touches only the field, and an entry that pops too
 * early is pushed again. Entries with equal times fire in the order of insertion, so replays are exact.
 */

import { noItems } from '../lib/empty.ts'

/** Who owns a heap entry; dispatch.ts has one case for each. */
export const TIMER_ARP = 1
export const TIMER_IPREASS = 2
export const TIMER_TCP = 3
export const TIMER_SYNCACHE = 4
export const TIMER_TIMEWAIT = 5
export const TIMER_LOOP = 6
export const TIMER_ADDRPROBE = 7
export const TIMER_PMTU = 8
export const TIMER_MCAST = 9
export const TIMER_ND = 10
export const TIMER_IP6DAD = 11
export const TIMER_IP6REASS = 12
export const TIMER_PMTU6 = 13
export const TIMER_DHCP = 14
export const TIMER_NDAUTO = 15
export const TIMER_RTADV = 16
export const TIMER_DHCP6 = 17
/** The highest kind. */
export const TIMER_LAST = TIMER_DHCP6

/** No deadline. */
export const NEVER = Infinity

export interface TimerHeap {
  /** Parallel arrays, heap-ordered by (at, tie). */
  at: number[]
  tie: number[]
  kind: number[]
  owner: number[]
  /** Next tie-breaker. */
  nextTie: number
}

export interface Alarm {
  /** Time of the live heap entry of this record, or NEVER. */
  alarmAt: number
}

export function createTimerHeap(): TimerHeap {
  return { at: noItems(), tie: noItems(), kind: noItems(), owner: noItems(), nextTie: 0 }
}

/** Makes sure that the owner is called at `deadline` (µs since boot) or earlier; NEVER is a no-op. */
export function alarmSet(h: TimerHeap, kind: number, owner: number, alarm: Alarm, deadline: number): void {
  if (deadline >= alarm.alarmAt) return
  alarm.alarmAt = deadline
  heapPush(h, deadline, kind, owner)
}

/**
 * Called with the heap entry that popped at `at`: true when the record's `deadline` has come. An entry that is
 * stale or early returns false, and has been pushed again where a later deadline stands.
 */
export function alarmDue(
  h: TimerHeap, kind: number, owner: number, alarm: Alarm, at: number, deadline: number, now: number,
): boolean {
  if (alarm.alarmAt !== at) return false
  alarm.alarmAt = NEVER
  if (deadline <= now) return true
  alarmSet(h, kind, owner, alarm, deadline)
  return false
}

/** Time of the earliest entry, or NEVER. */
export function heapTop(h: TimerHeap): number {
  return h.at.length === 0 ? NEVER : (h.at[0])
}

export function heapPush(h: TimerHeap, at: number, kind: number, owner: number): void {
  const tie = h.nextTie++
  let i = h.at.length
  if (i === 0) return first(h, at, tie, kind, owner)
  h.at.push(at)
  h.tie.push(tie)
  h.kind.push(kind)
  h.owner.push(owner)
  while (i > 0) {
    const parent = (i - 1) >> 1
    if (!before(h, i, parent)) return
    swap(h, i, parent)
    i = parent
  }
}

/** Removes the earliest entry; read its fields at index 0 before. */
export function heapPop(h: TimerHeap): void {
  const last = h.at.length - 1
  if (last === 0) return clear(h)
  swap(h, 0, last)
  h.at.pop()
  h.tie.pop()
  h.kind.pop()
  h.owner.pop()
  let i = 0
  for (;;) {
    const left = 2 * i + 1
    if (left >= last) return
    const right = left + 1
    const child = right < last && before(h, right, left) ? right : left
    if (!before(h, child, i)) return
    swap(h, i, child)
    i = child
  }
}

/** Room for one: `push` would make some for sixteen more, and an idle Vnet has one timer or none. */
function first(h: TimerHeap, at: number, tie: number, kind: number, owner: number): void {
  h.at = [at]
  h.tie = [tie]
  h.kind = [kind]
  h.owner = [owner]
}

/** Gives the memory back, which `pop` would not. */
function clear(h: TimerHeap): void {
  h.at = noItems()
  h.tie = noItems()
  h.kind = noItems()
  h.owner = noItems()
}

function before(h: TimerHeap, i: number, j: number): boolean {
  const d = (h.at[i]) - (h.at[j])
  return d < 0 || (d === 0 && (h.tie[i]) < (h.tie[j]))
}

function swap(h: TimerHeap, i: number, j: number): void {
  swapIn(h.at, i, j)
  swapIn(h.tie, i, j)
  swapIn(h.kind, i, j)
  swapIn(h.owner, i, j)
}

function swapIn(a: number[], i: number, j: number): void {
  const t = a[i]
  a[i] = a[j]
  a[j] = t
}
