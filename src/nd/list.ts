/** The neighbour cache as people see and change it: ndp -a, ndp -s, ndp -d. */

import { route6Lookup } from '../ip6/route.ts'
import type { Vn } from '../kern/vn.ts'
import { macIsMulticast } from '../lib/addr.ts'
import type { Addr, Mac } from '../lib/addr.ts'
import { addr6InZone, addr6IsAny, addr6NeedsZone, sameWords } from '../lib/addr6.ts'
import { EINVAL, ENETUNREACH, ENOBUFS } from '../lib/errno.ts'
import { IFT_ETHER } from '../link/state.ts'
import { ndReachable } from './learn.ts'
import { ndProxyDelete } from './proxy.ts'
export { ndProxySet } from './proxy.ts'
import { ND_DELAY, ND_INCOMPLETE, ND_PERMANENT, ND_PROBE, ND_REACHABLE, ND_STALE } from './state.ts'
import { ndFind, ndInsert, ndRemove, ndSetStatus } from './table.ts'

export interface NdRow {
  addr: Addr
  /** 0 while unknown. */
  mac: Mac
  ifId: number
  /** 'incomplete', 'reachable', 'stale', 'delay', 'probe' (RFC 4861 §7.3.2), 'permanent', or 'proxy' for one that we answer for. */
  status: string
  router: boolean
  /** Seconds until the entry's next step, -1 where there is none. */
  expires: number
}

/** Every entry, by interface and then in the order of learning, those that we answer for last. */
export function ndList(vn: Vn): NdRow[] {
  const rows: NdRow[] = []
  for (const list of vn.state.nd.table.values()) {
    for (const e of list) {
      // what was reachable long enough ago is stale already, though no timer has said so
      const late = e.status === ND_REACHABLE && e.deadline <= vn.state.now
      const expires = e.deadline === Infinity || late ? -1 : Math.max(0, Math.ceil((e.deadline - vn.state.now) / 1_000_000))
      const status = STATUS_NAMES[late ? ND_STALE : e.status] ?? ''
      rows.push({ addr: { ...e.addr }, mac: e.mac, ifId: e.ifId, status, router: e.isRouter, expires })
    }
  }
  for (const { addr, ifId } of vn.state.nd.proxies) {
    const mac = vn.state.link.ifnets.get(ifId)?.mac ?? 0
    rows.push({ addr: { ...addr }, mac, ifId, status: 'proxy', router: false, expires: -1 })
  }
  return rows.sort((a, b) => a.ifId - b.ifId)
}

/**
 * Sets an entry that neither ages nor changes. ENETUNREACH: no Ethernet interface has this neighbour. EINVAL: not the
 * address of one station, or a link-local one without its zone.
 */
export function ndSetStatic(vn: Vn, a: Addr, mac: Mac): number {
  if (mac === 0 || macIsMulticast(mac) || (addr6NeedsZone(a) && a.zone === 0)) return EINVAL
  const route = a.zone === 0 ? route6Lookup(vn, a, true) : null
  const ifp = vn.state.link.ifnets.get(route === null ? a.zone : route.ifId)
  if (ifp === undefined || ifp.type !== IFT_ETHER || (route !== null && !addr6IsAny(route.gateway))) return ENETUNREACH
  const own = addr6InZone(a, ifp.id)
  const entry = ndFind(vn, ifp.id, own) ?? ndInsert(vn, ifp.id, own)
  if (entry === null) return ENOBUFS
  ndReachable(vn, ifp, entry, mac)
  ndSetStatus(vn, entry, ND_PERMANENT, Infinity)
  return 0
}

/** Removes the entries of an address, and no longer answers for it: on its zone's interface, else wherever it is. ENOENT. */
export function ndDelete(vn: Vn, a: Addr): number {
  const found = [...vn.state.nd.table.values()].flat()
    .filter((e) => sameWords(e.addr, a) && (a.zone === 0 || e.ifId === a.zone))
  for (const entry of found) ndRemove(vn, entry)
  const proxied = ndProxyDelete(vn, a)
  return found.length === 0 ? proxied : 0
}

const STATUS_NAMES: Readonly<Record<number, string>> = Object.freeze({
  [ND_INCOMPLETE]: 'incomplete',
  [ND_REACHABLE]: 'reachable',
  [ND_STALE]: 'stale',
  [ND_DELAY]: 'delay',
  [ND_PROBE]: 'probe',
  [ND_PERMANENT]: 'permanent',
})
