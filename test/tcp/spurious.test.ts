/** Recovery that was not needed (RFC 3522, 3708, 4015, 5682): what the scripts cannot say. */

import { describe, expect, test } from 'vitest'
import { createRandom, randomBelow } from '../../src/kern/random.ts'
import { seqAdd, toSeq } from '../../src/lib/seq.ts'
import { measurePath } from '../../src/sim/path.ts'
import { BBR_STARTUP, BB_FULL, BB_INFLIGHT_LONG, BB_INFLIGHT_SHORT, BB_STATE, NONE } from '../../src/tcp/cc/bbr-vars.ts'
import { dsackBegin, dsackReported, dsackResent } from '../../src/tcp/dsack.ts'
import { createTcb } from '../../src/tcp/state.ts'
import { REC_FAST, REC_OPEN, RESENT_MAX } from '../../src/tcp/state-sent.ts'
import { tcpTraceList } from '../../src/tcp/trace-read.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { createTcp, passive, run } from './harness.ts'
import type { Conn, Tcp } from './harness.ts'
import { tcbSeenIn } from '../support/tcbs.ts'

const MSS = 1000
const MAX = 0x3fffffff

/** Ten segments are out for so long that the timer has gone off; the peer's echoes are `ts` ms of our clock from now on. */
function timedOut(t: Tcp, ts: boolean): Conn {
  const c = passive(t, { mss: ts ? MSS + 12 : MSS, ts })
  run(t, 10)
  c.write(14 * MSS)
  for (let i = 0; i < 10; i++) c.out('.')
  run(t, 300)
  const again = t.sent[0]
  expect(toSeq(again.seq - c.iss)).toBe(1)
  t.sent.length = 0
  return c
}

describe('the trace says why (WHY_UNDO_*)', () => {
  test('Eifel: RFC 3522 §3.2', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.trace': 1000 } })
    const c = timedOut(t, true)
    c.in('.', { ack: 1 + 2 * MSS })
    const e = tcpTraceList(t.vn).findLast((x) => x.kind === 'cc')
    expect(e).toMatchObject({ what: 'open', clause: 'RFC 3522 §3.2', why: expect.stringContaining('needless') as string })
    expect(t.vn.state.tcp.stats).toMatchObject({ sndrexmitbad: 1, undoEifel: 1, undoDsack: 0, undoFrto: 0 })
    t.sent.length = 0
  })

  test('F-RTO: RFC 5682 §2.1, and the new data that it sends', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.trace': 1000 } })
    const c = timedOut(t, false)
    c.in('.', { ack: 1 + MSS })
    c.out('.', { seq: 1 + 10 * MSS })
    c.out('.', { seq: 1 + 11 * MSS })
    expect(tcpTraceList(t.vn).filter((x) => x.clause === 'RFC 5682 §2.1').length).toBe(2)
    c.in('.', { ack: 1 + 2 * MSS })
    expect(tcpTraceList(t.vn).findLast((x) => x.kind === 'cc')?.clause).toBe('RFC 5682 §2.1')
    expect(t.vn.state.tcp.stats).toMatchObject({ sndrexmitbad: 1, undoEifel: 0, undoDsack: 0, undoFrto: 1 })
    t.sent.length = 0
  })
})

describe('congestion control', () => {
  test.each(['newreno', 'cubic', 'bbr'])('%s has its window again after a spurious timeout (RFC 4015 §3.2 step 10)', (cc) => {
    for (const ts of [true, false]) {
      const t = createTcp({ sysctls: { 'net.inet.tcp.cc.algorithm': ['newreno', 'cubic', 'bbr'].indexOf(cc) } })
      const c = timedOut(t, ts)
      expect(c.tcb.cwnd).toBe(MSS)
      if (!ts) c.in('.', { ack: 1 + MSS })
      c.in('.', { ack: 1 + 2 * MSS })
      expect(t.vn.state.tcp.stats.sndrexmitbad).toBe(1)
      expect(c.tcb.rec.phase).toBe(REC_OPEN)
      expect(c.tcb.cwnd).toBeGreaterThanOrEqual(10 * MSS)
      expect(c.tcb.ssthresh).toBe(MAX)
      t.sent.length = 0
    }
  })

  test('BBR goes on with startup, without the bounds that the loss drew (draft-ietf-ccwg-bbr §5.5.10)', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.cc.algorithm': 2 } })
    const c = timedOut(t, true)
    c.tcb.ccVars[BB_STATE] = BBR_STARTUP + 1
    c.tcb.ccVars[BB_FULL] = 1
    c.tcb.ccVars[BB_INFLIGHT_SHORT] = MSS
    c.tcb.ccVars[BB_INFLIGHT_LONG] = MSS
    c.in('.', { ack: 1 + 2 * MSS })
    expect([BB_STATE, BB_FULL, BB_INFLIGHT_SHORT, BB_INFLIGHT_LONG].map((i) => c.tcb.ccVars[i]))
      .toEqual([BBR_STARTUP, 0, NONE, NONE])
    t.sent.length = 0
  })
})

