import { describe, expect, test } from 'vitest'
import { SENT_END, SENT_FLAGS, SENT_STRIDE, SF_APPLIMITED, SF_EVER } from '../../src/tcp/state-sent.ts'
import type { Tcb } from '../../src/tcp/state.ts'
import { createTcp, passive, run } from './harness.ts'

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

describe('delivery rate samples (draft-cheng-iccrg-delivery-rate-estimation §3)', () => {
  test('bytes between two ACKs over the longer of the sending and the ACK interval', () => {
    const t = createTcp()
    const c = passive(t, { mss: MSS })
    const { rate } = t.vn.state.tcp
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
    const { rate } = t.vn.state.tcp
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
    expect(t.vn.state.tcp.rate.rttUs).toBe(-1)
    t.sent.length = 0
  })
})
