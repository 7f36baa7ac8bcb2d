/**
 * New random numbers and secrets for a copy of a Vnet, so that it and its original cannot be told from each other's
 * numbers. What a connection has drawn already (sequence numbers, its timestamp clock) stays its own.
 */

import { inpHash } from '../inet/hash.ts'
import type { Inpcb, InpTable } from '../inet/state.ts'
import { ipReassKey } from '../ip/reass.ts'
import { ip6Rekey } from './rekey6.ts'
import { createRandom, randomKey } from '../kern/random.ts'
import type { Vn } from '../kern/vn.ts'
import { tableIn } from '../lib/table.ts'
import type { VnetState } from './state.ts'
import { createFastOpen, createSynCookies } from '../tcp/state-open.ts'

export type Pcbs = ReadonlyMap<number, { inp: Inpcb }>

/** Draws everything anew from `seed` and puts the hash tables in the order of the new keys. */
export function vnetReseed(vn: Vn, seed: readonly number[]): void {
  const { state } = vn
  state.random = createRandom(seed)
  state.inet.hashKey = randomKey(state.random)
  state.inet.portKey = randomKey(state.random)
  state.tcp.isnKey = randomKey(state.random)
  // keys are drawn when the next cookie is made; those that are out came from the original
  state.tcp.cookies = createSynCookies()
  Object.assign(state.tcp.fast, createFastOpen(), { paths: state.tcp.fast.paths })
  for (const [, table, pcbs] of inpTables(state)) rehash(vn, table, pcbs)
  rekeyReassembly(vn)
  ip6Rekey(vn)
}

/** Every table of control blocks with its records and the path to it. */
export function inpTables({ udp, tcp }: VnetState): [string, InpTable, Pcbs][] {
  return [
    ['udp.table', udp.table, udp.pcbs],
    ['tcp.table', tcp.table, tcp.tcbs],
    ['tcp.syncacheTable', tcp.syncacheTable, tcp.syncache],
    ['tcp.ao.table', tcp.ao.table, tcp.ao.conns],
    ['tcp.timewaitTable', tcp.timewaitTable, tcp.timewait],
  ]
}

/** Ids of a port stand in the order of binding; the latest comes first in its chain (inet/inptable.ts). */
function rehash(vn: Vn, table: InpTable, pcbs: Pcbs): void {
  table.heads.clear()
  for (const ids of table.ports.values()) {
    for (const id of ids) {
      const { inp } = pcbs.get(id) as { inp: Inpcb }
      const hash = inpHash(vn, inp.laddr, inp.lport, inp.faddr, inp.fport)
      inp.hashNext = table.heads.get(hash) ?? 0
      tableIn(table, 'heads').set(hash, id)
    }
  }
}

/** The key is drawn at first use (ip/ident.ts), with the counters of identifications. */
function rekeyReassembly(vn: Vn): void {
  const { ip } = vn.state
  ip.hashKey = [0, 0, 0, 0]
  const waiting = [...ip.reass.values()]
  ip.reass.clear()
  for (const q of waiting) tableIn(ip, 'reass').set(ipReassKey(vn, q.src, q.dst, q.proto, q.ident), q)
}
