/** The neighbour cache: bounded, found by a keyed hash; deadlines are looked after by one alarm for all. */

import { TIMER_ND, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6Hash, sameWords } from '../lib/addr6.ts'
import { tableIn } from '../lib/table.ts'
import { ND_DELAY, ND_INCOMPLETE, ND_PERMANENT, ND_PROBE, createNeighbour, ndStats } from './state.ts'
import type { Neighbour } from './state.ts'

/** The entry of an address on an interface, or null. */
export function ndFind(vn: Vn, ifId: number, a: Addr): Neighbour | null {
  const list = vn.state.nd.table.get(addr6Hash(vn.state.inet.hashKey, a, 128, ifId))
  if (list === undefined) return null
  for (let i = 0; i < list.length; i++) if (list[i].ifId === ifId && sameWords(list[i].addr, a)) return list[i]
  return null
}

/** A new incomplete entry; makes room by evicting. Null when the table is full of permanent entries. */
export function ndInsert(vn: Vn, ifId: number, a: Addr): Neighbour | null {
  const { nd } = vn.state
  if (nd.count >= vn.state.sysctl['net.inet6.icmp6.nd6_maxentries']) {
    ndStats(vn).tablefull++
    if (!evict(vn)) return null
  }
  const entry = createNeighbour(a, ifId)
  const key = addr6Hash(vn.state.inet.hashKey, a, 128, ifId)
  const list = nd.table.get(key)
  if (list === undefined) tableIn(nd, 'table').set(key, [entry])
  else list.push(entry)
  nd.count++
  return entry
}

/** Removes an entry; packets that wait are dropped and counted. */
export function ndRemove(vn: Vn, entry: Neighbour): void {
  const { nd } = vn.state
  const key = addr6Hash(vn.state.inet.hashKey, entry.addr, 128, entry.ifId)
  const list = nd.table.get(key)
  const i = list?.indexOf(entry) ?? -1
  if (list === undefined || i < 0) return
  list.splice(i, 1)
  if (list.length === 0) nd.table.delete(key)
  nd.count--
  ndStats(vn).dropped += entry.queue.length
  ndClearQueue(vn, entry)
  ndSetStatus(vn, entry, ND_INCOMPLETE, Infinity)
}

/** Gives an entry a status and the time of its next step. */
export function ndSetStatus(vn: Vn, entry: Neighbour, status: number, deadline: number): void {
  const { nd } = vn.state
  const isUnsure = status === ND_DELAY || status === ND_PROBE
  const wasUnsure = entry.status === ND_DELAY || entry.status === ND_PROBE
  if (isUnsure !== wasUnsure) nd.unsure += isUnsure ? 1 : -1
  entry.status = status
  entry.asked = 0
  ndSchedule(vn, entry, deadline)
}

export function ndSchedule(vn: Vn, entry: Neighbour, deadline: number): void {
  entry.deadline = deadline
  alarmSet(vn.state.timers, TIMER_ND, 0, vn.state.nd, deadline)
}

/** Forgets the waiting packets of an entry; who calls it has sent or counted them. */
export function ndClearQueue(vn: Vn, entry: Neighbour): void {
  for (const packet of entry.queue) vn.state.nd.heldBytes -= packet.bytes.length
  entry.queue = []
}

/** Forgets every neighbour on an interface but those set by hand. */
export function ndFlushIf(vn: Vn, ifId: number): void {
  for (const list of [...vn.state.nd.table.values()]) {
    for (const entry of [...list]) if (entry.ifId === ifId && entry.status !== ND_PERMANENT) ndRemove(vn, entry)
  }
}

/**
 * Evicts the oldest entry that has no answer, else the oldest that was learnt: a scan for addresses that do not exist must
 * not push out the neighbours that do (RFC 6583 §6.2). False when all are permanent.
 */
function evict(vn: Vn): boolean {
  let victim: Neighbour | null = null
  for (const list of vn.state.nd.table.values()) {
    for (const entry of list) {
      if (entry.status === ND_INCOMPLETE) {
        ndRemove(vn, entry)
        return true
      }
      if (entry.status !== ND_PERMANENT && (victim === null || entry.deadline < victim.deadline)) victim = entry
    }
  }
  if (victim === null) return false
  ndRemove(vn, victim)
  return true
}
