import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inpHash } from '../../src/inet/hash.ts'
import { inpInsert, inpLookup, inpLookupListen, inpRemove } from '../../src/inet/inptable.ts'
import type { Pcb } from '../../src/inet/inptable.ts'
import { AF_INET, AF_INET6, INP_V6ONLY, createInpTable, createInpcb } from '../../src/inet/state.ts'
import {
  addrCopy, addrEq, addrFromIp4, addrIsUnspecified, addrIsV4, addrParse, createAddr,
} from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { createSmallVn } from './vn.ts'

const V4 = [0, 0x0a000001, 0x0a000002].map(addrFromIp4)
const V6 = ['::', 'fe80::1', '2001:db8::2'].map((text) => addrParse(text) as Addr)
const HOSTS = [...V4, ...V6]

/** Few values, so that they meet often. */
const host = fc.constantFrom(...HOSTS)
const port = fc.integer({ min: 1, max: 3 })
const command = fc.oneof(
  fc.record({ op: fc.constant('listen' as const), six: fc.boolean(), only: fc.boolean(), host, port }),
  fc.record({ op: fc.constant('connect' as const), host, port, peer: host, peerPort: port }),
  fc.record({ op: fc.constant('remove' as const), pick: fc.nat() }),
)

const same = (a: Addr, b: Addr): boolean => addrEq(a, b) || (addrIsUnspecified(a) && addrIsUnspecified(b))

function takes(p: Pcb, a: Addr): boolean {
  if (p.inp.family === AF_INET) return addrIsV4(a)
  return !addrIsV4(a) || (p.inp.options & INP_V6ONLY) === 0
}

test('RFC 1122 §4.1.3.5, RFC 9293 §3.10.7.1: the tables find what a search through a list finds', () => {
  fc.assert(fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
    const vn = createSmallVn()
    const table = createInpTable()
    const pcbs = new Map<number, Pcb>()
    // newest first, as chains are
    let model: Pcb[] = []
    let nextId = 1
    for (const c of commands) {
      if (c.op === 'remove') {
        const victim = model[c.pick % Math.max(1, model.length)]
        if (victim === undefined) continue
        inpRemove(vn, table, pcbs, victim.inp)
        inpRemove(vn, table, pcbs, victim.inp)
        pcbs.delete(victim.inp.id)
        model = model.filter((p) => p !== victim)
        continue
      }
      const six = c.op === 'listen' ? c.six : !addrIsV4(c.host)
      const pcb = { inp: createInpcb(nextId++, six ? AF_INET6 : AF_INET) }
      addrCopy(pcb.inp.laddr, c.host)
      pcb.inp.lport = c.port
      if (c.op === 'connect') {
        addrCopy(pcb.inp.faddr, c.peer)
        pcb.inp.fport = c.peerPort
      } else if (six && c.only) pcb.inp.options |= INP_V6ONLY
      pcbs.set(pcb.inp.id, pcb)
      inpInsert(vn, table, pcb.inp)
      model.unshift(pcb)
    }
    for (const to of HOSTS) {
      for (let lport = 1; lport <= 3; lport++) {
        const listeners = model.filter((p) => p.inp.fport === 0 && p.inp.lport === lport && takes(p, to))
        const listener = listeners.find((p) => same(p.inp.laddr, to)) ??
          listeners.find((p) => addrIsUnspecified(p.inp.laddr)) ?? null
        expect(inpLookupListen(vn, table, pcbs, to, lport)).toBe(listener)
        for (const from of HOSTS) {
          const exact = model.find((p) => p.inp.lport === lport && p.inp.fport === 2 && same(p.inp.laddr, to) &&
            same(p.inp.faddr, from)) ?? null
          expect(inpLookup(vn, table, pcbs, to, lport, from, 2)).toBe(exact)
        }
      }
    }
    for (const p of model) inpRemove(vn, table, pcbs, p.inp)
    expect(table).toEqual(createInpTable())
  }))
})

test('10,000 connections of one server lie in chains of their own: the cost of a lookup does not grow', () => {
  const vn = createSmallVn([11, 22, 33, 44])
  const table = createInpTable()
  const pcbs = new Map<number, Pcb>()
  for (let i = 0; i < 10_000; i++) {
    const { inp } = { inp: createInpcb(i + 1, AF_INET) }
    addrCopy(inp.laddr, addrFromIp4(0x0a000001))
    addrCopy(inp.faddr, addrFromIp4(0x0a000100 + (i % 100)))
    inp.lport = 80
    inp.fport = 1024 + Math.floor(i / 100)
    pcbs.set(inp.id, { inp })
    inpInsert(vn, table, inp)
  }
  // by the birthday bound 10,000 random int32s have about 0.01 collisions
  expect(table.heads.size).toBeGreaterThanOrEqual(9_998)
})

test('RFC 6056 §3.3.3 (secret): differences that cancel in one Vnet do not cancel in another', () => {
  const laddr = addrFromIp4(0x0a000001)
  const hashes = (key: [number, number, number, number]): Map<number, number[]> => {
    const vn = createSmallVn(key)
    const byBucket = new Map<number, number[]>()
    for (let i = 0; i < 4096; i++) {
      const h = inpHash(vn, laddr, 80, addrFromIp4(i << 16), i) & 0xfff
      byBucket.set(h, [...(byBucket.get(h) ?? []), i])
    }
    return byBucket
  }
  const collidesIn = (m: Map<number, number[]>): Set<string> => {
    const pairs = new Set<string>()
    for (const list of m.values()) for (const a of list) for (const b of list) if (a < b) pairs.add(`${a},${b}`)
    return pairs
  }
  const first = collidesIn(hashes([1, 2, 3, 4]))
  const second = collidesIn(hashes([1, 2, 3, 5]))
  const both = [...first].filter((p) => second.has(p))
  // 4096 keys over 4096 buckets: about 2,048 pairs each, and by chance about 1 in both
  expect(first.size).toBeGreaterThan(1500)
  expect(first.size).toBeLessThan(2700)
  expect(both.length).toBeLessThan(10)
})

test('the hash is an int32 and takes :: and 0.0.0.0 for one wildcard', () => {
  const vn = createSmallVn()
  const h = inpHash(vn, createAddr(), 53, createAddr(), 0)
  expect(h).toBe(h | 0)
  expect(inpHash(vn, addrFromIp4(0), 53, addrFromIp4(0), 0)).toBe(h)
  expect(inpHash(vn, addrFromIp4(0), 54, addrFromIp4(0), 0)).not.toBe(h)
})
