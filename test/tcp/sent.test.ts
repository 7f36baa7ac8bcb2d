import { describe, expect, test } from 'vitest'
import type { Vn } from '../../src/kern/vn.ts'
import { seqAdd, seqDiff, seqLt, seqMax, seqMin, toSeq } from '../../src/lib/seq.ts'
import type { Seq } from '../../src/lib/seq.ts'
import { IFCAP_TSO } from '../../src/link/state.ts'
import { rackDetectLoss } from '../../src/tcp/racklost.ts'
import { tcpSackInput } from '../../src/tcp/sack.ts'
import { sentAckBegin, sentAckEnd, sentAcked, sentLoseAll, sentTransmit, sentUnpack } from '../../src/tcp/sent.ts'
import { TF_SACK_PERMIT } from '../../src/tcp/state.ts'
import { SENT_END, SENT_FLAGS, SENT_SIZE_SHIFT, SENT_STRIDE, SF_APPLIMITED, SF_EVER } from '../../src/tcp/state-sent.ts'
import type { Tcb } from '../../src/tcp/state.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { TOF_SACK } from '../../src/wire/tcp-options.ts'
import { createTcp, passive, run } from './harness.ts'
import { tcbSeenIn } from '../support/tcbs.ts'
import { tcpRate, tcpSeg } from '../../src/tcp/state-scratch.ts'

const MSS = 1000

/** Ends (relative to `iss`) and marks of the records, oldest first. */
function records(tcb: Tcb, iss: number): [number, number][] {
  const { log, head, count } = tcb.sent
  return Array.from({ length: count }, (_, k) => {
    const at = (head + k) * SENT_STRIDE % log.length
    return [log[at + SENT_END] - iss | 0, log[at + SENT_FLAGS] & ~SF_APPLIMITED]
  })
}

describe('records of segments in flight', () => {
  test('one a segment, gone with its acknowledgment, none for an idle connection', () => {
    const t = createTcp()
    const c = passive(t, { mss: MSS })
    c.write(2500)
    expect(records(c.tcb, c.iss)).toEqual([[1001, 0], [2001, 0], [2501, 0]])
    c.in('.', { ack: 1501 })
    expect(records(c.tcb, c.iss)).toEqual([[2001, 0], [2501, 0]])
    c.in('.', { ack: 2501 })
    expect(records(c.tcb, c.iss)).toEqual([])
    t.sent.length = 0
  })

  test('a FIN takes a number like an octet', () => {
    const t = createTcp()
    const c = passive(t, { mss: MSS })
    c.write(500)
    c.close()
    expect(records(c.tcb, c.iss)).toEqual([[501, 0], [502, 0]])
    t.sent.length = 0
  })

  test('a retransmission is marked; one that is cut anew cuts the records', () => {
    const t = createTcp()
    const c = passive(t, { mss: MSS })
    c.tcb.flags |= 4 // TF_NODELAY
    c.write(400)
    c.write(400)
    c.write(400)
    run(t, 300)
    expect(t.sent.at(-1)).toMatchObject({ len: MSS })
    expect(records(c.tcb, c.iss).map(([end, flags]) => [end, (flags & SF_EVER) !== 0])).toEqual(
      [[401, true], [801, true], [1001, true], [1201, false]])
    t.sent.length = 0
  })

  test('many tiny segments share records', () => {
    const t = createTcp()
    const c = passive(t, { mss: MSS })
    c.tcb.flags |= 4
    c.tcb.cwnd = 60_000
    for (let i = 0; i < 3000; i++) c.write(1)
    expect(t.sent.length).toBe(3000)
    expect(c.tcb.sent.count).toBeLessThan(1030)
    c.in('.', { ack: 3001 })
    expect(c.tcb.sent).toMatchObject({ count: 0, log: [] })
    t.sent.length = 0
  })
})

