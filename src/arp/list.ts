/** The ARP table as people see and change it: arp -a, arp -s, arp -d. */

import { routeLookup } from '../ip/route.ts'
import type { Vn } from '../kern/vn.ts'
import { macIsMulticast } from '../lib/addr.ts'
import type { Ip4, Mac } from '../lib/addr.ts'
import { EINVAL, ENETUNREACH, ENOBUFS, ENOENT } from '../lib/errno.ts'
import { IFT_ETHER } from '../link/state.ts'
import { arpFlushQueue } from './learn.ts'
import { ARP_FAILED, ARP_INCOMPLETE, ARP_REACHABLE, ARP_STATIC, ARP_VALIDATING } from './state.ts'
import { arpFind, arpInsert, arpRemove } from './table.ts'

export interface ArpRow {
  ip: Ip4
  /** 0 while unknown. */
  mac: Mac
  ifId: number
  ifName: string
  /** 'incomplete', 'reachable', 'validating', 'failed' or 'permanent'. */
  status: string
  /** Seconds until the entry's next step, -1 for a permanent one. */
  expires: number
}

/** Every entry, in the order of the interfaces and of learning. */
export function arpList(vn: Vn): ArpRow[] {
  const rows: ArpRow[] = []
  for (const [ifId, table] of vn.state.arp.tables) {
    const ifName = vn.state.link.ifnets.get(ifId)?.name ?? ''
    for (const e of table.values()) {
      const expires = e.status === ARP_STATIC ? -1 : Math.max(0, Math.ceil((e.deadline - vn.state.now) / 1_000_000))
      rows.push({ ip: e.ip, mac: e.mac, ifId, ifName, status: STATUS_NAMES[e.status] ?? '', expires })
    }
  }
  return rows
}

/** The row of one address, or null. */
export function arpLookup(vn: Vn, ip: Ip4): ArpRow | null {
  return arpList(vn).find((row) => row.ip === ip) ?? null
}

/**
 * Sets an entry that neither ages nor changes. ENETUNREACH: no interface has this neighbour. EINVAL: a group address.
 */
export function arpSetStatic(vn: Vn, ip: Ip4, mac: Mac): number {
  if (mac === 0 || macIsMulticast(mac)) return EINVAL
  const route = routeLookup(vn, ip)
  const ifp = route === null || route.gateway !== 0 ? undefined : vn.state.link.ifnets.get(route.ifId)
  if (ifp === undefined || ifp.type !== IFT_ETHER) return ENETUNREACH
  const entry = arpFind(vn, ifp.id, ip) ?? arpInsert(vn, ifp.id, ip)
  if (entry === null) return ENOBUFS
  entry.mac = mac
  entry.status = ARP_STATIC
  entry.deadline = Infinity
  arpFlushQueue(vn, ifp, entry)
  return 0
}

/** Removes the entry of an address. ENOENT. */
export function arpDelete(vn: Vn, ip: Ip4): number {
  for (const ifId of [...vn.state.arp.tables.keys()]) {
    const entry = arpFind(vn, ifId, ip)
    if (entry === null) continue
    arpRemove(vn, ifId, entry)
    return 0
  }
  return ENOENT
}

const STATUS_NAMES: Readonly<Record<number, string>> = Object.freeze({
  [ARP_INCOMPLETE]: 'incomplete',
  [ARP_REACHABLE]: 'reachable',
  [ARP_VALIDATING]: 'validating',
  [ARP_FAILED]: 'failed',
  [ARP_STATIC]: 'permanent',
})
