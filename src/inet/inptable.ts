/**
 * Control blocks by address: chained hash tables as plain data (Map of the first id of a chain, `Inpcb.hashNext`
 * onwards), so that the cost of a lookup does not depend on the number of sockets. The records stay in their
 * protocol's own map.
 */

import type { Vn } from '../kern/vn.ts'
import { addrEq, addrIsUnspecified, addrIsV4, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { assert } from '../lib/assert.ts'
import { tableIn } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'
import { inpHash } from './hash.ts'
import { AF_INET, INP_V6ONLY } from './state.ts'
import type { Inpcb, InpTable } from './state.ts'

/** What a protocol keeps for each socket: any record with an Inpcb in it. */
export interface Pcb { inp: Inpcb }

const ANY: Addr = Object.freeze(createAddr())

/** The record with exactly these addresses and ports (a connection), or null. */
export function inpLookup<T extends Pcb>(
  vn: Vn, t: InpTable, pcbs: Table<T>, laddr: Addr, lport: number, faddr: Addr, fport: number,
): T | null {
  let id = t.heads.get(inpHash(vn, laddr, lport, faddr, fport)) ?? 0
  while (id !== 0) {
    const pcb = pcbs.get(id) as T
    const inp = pcb.inp
    const ports = inp.lport === lport && inp.fport === fport
    if (ports && sameHost(inp.laddr, laddr) && sameHost(inp.faddr, faddr)) return pcb
    id = inp.hashNext
  }
  return null
}

/**
 * The record without a peer that takes packets for (laddr, lport): bound to that very address, else to the wildcard;
 * the latest bound where several share it. Null when there is none of the right family.
 */
export function inpLookupListen<T extends Pcb>(
  vn: Vn, t: InpTable, pcbs: Table<T>, laddr: Addr, lport: number,
): T | null {
  return listenerAt(vn, t, pcbs, laddr, laddr, lport) ?? listenerAt(vn, t, pcbs, ANY, laddr, lport)
}

/** Makes a bound record findable. Its addresses and ports must not change until it is removed. */
export function inpInsert(vn: Vn, t: InpTable, inp: Inpcb): void {
  const ids = t.ports.get(inp.lport)
  assert(inp.lport !== 0 && ids?.has(inp.id) !== true, `control block ${inp.id} not bound, or inserted twice`)
  const hash = inpHash(vn, inp.laddr, inp.lport, inp.faddr, inp.fport)
  inp.hashNext = t.heads.get(hash) ?? 0
  tableIn(t, 'heads').set(hash, inp.id)
  if (ids === undefined) tableIn(t, 'ports').set(inp.lport, new Set([inp.id]))
  else ids.add(inp.id)
}

/** Undoes inpInsert; a record that is not in the table is left alone. */
export function inpRemove(vn: Vn, t: InpTable, pcbs: Table<Pcb>, inp: Inpcb): void {
  const ids = t.ports.get(inp.lport)
  if (ids === undefined || !ids.delete(inp.id)) return
  if (ids.size === 0) t.ports.delete(inp.lport)
  const hash = inpHash(vn, inp.laddr, inp.lport, inp.faddr, inp.fport)
  let id = t.heads.get(hash) ?? 0
  if (id === inp.id) {
    if (inp.hashNext === 0) t.heads.delete(hash)
    else tableIn(t, 'heads').set(hash, inp.hashNext)
  } else {
    let before = (pcbs.get(id) as Pcb).inp
    for (id = before.hashNext; id !== inp.id; id = before.hashNext) before = (pcbs.get(id) as Pcb).inp
    before.hashNext = inp.hashNext
  }
  inp.hashNext = 0
}

/** True when a socket of this family takes packets addressed to `a` (an IPv6 wildcard takes IPv4 unless V6ONLY). */
export function inpTakesFamily(inp: Inpcb, a: Addr): boolean {
  if (inp.family === AF_INET) return addrIsV4(a)
  return !addrIsV4(a) || (inp.options & INP_V6ONLY) === 0
}

/** Equal addresses, where `::` and 0.0.0.0 are one wildcard. */
export function sameHost(a: Addr, b: Addr): boolean {
  return addrEq(a, b) || (addrIsUnspecified(a) && addrIsUnspecified(b))
}

function listenerAt<T extends Pcb>(
  vn: Vn, t: InpTable, pcbs: Table<T>, bound: Addr, laddr: Addr, lport: number,
): T | null {
  let id = t.heads.get(inpHash(vn, bound, lport, ANY, 0)) ?? 0
  while (id !== 0) {
    const pcb = pcbs.get(id) as T
    const inp = pcb.inp
    if (inp.lport === lport && inp.fport === 0 && sameHost(inp.laddr, bound) && addrIsUnspecified(inp.faddr) &&
      inpTakesFamily(inp, laddr)) return pcb
    id = inp.hashNext
  }
  return null
}