describe('segments that leave as one packet share a record', () => {
  const SIZE = 1000

  /** A connection with SACK and nothing in flight, to be told what was sent and what came. */
  function bare(): { vn: Vn; tcb: Tcb } {
    const t = createTcp()
    const { tcb } = passive(t)
    tcb.flags |= TF_SACK_PERMIT
    tcb.sndUna = tcb.sndNxt = tcb.sndMax = toSeq(-20_000)
    return { vn: t.vn, tcb }
  }

  /** `n` segments, the last of `last` bytes: as one packet, or one by one. */
  function send({ vn, tcb }: { vn: Vn; tcb: Tcb }, n: number, last: number, together: boolean): void {
    const end = seqAdd(tcb.sndMax, (n - 1) * SIZE + last)
    while (seqLt(tcb.sndMax, end)) {
      const next = together ? end : seqMin(end, seqAdd(tcb.sndMax, SIZE))
      sentTransmit(vn, tcb, tcb.sndMax, next, together ? SIZE : 0)
      tcb.sndNxt = tcb.sndMax = next
    }
  }

  function acked({ vn, tcb }: { vn: Vn; tcb: Tcb }, ack: Seq, sack: Seq[]): void {
    sentAckBegin(vn, tcb)
    sentAcked(vn, tcb, ack)
    tcb.sndUna = ack
    const seg = tcpSeg(vn)
    seg.ack = ack
    seg.opt.flags = sack.length > 0 ? TOF_SACK : 0
    seg.opt.sackCount = sack.length / 2
    sack.forEach((edge, i) => { seg.opt.sack[i] = edge })
    tcpSackInput(vn, tcb, seg)
    rackDetectLoss(vn, tcb)
    sentAckEnd(vn, tcb)
  }

  test('one record for all, which goes with the ACK, the round trip taken from the last that arrived', () => {
    const c = bare()
    send(c, 40, 300, true)
    expect(c.tcb.sent.count).toBe(1)
    c.vn.state.now += 5000
    acked(c, seqAdd(c.tcb.sndUna, 7 * SIZE), [])
    expect(c.tcb.sent).toMatchObject({ count: 1, delivered: 7 * SIZE })
    expect(c.tcb.meter.delivered).toBe(7)
    expect(tcpRate(c.vn)).toMatchObject({ rttUs: 5000, delivered: 7 * SIZE, txInFlight: 7 * SIZE })
    acked(c, c.tcb.sndMax, [])
    expect(c.tcb.sent).toMatchObject({ count: 0, delivered: 39_300 })
    expect(c.tcb.meter.delivered).toBe(40)
  })

  test('a SACK block gives each its own, and marks those that it covers', () => {
    const c = bare()
    const { sndUna } = c.tcb
    send(c, 30, SIZE, true)
    send(c, 2, SIZE, true)
    acked(c, sndUna, [seqAdd(sndUna, 2 * SIZE), seqAdd(sndUna, 5 * SIZE)])
    expect(c.tcb.sent).toMatchObject({ count: 32, sackedCount: 3, sacked: 3 * SIZE, lost: 2 * SIZE })
  })

  test('property: whatever is sent, acknowledged, lost and sent again, all is as if each had its own from the beginning', () => {
    for (let seed = 1; seed <= 60; seed++) {
      let x = seed * 7919
      const random = (below: number): number => {
        x = Math.imul(x, 1103515245) + 12345 | 0
        return (x >>> 8) % below
      }
      const one = bare()
      const own = bare()
      for (let step = 0; step < 60; step++) {
        const what = random(8)
        const { sndUna, sndMax } = own.tcb
        const flight = seqDiff(sndMax, sndUna)
        const edge = (): Seq => seqAdd(sndUna, random(3) === 0 ? random(flight + 1) : Math.min(flight, random(flight / SIZE + 1) * SIZE))
        const n = 2 + random(44)
        const last = random(2) === 0 ? SIZE : 1 + random(SIZE)
        const from = edge()
        const to = seqMin(sndMax, seqAdd(from, SIZE))
        const ack = edge()
        const sacks = random(2) === 0 ? [] : [seqMax(ack, from), seqMin(sndMax, seqAdd(seqMax(ack, from), (1 + random(20)) * SIZE))]
        const pass = random(3) * 1000
        const lose = random(4) === 0
        for (const c of [one, own]) {
          c.vn.state.now += pass
          if (what < 3) send(c, n, last, c === one)
          else if (what < 6) acked(c, ack, sacks)
          else if (what === 6 && seqLt(from, to)) sentTransmit(c.vn, c.tcb, from, to)
          else if (what === 7 && lose) sentLoseAll(c.vn, c.tcb)
        }
        const { log: _one, head: _h1, count: _c1, ...sums } = one.tcb.sent
        const { log: _own, head: _h2, count: _c2, ...theirs } = own.tcb.sent
        expect(sums, `seed ${seed}, step ${step}`).toEqual(theirs)
        expect(one.tcb.rec, `seed ${seed}, step ${step}`).toEqual(own.tcb.rec)
        expect(tcpRate(one.vn)).toEqual(tcpRate(own.vn))
        expect(one.tcb.meter.delivered).toBe(own.tcb.meter.delivered)
        if (random(10) !== 0) continue
        sentUnpack(one.tcb)
        expect(all(one.tcb)).toEqual(all(own.tcb))
      }
    }
  })

  test('a snapshot keeps it; one with marks on it, or a size that no segment has, is refused', () => {
    const t = createTcp()
    t.ifp.capabilities = IFCAP_TSO
    const c = passive(t, { mss: SIZE })
    c.tcb.cwnd = 60_000
    // whoever looks at segments one by one would find their checksum unfinished
    t.batching = true
    c.write(30_500)
    t.vnet.drainFrames(() => undefined)
    t.batching = false
    expect(c.tcb.sent.count).toBe(2)
    const at = c.tcb.sent.head * SENT_STRIDE + SENT_FLAGS
    const flags = c.tcb.sent.log[at]
    expect(flags >> SENT_SIZE_SHIFT).toBe(SIZE)
    const again = Vnet.restore(t.vnet.snapshot())
    expect(tcbSeenIn(again.state.tcp, c.id)?.sent).toEqual(c.tcb.sent)
    for (const forged of [SIZE << SENT_SIZE_SHIFT | SF_EVER, -1 << SENT_SIZE_SHIFT, 70_000 << SENT_SIZE_SHIFT, 2 ** 40]) {
      c.tcb.sent.log[at] = forged
      expect(() => Vnet.restore(t.vnet.snapshot()), String(forged)).toThrow('marks that do not exist')
    }
    c.tcb.sent.log[at] = flags
    c.in('.', { ack: 30_501 })
    expect(c.tcb.sent.count).toBe(0)
    t.sent.length = 0
  })

  /** The records in full, oldest first. */
  function all({ sent: { log, head, count } }: Tcb): number[][] {
    return Array.from({ length: count }, (_, k) => {
      const at = (head + k) * SENT_STRIDE % log.length
      return log.slice(at, at + SENT_STRIDE)
    })
  }
})

