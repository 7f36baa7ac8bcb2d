/** What ACKs say of data out of order (RFC 2018 §4, RFC 2883 §4), against a model that remembers every octet. */

import { describe, expect, test } from 'vitest'
import { createRandom, randomBelow } from '../../src/kern/random.ts'
import type { Vn } from '../../src/kern/vn.ts'
import { toSeq } from '../../src/lib/seq.ts'
import { tcpReassDrain, tcpReassPark } from '../../src/tcp/reass.ts'
import { tcpDsackSent, tcpSackFill, tcpSackLen } from '../../src/tcp/sackgen.ts'
import { TCPS_ESTABLISHED, TF_CANTRCVMORE, TF_SACK_PERMIT, TF_TSTMP, createTcb } from '../../src/tcp/state.ts'
import type { Tcb } from '../../src/tcp/state.ts'
import { TOF_TS, createTcpOptions, tcpOptionsLen } from '../../src/wire/tcp-options.ts'
import type { TcpOptions } from '../../src/wire/tcp-options.ts'
import { createTcp } from './harness.ts'

const SPAN = 400

/** A receiver at 0 of which nothing is read, and the octets that it has. */
function receiver(flags: number): { vn: Vn; tcb: Tcb; has: boolean[]; park: (at: number, len: number) => TcpOptions } {
  const t = createTcp()
  const tcb = createTcb(4, 2)
  tcb.state = TCPS_ESTABLISHED
  tcb.flags |= TF_SACK_PERMIT | TF_CANTRCVMORE | flags
  const has: boolean[] = Array<boolean>(SPAN).fill(false)
  const park = (at: number, len: number): TcpOptions => {
    tcpDsackSent(tcb)
    expect(tcpReassPark(t.vn, tcb, toSeq(at), new Uint8Array(len), 0, len)).toBe(true)
    has.fill(true, at, at + len)
    tcpReassDrain(tcb)
    const opt = createTcpOptions()
    if (tcpSackLen(t.vn, tcb) > 0) tcpSackFill(t.vn, tcb, opt)
    return opt
  }
  return { vn: t.vn, tcb, has, park }
}

function blocks(opt: TcpOptions): [number, number][] {
  return Array.from({ length: opt.sackCount }, (_, i) => [opt.sack[i * 2], opt.sack[i * 2 + 1]])
}

/** The range of octets around `at`. */
function around(has: readonly boolean[], at: number): [number, number] {
  let start = at
  let end = at
  while (start > 0 && has[start - 1]) start--
  while (has[end]) end++
  return [start, end]
}

describe('SACK blocks (RFC 2018 §4)', () => {
  test('property: what is told is held, the newest first, nothing twice, as many as there are', () => {
    for (let seed = 0; seed < 100; seed++) {
      const random = createRandom([seed])
      const { tcb, has, park } = receiver(seed % 2 === 0 ? TF_TSTMP : 0)
      for (let step = 0; step < 60 && tcb.rcvNxt < SPAN - 60; step++) {
        const at = tcb.rcvNxt + randomBelow(random, Math.min(200, SPAN - 60 - tcb.rcvNxt))
        const len = 1 + randomBelow(random, 12)
        const before = [...has]
        const opt = park(at, len)
        const told = blocks(opt)
        const dup = tcb.dsackEnd !== tcb.dsackStart ? told.shift() : undefined
        const firstDup = before.findIndex((x, i) => x && i >= at && i < at + len)
        if (firstDup < 0) expect(dup, `seed ${seed}`).toBeUndefined()
        else {
          // RFC 2883 §4 (3): exactly the first part that came before
          let end = firstDup
          while (before[end] && end < at + len) end++
          expect(dup, `seed ${seed}`).toEqual([firstDup, end])
        }
        for (const [start, end] of told) {
          expect(around(has, start), `seed ${seed}`).toEqual([start, end])
          expect(start, `seed ${seed}`).toBeGreaterThan(tcb.rcvNxt)
        }
        expect(new Set(told.map(([start]) => start)).size).toBe(told.length)
        expect(told.length).toBe(Math.min(tcb.reass.length / 2, dup === undefined ? 4 : 3))
        if (at >= tcb.rcvNxt) expect(told[0], `seed ${seed}`).toEqual(around(has, at))
        expect(tcb.sackRecent.length).toBeLessThanOrEqual(4)
      }
    }
  })

  test('the length given to blocks is what is written, with timestamps and without', () => {
    for (const flags of [0, TF_TSTMP]) {
      const { vn, tcb, park } = receiver(flags)
      expect(tcpSackLen(vn, tcb)).toBe(0)
      for (let i = 0; i < 6; i++) {
        const opt = park(10 + i * 20, 10)
        const bare = { ...createTcpOptions(), flags: flags === 0 ? 0 : TOF_TS }
        opt.flags |= bare.flags
        expect(tcpSackLen(vn, tcb)).toBe(tcpOptionsLen(opt) - tcpOptionsLen(bare))
      }
    }
  })

  test('§4: each block is told in three ACKs in a row at least', () => {
    const { park } = receiver(0)
    const seen = new Map<number, number>()
    for (let i = 0; i < 12; i++) for (const [start] of blocks(park(10 + i * 20, 10))) seen.set(start, (seen.get(start) ?? 0) + 1)
    for (let i = 0; i < 9; i++) expect(seen.get(10 + i * 20)).toBeGreaterThanOrEqual(3)
  })
})
