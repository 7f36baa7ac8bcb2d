/** The ARP table: bounded, one map per interface; deadlines are looked after by one alarm for all. */

import { TIMER_ARP, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import type { Ip4 } from '../lib/addr.ts'
import { tableIn } from '../lib/table.ts'
import { ARP_INCOMPLETE, ARP_FAILED, ARP_STATIC, createArpEntry, arpStats } from './state.ts'
import type { ArpEntry } from './state.ts'

/** The entry of `ip` on an interface, or null. */
export function arpFind(vn: Vn, ifId: number, ip: Ip4): ArpEntry | null {
  return vn.state.arp.tables.get(ifId)?.get(ip) ?? null
}

/** A new incomplete entry; makes room by evicting. Null when the table is full of static entries. */
export function arpInsert(vn: Vn, ifId: number, ip: Ip4): ArpEntry | null {
  const arp = vn.state.arp
  if (arp.count >= vn.state.sysctl['net.link.ether.inet.maxentries']) {
    arpStats(vn).tablefull++
    if (!evict(vn)) return null
  }
  let table = arp.tables.get(ifId)
  if (table === undefined) {
    table = new Map()
    tableIn(arp, 'tables').set(ifId, table)
  }
  const entry = createArpEntry(ip)
  table.set(ip, entry)
  arp.count++
  return entry
}

/** Removes an entry; packets that wait are dropped and counted. */
export function arpRemove(vn: Vn, ifId: number, entry: ArpEntry): void {
  const arp = vn.state.arp
  const table = arp.tables.get(ifId)
  if (table === undefined || !table.delete(entry.ip)) return
  if (table.size === 0) arp.tables.delete(ifId)
  arp.count--
  arpStats(vn).dropped += entry.queue.length
  arpClearQueue(vn, entry)
}

/** Forgets the waiting packets of an entry; who calls it has sent or counted them. */
export function arpClearQueue(vn: Vn, entry: ArpEntry): void {
  for (const packet of entry.queue) vn.state.arp.heldBytes -= packet.bytes.length
  entry.queue = []
}

/** Forgets every neighbour on an interface. */
export function arpFlushIf(vn: Vn, ifId: number): void {
  const table = vn.state.arp.tables.get(ifId)
  if (table === undefined) return
  for (const entry of [...table.values()]) if (entry.status !== ARP_STATIC) arpRemove(vn, ifId, entry)
}

/** Sets when the entry's next step is due. */
export function arpSchedule(vn: Vn, entry: ArpEntry, deadline: number): void {
  entry.deadline = deadline
  alarmSet(vn.state.timers, TIMER_ARP, 0, vn.state.arp, deadline)
}

/**
 * Evicts the oldest entry that has no answer, else the oldest that was learnt: a scan for addresses that do not exist
 * must not push out the neighbours that do. False when all are static.
 */
function evict(vn: Vn): boolean {
  let ifId = 0
  let victim: ArpEntry | null = null
  for (const [id, table] of vn.state.arp.tables) {
    for (const entry of table.values()) {
      if (entry.status === ARP_STATIC) continue
      if (entry.status === ARP_INCOMPLETE || entry.status === ARP_FAILED) {
        arpRemove(vn, id, entry)
        return true
      }
      if (victim === null || entry.deadline < victim.deadline) {
        victim = entry
        ifId = id
      }
    }
  }
  if (victim === null) return false
  arpRemove(vn, ifId, victim)
  return true
}
