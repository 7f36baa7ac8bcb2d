import { describe, expect, test } from 'vitest'
import { CC_NEWRENO } from '../../src/tcp/cc/names.ts'
import { createTcp, passive, run } from './harness.ts'
import type { Conn, Tcp } from './harness.ts'

const MSS = 1000

/** A connection with `n` segments in flight, cwnd `n` segments. */
function inFlight(t: Tcp, n: number): Conn {
  const c = passive(t, { mss: MSS, win: 65_535 })
  c.tcb.cwnd = n * MSS
  c.tcb.ssthresh = 100 * MSS
  c.write(n * MSS)
  expect(t.sent.length).toBe(n)
  t.sent.length = 0
  return c
}

/** What is said here is RFC 5681's and RFC 6582's: not CUBIC's, which is the default. */
const NEWRENO = { 'net.inet.tcp.cc.algorithm': CC_NEWRENO }

describe('slow start and congestion avoidance (RFC 5681 §3.1)', () => {
  test('initial window: ten segments, 14,600 bytes at most, two segments at least (RFC 6928 §2)', () => {
    const t = createTcp({ mtu: 9000, sysctls: NEWRENO })
    expect(passive(t, { mss: 1000, fport: 1 }).tcb.cwnd).toBe(10_000)
    expect(passive(t, { mss: 1460, fport: 2 }).tcb.cwnd).toBe(14_600)
    expect(passive(t, { mss: 2000, fport: 3 }).tcb.cwnd).toBe(14_600)
    expect(passive(t, { mss: 8960, fport: 4 }).tcb.cwnd).toBe(17_920)
  })

  test('slow start: cwnd grows by what is acknowledged, two segments per ACK at most (RFC 3465 §2.2)', () => {
    const t = createTcp({ sysctls: NEWRENO })
    const c = inFlight(t, 10)
    c.write(50_000)
    t.sent.length = 0
    c.in('.', { ack: 1001 })
    expect(c.tcb.cwnd).toBe(11 * MSS)
    c.in('.', { ack: 3001 })
    expect(c.tcb.cwnd).toBe(13 * MSS)
    c.in('.', { ack: 8001 })
    expect(c.tcb.cwnd).toBe(15 * MSS)
  })

  test('congestion avoidance: one segment for each window acknowledged', () => {
    const t = createTcp({ sysctls: NEWRENO })
    const c = inFlight(t, 10)
    c.tcb.ssthresh = 10 * MSS
    c.write(50_000)
    for (let i = 1; i <= 10; i++) {
      expect(c.tcb.cwnd).toBe(10 * MSS)
      c.in('.', { ack: 1 + i * MSS })
    }
    expect(c.tcb.cwnd).toBe(11 * MSS)
    t.sent.length = 0
  })

  test('a window that is not used does not grow', () => {
    const t = createTcp({ sysctls: NEWRENO })
    const c = passive(t, { mss: MSS })
    for (let i = 0; i < 50; i++) {
      c.write(100)
      c.in('.', { ack: 101 + i * 100 })
    }
    expect(c.tcb.cwnd).toBe(10 * MSS)
    t.sent.length = 0
  })

  test('after an idle timeout the window starts over (§4.1)', () => {
    const t = createTcp({ sysctls: NEWRENO })
    const c = inFlight(t, 40)
    c.in('.', { ack: 40_001 })
    run(t, 10_000)
    c.write(60_000)
    expect(t.sent.length).toBe(10)
  })

  test('a timeout: ssthresh is half the flight, cwnd one segment; a repeated one leaves ssthresh (§3.1 (4))', () => {
    const t = createTcp({ sysctls: NEWRENO })
    const c = inFlight(t, 10)
    run(t, 500)
    expect([c.tcb.ssthresh, c.tcb.cwnd]).toEqual([5 * MSS, MSS])
    run(t, 2000)
    expect([c.tcb.ssthresh, c.tcb.cwnd]).toEqual([5 * MSS, MSS])
  })
})

describe('limited transmit (RFC 3042)', () => {
  test('each of the first two duplicate ACKs lets one new segment out', () => {
    const t = createTcp({ sysctls: NEWRENO })
    const c = inFlight(t, 4)
    c.write(5 * MSS)
    c.none()
    c.in('.', { ack: 1 })
    c.out('.', { seq: 4001, len: MSS })
    c.in('.', { ack: 1 })
    c.out('.', { seq: 5001, len: MSS })
    expect(c.tcb.cwnd).toBe(4 * MSS)
    c.none()
  })

  test('net.inet.tcp.rfc3042 off: none', () => {
    const t = createTcp({ sysctls: { ...NEWRENO, 'net.inet.tcp.rfc3042': 0 } })
    const c = inFlight(t, 4)
    c.write(5 * MSS)
    c.in('.', { ack: 1 })
    c.in('.', { ack: 1 })
    c.none()
  })

  test('not beyond the peer\'s window', () => {
    const t = createTcp({ sysctls: NEWRENO })
    const c = passive(t, { mss: MSS, win: 4000 })
    c.write(8000)
    t.sent.length = 0
    c.in('.', { ack: 1 })
    c.in('.', { ack: 1 })
    c.none()
  })
})