describe('RFC 3708 §3 (B): which octets have not been reported', () => {
  test.each([1, 2, 3, 4])('ranges against a set, across the wrap, seed %i', (seed) => {
    const random = createRandom([seed])
    for (let n = 0; n < 200; n++) {
      const base = toSeq(0x7fffff00 + n)
      const tcb = createTcb(1, 2)
      tcb.rec.phase = REC_FAST
      dsackBegin(tcb)
      const left = new Set<number>()
      let at = 0
      for (let i = 0; i < 8; i++) {
        at += randomBelow(random, 3) * 20
        const len = 1 + randomBelow(random, 60)
        dsackResent(tcb, seqAdd(base, at), seqAdd(base, at + len), false)
        for (let k = 0; k < len; k++) left.add(at++)
      }
      for (let i = 0; i < 40 && left.size > 0; i++) {
        const start = randomBelow(random, at)
        const len = 1 + randomBelow(random, 120)
        const had = left.size
        for (let k = start; k < start + len; k++) left.delete(k)
        expect(dsackReported(tcb, seqAdd(base, start), seqAdd(base, start + len))).toBe(had > 0 && left.size === 0)
        expect(rangesOf(tcb.rec.resent, base)).toEqual([...left].sort((a, b) => a - b))
      }
    }
  })

  test('too many holes: nothing is concluded any more, and nothing grows', () => {
    const tcb = createTcb(1, 2)
    tcb.rec.phase = REC_FAST
    dsackBegin(tcb)
    for (let i = 0; i < 1000; i++) dsackResent(tcb, toSeq(2000 * i), toSeq(2000 * i + 1000), false)
    expect(tcb.rec.resent.length).toBeLessThanOrEqual(RESENT_MAX)
    for (let i = 0; i < 1000; i++) expect(dsackReported(tcb, toSeq(2000 * i), toSeq(2000 * i + 1000))).toBe(false)
    dsackBegin(tcb)
    dsackResent(tcb, toSeq(0), toSeq(1_000_000), false)
    for (let i = 0; i < 1000; i++) dsackReported(tcb, toSeq(1 + 200 * i), toSeq(101 + 200 * i))
    expect(tcb.rec.resent.length).toBeLessThanOrEqual(RESENT_MAX)
  })
})

test('a snapshot in the middle: the copy takes back what the original does', () => {
  const t = createTcp()
  const c = timedOut(t, true)
  const fork = Vnet.restore(t.vnet.snapshot())
  expect(tcbSeenIn(fork.state.tcp, c.id)?.rec).toEqual(c.tcb.rec)
  expect(c.tcb.rec.eifelWaits).toBe(true)
})

describe('issue 3: reordering of 1 % alone costs less than 5 % of goodput', () => {
  test.each([
    ['newreno', 20, 10], ['newreno', 100, 10], ['newreno', 300, 10], ['cubic', 20, 10], ['cubic', 100, 10], ['cubic', 100, 50],
  ])('%s, %i ms, %i Mb/s', (cc, rttMs, mbps) => {
    const path = { cc, rttUs: rttMs * 1000, rateBps: mbps * 1e6, warmUpUs: 2e6, measureUs: 5e6 }
    const plain = measurePath(path).goodputShare
    expect(measurePath({ ...path, reorderRate: 0.01 }).goodputShare).toBeGreaterThan(0.95 * plain)
  }, 60_000)
})

/** Numbers in [start, end) pairs, counted from `base`, in order. */
function rangesOf(pairs: readonly number[], base: number): number[] {
  const all: number[] = []
  for (let i = 0; i < pairs.length; i += 2) for (let k = pairs[i]; k !== pairs[i + 1]; k = k + 1 | 0) all.push(k - base | 0)
  return all.sort((a, b) => a - b)
}
