/** The keys under which IPv6 keeps what it finds by a hash of an address: made anew for a new secret, checked after a restore. */

import { ip6ReassKey } from '../ip6/reass.ts'
import type { Vn } from '../kern/vn.ts'
import { addr6Hash } from '../lib/addr6.ts'
import type { Addr } from '../lib/addr.ts'
import { tableIn } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'
import { demand } from '../snapshot/fault.ts'

/** Puts every table in the order of the new secret. */
export function ip6Rekey(vn: Vn): void {
  const { ip6, nd } = vn.state
  rehash(ip6.local, (l) => localKey(vn, l.addr))
  for (const [len, table] of ip6.routes) rehash(table, (r) => routeKey(vn, r.dst, len))
  rehash(nd.table, (e) => neighbourKey(vn, e.addr, e.ifId))
  const paths = [...ip6.pmtu.values()]
  ip6.pmtu.clear()
  for (const p of paths) tableIn(ip6, 'pmtu').set(pathKey(vn, p.dst), p)
  const waiting = [...ip6.reass.values()]
  ip6.reass.clear()
  for (const q of waiting) tableIn(ip6, 'reass').set(ip6ReassKey(vn, q.src, q.dst, q.ident), q)
}

/** Throws a SnapshotError with the path of the first entry under a wrong key. */
export function ip6KeysCheck(vn: Vn): void {
  const { ip6, nd } = vn.state
  check('ip6.local', ip6.local, (l) => localKey(vn, l.addr))
  for (const [len, table] of ip6.routes) check(`ip6.routes[${len}]`, table, (r) => routeKey(vn, r.dst, len))
  check('nd.table', nd.table, (e) => neighbourKey(vn, e.addr, e.ifId))
  for (const [key, p] of ip6.pmtu) demand(pathKey(vn, p.dst) === key, `state.ip6.pmtu[${key}]`, WRONG)
  for (const [key, q] of ip6.reass) {
    demand(ip6ReassKey(vn, q.src, q.dst, q.ident) === key, `state.ip6.reass[${key}]`, WRONG)
  }
}

const WRONG = 'stands under another key'

function rehash<T>(table: Table<T[]>, keyOf: (item: T) => number): void {
  if (table.size === 0) return
  const map = table as Map<number, T[]>
  const all = [...map.values()].flat()
  map.clear()
  for (const item of all) {
    const key = keyOf(item)
    const list = map.get(key)
    if (list === undefined) map.set(key, [item])
    else list.push(item)
  }
}

function check<T>(path: string, map: Table<T[]>, keyOf: (item: T) => number): void {
  for (const [key, list] of map) demand(list.every((item) => keyOf(item) === key), `state.${path}[${key}]`, WRONG)
}

function localKey(vn: Vn, a: Addr): number {
  return addr6Hash(vn.state.inet.hashKey, a, 128, 0)
}

function routeKey(vn: Vn, dst: Addr, len: number): number {
  return addr6Hash(vn.state.inet.hashKey, dst, len, len)
}

function neighbourKey(vn: Vn, a: Addr, ifId: number): number {
  return addr6Hash(vn.state.inet.hashKey, a, 128, ifId)
}

function pathKey(vn: Vn, dst: Addr): number {
  return addr6Hash(vn.state.inet.hashKey, dst, 128, dst.zone)
}