describe('fast retransmit and NewReno (RFC 5681 §3.2, RFC 6582 §3.2)', () => {
  test('the third duplicate retransmits; window inflation lets new data out; a full ACK ends recovery', () => {
    const t = createTcp({ sysctls: { ...NEWRENO, 'net.inet.tcp.rfc3042': 0 } })
    const c = inFlight(t, 10)
    c.write(20 * MSS)
    c.in('.', { ack: 1 })
    c.in('.', { ack: 1 })
    c.none()
    c.in('.', { ack: 1 })
    c.out('.', { seq: 1, len: MSS })
    expect(c.tcb.ssthresh).toBe(5 * MSS)
    expect(c.tcb.cwnd).toBe(8 * MSS)
    // duplicates 4 and 5 fill up the old flight, 6 … 9 send new data
    c.in('.', { ack: 1 })
    c.in('.', { ack: 1 })
    c.none()
    for (let i = 0; i < 4; i++) {
      c.in('.', { ack: 1 })
      c.out('.', { seq: 10_001 + i * MSS, len: MSS })
    }
    c.in('.', { ack: 10_001 })
    // RFC 6582: min(ssthresh, max(flight, SMSS) + SMSS)
    expect(c.tcb.cwnd).toBe(5 * MSS)
    c.out('.', { seq: 14_001, len: MSS })
    c.none()
    expect(t.vn.state.tcp.stats.fastrexmit).toBe(1)
  })

  test('a partial ACK retransmits the next hole, without waiting for duplicates', () => {
    const t = createTcp({ sysctls: { ...NEWRENO, 'net.inet.tcp.rfc3042': 0 } })
    const c = inFlight(t, 10)
    for (let i = 0; i < 3; i++) c.in('.', { ack: 1 })
    c.out('.', { seq: 1, len: MSS })
    expect(c.tcb.cwnd).toBe(8 * MSS)
    c.in('.', { ack: 4001 })
    c.out('.', { seq: 4001, len: MSS })
    // less the four acknowledged, plus the one sent (RFC 6582 §3.2 step 3)
    expect(c.tcb.cwnd).toBe(5 * MSS)
    expect(t.vn.state.tcp.stats.partialack).toBe(1)
    c.in('.', { ack: 7001 })
    c.out('.', { seq: 7001, len: MSS })
    c.in('.', { ack: 10_001 })
    c.none()
    expect(c.tcb.sndBuf.len).toBe(0)
    expect(t.vn.state.tcp.stats.rexmttimeo).toBe(0)
  })

  test('Karn holds for fast retransmits too (MUST-18)', () => {
    const t = createTcp({ sysctls: NEWRENO })
    const c = inFlight(t, 10)
    const { srtt } = c.tcb
    run(t, 50)
    for (let i = 0; i < 3; i++) c.in('.', { ack: 1 })
    run(t, 50)
    c.in('.', { ack: 10_001 })
    t.sent.length = 0
    expect(c.tcb.srtt).toBe(srtt)
    expect(c.tcb.sndBuf.len).toBe(0)
  })

  test('after a timeout ACKs of what was sent before it count for one segment each (RFC 3465 §2.3)', () => {
    const t = createTcp({ sysctls: NEWRENO })
    const c = inFlight(t, 10)
    run(t, 300)
    c.out('.', { seq: 1, len: MSS })
    c.in('.', { ack: 3001 })
    expect(c.tcb.cwnd).toBe(2 * MSS)
    t.sent.length = 0
  })

  test('duplicates after a timeout, of data sent before it, do not start recovery again', () => {
    const t = createTcp({ sysctls: { ...NEWRENO, 'net.inet.tcp.rfc3042': 0 } })
    const c = inFlight(t, 10)
    run(t, 300)
    c.out('.', { seq: 1, len: MSS })
    c.in('.', { ack: 1001 })
    t.sent.length = 0
    for (let i = 0; i < 5; i++) c.in('.', { ack: 1001 })
    expect(t.vn.state.tcp.stats.fastrexmit).toBe(0)
    for (const s of t.sent) expect(s.seq - c.iss | 0).not.toBe(1001)
    t.sent.length = 0
  })

  test('no duplicate by RFC 5681 §2: with data, with another window, with nothing in flight', () => {
    const t = createTcp({ sysctls: NEWRENO })
    const c = inFlight(t, 10)
    for (let i = 0; i < 5; i++) c.in('.', { ack: 1, seq: 1 + i, data: 1 })
    for (let i = 0; i < 5; i++) c.in('.', { seq: 6, ack: 1, win: 60_000 - i })
    expect(t.vn.state.tcp.stats.fastrexmit).toBe(0)
    t.sent.length = 0
    const d = passive(t, { fport: 9 })
    for (let i = 0; i < 5; i++) d.in('.')
    expect(d.tcb.dupAcks).toBe(0)
    t.sent.length = 0
  })

  test('a timeout during recovery ends it (RFC 6582 §3.2 step 4)', () => {
    const t = createTcp({ sysctls: { ...NEWRENO, 'net.inet.tcp.rfc3042': 0 } })
    const c = inFlight(t, 10)
    for (let i = 0; i < 3; i++) c.in('.', { ack: 1 })
    c.out('.', { seq: 1 })
    run(t, 1000)
    c.out('.', { seq: 1, len: MSS })
    expect(c.tcb.cwnd).toBe(MSS)
    c.in('.', { ack: 10_001 })
    t.sent.length = 0
    expect(c.tcb.sndBuf.len).toBe(0)
  })
})