describe('delivery rate samples (draft-cheng-iccrg-delivery-rate-estimation §3)', () => {
  test('bytes between two ACKs over the longer of the sending and the ACK interval', () => {
    const t = createTcp()
    const c = passive(t, { mss: MSS })
    const rate = tcpRate(t.vn)
    c.write(60_000)
    run(t, 100)
    c.in('.', { ack: 2001 })
    // the first flight: both segments were sent at 0 with nothing delivered
    expect(rate).toMatchObject({ delivered: 2000, intervalUs: 100_000, rttUs: 100_000 })
    expect(rate).toMatchObject({ newlyAcked: 2000, priorInFlight: 10_000 })
    run(t, 20)
    c.in('.', { ack: 4001 })
    expect(rate).toMatchObject({ delivered: 4000, intervalUs: 120_000, rttUs: 120_000 })
    run(t, 80)
    // sent at 100 ms when 2000 had been delivered (at 100 ms), acknowledged at 200 ms
    c.in('.', { ack: 12_001 })
    expect(rate).toMatchObject({ delivered: 10_000, intervalUs: 100_000, rttUs: 100_000, priorDelivered: 2000 })
    t.sent.length = 0
  })

  test('what was sent for want of more is marked (§3.4), until it is acknowledged', () => {
    // windows as RFC 3465 lets them grow: twelve segments after the first ACK
    const t = createTcp({ sysctls: { 'net.inet.tcp.cc.hystartplusplus': 0 } })
    const c = passive(t, { mss: MSS })
    const rate = tcpRate(t.vn)
    c.write(11_000)
    run(t, 50)
    c.in('.', { ack: 10_001 })
    // the silence before the first flight
    expect(rate.appLimited).toBe(true)
    c.write(12_000)
    run(t, 50)
    c.in('.', { ack: 11_001 })
    expect(rate).toMatchObject({ appLimited: false, rttUs: 50_000 })
    run(t, 50)
    c.in('.', { ack: 23_001 })
    expect(rate).toMatchObject({ appLimited: true, rttUs: 50_000 })
    t.sent.length = 0
  })

  test('a segment that was sent twice gives no round trip (Karn)', () => {
    const t = createTcp()
    const c = passive(t, { mss: MSS })
    c.write(1000)
    run(t, 300)
    c.in('.', { ack: 1001 })
    expect(tcpRate(t.vn).rttUs).toBe(-1)
    t.sent.length = 0
  })
})
