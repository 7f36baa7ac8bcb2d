import { describe, expect, test } from 'vitest'
import { SOL_TCP, TCP_USER_TIMEOUT } from '../../src/inet/sockopt.ts'
import { ETIMEDOUT } from '../../src/lib/errno.ts'
import { tcpRttInit, tcpRttSample } from '../../src/tcp/rtt.ts'
import { TCPS_CLOSED, createTcb } from '../../src/tcp/state.ts'
import { tcpInfo } from '../../src/tcp/info.ts'
import { soSetOpt } from '../../src/vnet/so.ts'
import { active, createTcp, passive, pattern, raised, run, runOut } from './harness.ts'
import type { Conn } from './harness.ts'

const SLOP = 200

/** An ACK that comes `ms` after the data it acknowledges. */
function exchange(c: Conn, seq: number, len: number, ms: number): void {
  c.write(len)
  c.out('P.', { seq, len })
  run(c.t, ms)
  c.in('.', { ack: seq + len })
}

describe('the estimator (RFC 6298 §2)', () => {
  test('first sample R: SRTT = R, RTTVAR = R/2, RTO = SRTT + 4·RTTVAR (+ net.inet.tcp.rexmit_slop)', () => {
    const t = createTcp()
    const tcb = createTcb(4, 2)
    tcb.mss = 1000
    tcpRttInit(t.vn, tcb)
    expect(tcb.rto).toBe(1_000_000)
    tcpRttSample(t.vn, tcb, 100_000, 1000)
    expect([tcb.srtt, tcb.rttvar, tcb.rto]).toEqual([100_000, 50_000, 300_000 + SLOP * 1000])
  })

  test('next sample R\': RTTVAR = ¾ RTTVAR + ¼ |SRTT − R\'|, then SRTT = ⅞ SRTT + ⅛ R\'', () => {
    const t = createTcp()
    const tcb = createTcb(4, 2)
    tcb.mss = 1000
    tcpRttSample(t.vn, tcb, 100_000, 1000)
    tcpRttSample(t.vn, tcb, 180_000, 1000)
    expect(tcb.rttvar).toBe(0.75 * 50_000 + 0.25 * 80_000)
    expect(tcb.srtt).toBe(110_000)
  })

  test('several samples per window weigh less each (RFC 7323 appendix G)', () => {
    const t = createTcp()
    const tcb = createTcb(4, 2)
    tcb.mss = 1000
    tcpRttSample(t.vn, tcb, 100_000, 1000)
    tcpRttSample(t.vn, tcb, 180_000, 8000)
    expect(tcb.srtt).toBe(100_000 + 80_000 / 8 / 4)
  })

  test('the lower bound is net.inet.tcp.rexmit_min, the upper rexmit_max (§2.4, §2.5)', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.rexmit_slop': 0, 'net.inet.tcp.rexmit_min': 50 } })
    const tcb = createTcb(4, 2)
    tcb.mss = 1000
    tcpRttSample(t.vn, tcb, 100, 1000)
    expect(tcb.rto).toBe(50_000)
    for (let i = 0; i < 50; i++) tcpRttSample(t.vn, tcb, 100e6, 1000)
    expect(tcb.rto).toBe(64e6)
  })

  test('many times the same round trip: the variation term is at least the clock\'s granularity (§4)', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.rexmit_slop': 0 } })
    const tcb = createTcb(4, 2)
    tcb.mss = 1000
    for (let i = 0; i < 200; i++) tcpRttSample(t.vn, tcb, 100_000, 1000)
    expect(tcb.rto).toBeCloseTo(101_000, -2)
  })
})

describe('samples', () => {
  test('without timestamps one segment at a time is timed, from its sending to its ACK', () => {
    const t = createTcp()
    const c = passive(t)
    run(t, 10)
    exchange(c, 1, 100, 80)
    expect(c.tcb.srtt).toBeGreaterThan(9000)
    const before = t.vn.state.tcp.stats.rttupdated
    exchange(c, 101, 100, 80)
    expect(t.vn.state.tcp.stats.rttupdated).toBe(before + 1)
  })

  test('Karn (MUST-18): no sample from a retransmitted segment, and the backoff stays until the next sample', () => {
    const t = createTcp()
    const c = passive(t)
    const { srtt } = c.tcb
    c.write(100)
    c.out('P.')
    run(t, 3000)
    const n = t.sent.length
    expect(n).toBeGreaterThan(1)
    t.sent.length = 0
    c.in('.', { ack: 101 })
    expect(c.tcb.srtt).toBe(srtt)
    expect(c.tcb.rxtShift).toBe(n)
    exchange(c, 101, 100, 10)
    expect(c.tcb.rxtShift).toBe(0)
  })

  test('with timestamps the echo tells which transmission it was (RFC 7323 §4.1)', () => {
    const t = createTcp()
    const c = passive(t, { ts: true })
    c.write(100)
    c.out('P.')
    run(t, 3000)
    t.sent.splice(0).forEach((s) => { c.lastTs = s.ts?.[0] ?? 0 })
    c.in('.', { ack: 101 })
    expect(c.tcb.rxtShift).toBe(0)
    expect(c.tcb.srtt).toBeLessThan(1_000_000)
  })

  test('a nonsensical echo is not a sample', () => {
    const t = createTcp()
    const c = passive(t, { ts: true })
    exchange(c, 1, 100, 80)
    const { srtt } = c.tcb
    expect(srtt).toBeGreaterThan(5000)
    for (const [i, ecr] of [c.lastTs + 5000, c.lastTs - 700_000].entries()) {
      const seq = 101 + i * 100
      c.write(100)
      c.out('P.', { seq })
      c.in('.', { ack: seq + 100, ts: [c.stamp()[0], ecr >>> 0] })
    }
    expect(c.tcb.srtt).toBe(srtt)
    expect(c.tcb.sndBuf.len).toBe(0)
  })
})

