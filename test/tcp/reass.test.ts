import { describe, expect, test } from 'vitest'
import { createRandom, randomBelow } from '../../src/kern/random.ts'
import { tcpReassDrain, tcpReassPark } from '../../src/tcp/reass.ts'
import { createTcb } from '../../src/tcp/state.ts'
import { seqAdd, seqDiff, toSeq } from '../../src/lib/seq.ts'
import { ringAppend, ringDrop, ringPeek } from '../../src/lib/bytering.ts'
import { createTcp, passive, pattern, patternAt } from './harness.ts'

describe('out-of-order ranges (RFC 9293 §3.10.7.4, SHLD-31)', () => {
  test('property: whatever the order and overlap, the stream comes out right (60 seeds)', () => {
    const t = createTcp()
    for (let seed = 0; seed < 60; seed++) {
      const random = createRandom([seed])
      const tcb = createTcb(4, 2)
      const start = toSeq(0xffffff00 + seed)
      tcb.rcvNxt = start
      const total = 3000
      let done = 0
      let read = 0
      let steps = 0
      while (done < total) {
        if (++steps > 20_000) throw new Error(`seed ${seed}: no progress`)
        const at = done + randomBelow(random, Math.min(total - done, 900))
        const len = 1 + randomBelow(random, Math.min(total - at, 300))
        const bytes = pattern(at, len)
        if (at === done && tcb.reass.length === 0) {
          ringAppend(tcb.rcvBuf, bytes, 0, len)
          tcb.rcvNxt = seqAdd(tcb.rcvNxt, len)
        } else tcpReassPark(t.vn, tcb, seqAdd(start, at), bytes, 0, len)
        tcpReassDrain(tcb)
        done = seqDiff(tcb.rcvNxt, start)
        for (let i = 0; i + 2 < tcb.reass.length; i += 2) {
          // sorted, apart, none empty
          if (seqDiff(tcb.reass[i + 2], tcb.reass[i + 1]) <= 0) throw new Error(`seed ${seed}: ranges touch`)
        }
        if (randomBelow(random, 3) === 0) {
          const n = randomBelow(random, tcb.rcvBuf.len + 1)
          const out = new Uint8Array(n)
          ringPeek(tcb.rcvBuf, 0, out, 0, n)
          out.forEach((x, i) => { if (x !== patternAt(read + i)) throw new Error(`seed ${seed}: octet ${read + i}`) })
          ringDrop(tcb.rcvBuf, n, tcb.reass.length > 0)
          read += n
        }
      }
      expect(tcb.reass).toEqual([])
    }
  })

  test('what came first stays: an overlapping segment with other bytes changes nothing', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('.', { seq: 11, data: pattern(10, 10) })
    c.in('.', { seq: 6, data: new Uint8Array(30).fill(0xee) })
    c.in('.', { seq: 1, data: pattern(0, 10) })
    const got = c.read() as Uint8Array
    expect(got.slice(0, 5)).toEqual(pattern(0, 5))
    expect(got.slice(10, 20)).toEqual(pattern(10, 10))
    expect(got.length).toBe(35)
    t.sent.length = 0
  })

  test('ranges are bounded by net.inet.tcp.reass.maxqueuelen; more are dropped and counted', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.reass.maxqueuelen': 4 } })
    const c = passive(t)
    for (let i = 1; i <= 10; i++) c.in('.', { seq: 1 + i * 20, data: 10 })
    expect(c.tcb.reass.length).toBe(8)
    expect(t.drops).toEqual(Array(6).fill('tcp.rcvmemdrop'))
    // what extends a range or fills the gap is taken
    c.in('.', { seq: 31, data: pattern(30, 10) })
    expect(c.tcb.reass.length).toBe(6)
    c.in('.', { seq: 1, data: pattern(0, 20) })
    expect(c.tcb.rcvNxt).toBe(toSeq(c.peerIss + 51))
    t.sent.length = 0
  })

  test('a stream that never fills its gap holds no more than the receive buffer', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.recvspace': 20_000 } })
    const c = passive(t)
    for (let i = 0; i < 100; i++) c.in('.', { seq: 2 + i * 1000, data: 1000 })
    expect(c.tcb.rcvBuf.buf.length).toBeLessThanOrEqual(32_768)
    expect(c.tcb.reass.length).toBe(2)
    t.sent.length = 0
  })
})