describe('the retransmission timer (RFC 6298 §5)', () => {
  test('the first unacknowledged segment goes again after RTO, 2·RTO, 4·RTO … (MUST-19)', () => {
    const t = createTcp()
    const c = passive(t)
    const rto = c.tcb.rto / 1000
    c.mark()
    c.write(100)
    c.out('P.', { at: 0 })
    run(t, rto * 15)
    for (const at of [rto, 3 * rto, 7 * rto, 15 * rto]) c.out('P.', { seq: 1, len: 100, at, data: pattern(0, 100) })
    c.none()
  })

  test('an ACK of new data restarts it (§5.3), an ACK of everything stops it (§5.2)', () => {
    const t = createTcp()
    const c = passive(t, { mss: 1000 })
    const rto = c.tcb.rto / 1000
    c.mark()
    c.write(2000)
    t.sent.length = 0
    run(t, rto - 1)
    c.in('.', { ack: 1001 })
    const now = c.tcb.rto / 1000
    run(t, now - 1)
    c.none()
    run(t, 1)
    c.out('P.', { seq: 1001, at: rto - 1 + now })
    c.in('.', { ack: 2001 })
    run(t, 100_000)
    c.none()
    expect(t.vnet.nextDeadline()).toBe(Infinity)
  })

  test('go-back-N: after a timeout sending starts over in slow start', () => {
    const t = createTcp()
    const c = passive(t, { mss: 1000 })
    c.write(8000)
    expect(t.sent.length).toBe(8)
    t.sent.length = 0
    run(t, 500)
    c.out('.', { seq: 1, len: 1000 })
    c.none()
    expect(c.tcb.cwnd).toBe(1000)
    c.in('.', { ack: 1001 })
    c.out('.', { seq: 1001, len: 1000 })
    c.out('.', { seq: 2001, len: 1000 })
    c.none()
    // the rest had arrived
    c.in('.', { ack: 8001 })
    c.none()
    expect(c.tcb.sndBuf.len).toBe(0)
  })

  test('R2 (MUST-20): net.inet.tcp.retries retransmissions, 100 s at least (SHLD-11), then RST and ETIMEDOUT', () => {
    const t = createTcp()
    const c = passive(t)
    c.write(100)
    const n = 1 + 12
    runOut(t, 3600_000)
    expect(c.tcb.state).toBe(TCPS_CLOSED)
    expect(t.sent.filter((s) => s.len === 100).length).toBe(n)
    expect(t.sent.at(-1)?.flags).toBe('R.')
    t.sent.length = 0
    expect(t.now).toBeGreaterThan(100e6)
    expect(c.read()).toBe(-ETIMEDOUT)
    expect(raised(t, c.id)).toContain('EV_ERROR')
  })

  test('TCP_USER_TIMEOUT sets R2 for a connection, in time (MUST-21)', () => {
    const t = createTcp()
    const c = passive(t)
    expect(soSetOpt(t.vnet, t.now, c.id, SOL_TCP, TCP_USER_TIMEOUT, 5000)).toBe(0)
    c.write(100)
    run(t, 4999)
    expect(c.tcb.state).not.toBe(TCPS_CLOSED)
    run(t, 1)
    expect(c.tcb.state).toBe(TCPS_CLOSED)
    expect(c.read()).toBe(-ETIMEDOUT)
    t.sent.length = 0
  })

  test('the user can see trouble from R1 on (SHLD-9, SHLD-10): retransmits of tcpInfo', () => {
    const t = createTcp()
    const c = passive(t)
    c.write(100)
    expect(tcpInfo(t.vn, c.id)?.retransmits).toBe(0)
    run(t, 5000)
    expect(tcpInfo(t.vn, c.id)?.retransmits).toBeGreaterThanOrEqual(3)
    t.sent.length = 0
    c.in('.', { ack: 101 })
    expect(tcpInfo(t.vn, c.id)?.retransmits).toBe(0)
  })

  test('progress between losses resets the count: only the same segment counts towards R2', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.retries': 3 } })
    const c = active(t)
    for (let i = 0; i < 10; i++) {
      c.write(10)
      run(t, 64_000)
      t.sent.length = 0
      if (i === 0) expect(c.tcb.rxtCount).toBeGreaterThan(0)
      if (c.tcb.state === TCPS_CLOSED) break
      c.in('.', { ack: 11 + i * 10 })
    }
    expect(c.tcb.state).toBe(TCPS_CLOSED)
    const d = active(t, { fport: 99, ts: true })
    for (let i = 0; i < 10; i++) {
      d.write(10)
      run(t, 500)
      t.sent.splice(0).forEach((s) => { d.lastTs = s.ts?.[0] ?? 0 })
      d.in('.', { ack: 11 + i * 10 })
    }
    expect(d.tcb.state).not.toBe(TCPS_CLOSED)
  })
})
