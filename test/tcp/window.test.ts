import { describe, expect, test } from 'vitest'
import { SHUT_WR, SOL_SOCKET, SO_RCVBUF } from '../../src/inet/sockopt.ts'
import { EAGAIN, ETIMEDOUT } from '../../src/lib/errno.ts'
import { TCPS_CLOSED, TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, TT_PERSIST } from '../../src/tcp/state.ts'
import { soSetOpt, soShutdown } from '../../src/vnet/so.ts'
import { active, createTcp, passive, pattern, run, runOut, settle } from './harness.ts'

describe('zero-window probes (RFC 9293 §3.8.6.1, MUST-36)', () => {
  test('the first after one RTO (SHLD-29), then at doubling intervals (SHLD-30) up to persmax', () => {
    const t = createTcp()
    const c = passive(t)
    const rto = c.tcb.rto / 1000
    c.in('.', { win: 0 })
    c.mark()
    c.write(10)
    c.none()
    let at = 0
    let step = rto
    for (let i = 0; i < 12; i++) {
      at += step
      run(t, Math.max(0, at - (t.now - c.markAt) / 1000))
      c.out('.', { seq: 1, len: 1, at, data: pattern(0, 1) })
      c.in('.', { win: 0 })
      step = Math.min(step * 2, 60_000)
    }
    c.none()
  })

  test('probes go on as long as they are answered (MUST-37), here for a day; then the data flows', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('.', { win: 0 })
    c.write(1000)
    for (let s = 0; s < 24 * 60; s++) {
      run(t, 60_000)
      t.sent.length = 0
      c.in('.', { win: 0 })
    }
    expect(c.tcb.state).toBe(TCPS_ESTABLISHED)
    c.in('.', { win: 5000 })
    c.out('P.', { seq: 1, len: 1000 })
  })

  test('a peer that does not answer probes at all is given up as one that does not acknowledge', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('.', { win: 0 })
    c.write(10)
    runOut(t, 4 * 3600_000)
    expect(c.tcb.state).toBe(TCPS_CLOSED)
    expect(c.read()).toBe(-ETIMEDOUT)
    // R2 is at least 100 s (SHLD-11)
    expect(t.now).toBeGreaterThan(100e6)
  })

  test('a probe that is taken: the octet is acknowledged and not sent again', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('.', { win: 0 })
    c.write(10)
    run(t, 1500)
    c.out('.', { seq: 1, len: 1 })
    t.sent.length = 0
    c.in('.', { ack: 2, win: 4000 })
    c.out('P.', { seq: 2, len: 9, data: pattern(1, 9) })
    // from now on it is an ordinary segment in flight, and nobody probes any more
    expect(c.tcb.timers[TT_PERSIST]).toBe(Infinity)
    run(t, c.tcb.rto / 1000)
    c.out('P.', { seq: 2, len: 9 })
    c.none()
  })

  test('a window that closes while data is in flight is probed like any (MUST-35)', () => {
    const t = createTcp()
    const c = passive(t, { mss: 1000 })
    c.write(3000)
    t.sent.length = 0
    c.in('.', { ack: 1001, win: 0 })
    c.mark()
    run(t, 240)
    c.out('.', { seq: 1001, len: 1 })
    c.in('.', { ack: 3001, win: 10_000 })
    c.none()
    expect(c.tcb.sndBuf.len).toBe(0)
  })

  test('FIN behind a closed window: sent when the window lets the data through', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('.', { win: 0 })
    c.write(10)
    c.close()
    c.none()
    run(t, 1000)
    for (const s of t.sent) expect([s.flags, s.len]).toEqual(['.', 1])
    t.sent.length = 0
    c.in('.', { win: 1000 })
    c.out('FP.', { seq: 1, len: 10 })
  })
})

test('a window that closes over data and FIN in flight is probed, and the connection stays (MUST-37)', () => {
  const t = createTcp()
  const c = passive(t)
  c.write(100)
  c.out('P.')
  c.write(50)
  expect(soShutdown(t.vnet, t.now, c.id, SHUT_WR)).toBe(0)
  settle(t)
  c.out('FP.', { seq: 101, len: 50 })
  c.in('.', { ack: 1, win: 0 })
  for (let i = 0; i < 40; i++) {
    run(t, 60_000)
    for (const s of t.sent.splice(0)) expect(s.len).toBeLessThanOrEqual(1)
    c.in('.', { ack: 1, win: 0 })
  }
  expect(c.tcb.state).toBe(TCPS_FIN_WAIT_1)
  c.in('.', { ack: 1, win: 1000 })
  c.out('FP.', { seq: 1, len: 150 })
})

describe('a peer that shrinks its window (RFC 9293 §3.8.6, MUST-34)', () => {
  test('no new data beyond it (SHLD-15), old data goes again (SHLD-16), the connection lives (SHLD-17)', () => {
    const t = createTcp()
    const c = passive(t, { mss: 1000, win: 4000 })
    c.write(6000)
    expect(t.sent.length).toBe(4)
    t.sent.length = 0
    c.in('.', { ack: 1, win: 1500 })
    c.none()
    run(t, 2000)
    // retransmission stays within the shrunken window
    for (const s of t.sent) expect((s.seq - c.iss | 0) + s.len).toBeLessThanOrEqual(1501)
    expect(t.sent.length).toBeGreaterThan(0)
    t.sent.length = 0
    c.in('.', { ack: 4001, win: 4000 })
    c.out('.', { seq: 4001, len: 1000 })
    c.out('P.', { seq: 5001, len: 1000 })
  })
})

describe('our own window (RFC 9293 §3.8.6.2.2)', () => {
  test('it closes as data comes, and its right edge does not move left when the buffer shrinks (SHLD-14)', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.recvspace': 8000 } })
    const c = passive(t)
    c.in('.', { data: 1000 })
    c.in('.', { seq: 1001, data: pattern(1000, 1000) })
    c.out('.', { ack: 2001, win: 6000 })
    expect(soSetOpt(t.vnet, t.now, c.id, SOL_SOCKET, SO_RCVBUF, 3000)).toBe(0)
    settle(t)
    c.none()
    // what was promised is still taken
    for (let i = 2; i < 8; i++) c.in('.', { seq: 1 + i * 1000, data: pattern(i * 1000, 1000) })
    expect(t.sent.map((s) => s.win)).toEqual([4000, 2000, 0])
    expect(c.read()).toEqual(pattern(0, 8000))
    t.sent.shift()
  })

  test('it opens by at least a segment or half the buffer, never in small steps (MUST-39)', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.recvspace': 6000 } })
    const c = passive(t)
    for (let i = 0; i < 4; i++) c.in('.', { seq: 1 + i * 1460, data: pattern(i * 1460, 1460) })
    c.in('.', { seq: 5841, data: pattern(5840, 160) })
    run(t, 40)
    expect(t.sent.at(-1)?.win).toBe(0)
    t.sent.length = 0
    c.read(1000)
    c.none()
    // a probe meanwhile hears of no small window
    c.in('.', { seq: 6001, data: 1 })
    c.out('.', { ack: 6001, win: 0 })
    c.read(1000)
    c.none()
    // 2 × MSS are free: told at once
    c.read(1000)
    c.out('.', { ack: 6001, win: 3000 })
  })

  test('it may stay closed for ever (MAY-8): every probe of a day is answered with window 0', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.recvspace': 1024 } })
    const c = passive(t)
    c.in('.', { data: 1024 })
    run(t, 40)
    c.out('.', { ack: 1025, win: 0 })
    for (let i = 0; i < 24 * 60; i++) {
      run(t, 60_000)
      c.in('.', { seq: 1025, data: 1 })
      c.out('.', { ack: 1025, win: 0 })
    }
    expect(c.read()).toEqual(pattern(0, 1024))
  })

  test('a reader that keeps up does not cause an update for every read', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.recvspace': 65536 } })
    const c = passive(t, { ws: 0 })
    for (let i = 0; i < 20; i++) {
      c.in('.', { seq: 1 + i * 1460, data: 1460 })
      c.read()
    }
    expect(t.sent.length).toBe(10)
  })

  test('scaled, the edge moves left by less than a unit, and what was promised is taken (RFC 7323 §2.4)', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.recvspace': 100_000 } })
    const c = passive(t, { ws: 2, ts: true })
    const shift = c.tcb.rcvWscale
    let edge = 65_536
    let top = edge
    let seq = 1
    for (let i = 0; i < 200; i++) {
      const len = 1 + (i * 37) % 700
      c.in('.', { seq, data: pattern(seq - 1, len) })
      seq += len
      if (i % 7 === 0) c.read(333)
      for (const s of t.sent.splice(0)) {
        const right = (s.ack - c.peerIss | 0) + s.win * 2 ** shift
        expect(right).toBeGreaterThan(edge - 2 ** shift)
        edge = right
        top = Math.max(top, right)
      }
    }
    // the highest edge ever told holds
    c.in('.', { seq: top - 100, data: 100 })
    expect(c.tcb.reass.length).toBe(2)
    expect(top).toBeLessThan(c.tcb.rcvLimit + seq)
  })

  test('the window of a SYN is not scaled, later ones are (RFC 7323 §2.2)', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.recvspace': 1_000_000 } })
    const c = active(t, { ws: 2 })
    expect(c.tcb.rcvWscale).toBe(6)
    c.in('.', { data: 1 })
    run(t, 40)
    c.out('.', { win: 1_000_000 / 64 })
  })

  test('a peer without window scaling sees at most 65,535', () => {
    const t = createTcp()
    const c = active(t)
    expect(c.tcb.rcvWscale).toBe(0)
    c.in('.', { data: 1 })
    run(t, 40)
    c.out('.', { win: 65_535 })
  })

  test('nothing to read: EAGAIN; the receive buffer holds no memory once it has been empty for a second', () => {
    const t = createTcp()
    const c = passive(t)
    expect(c.read()).toBe(-EAGAIN)
    for (let i = 0; i < 60; i++) c.in('.', { seq: 1 + i * 1460, data: 1460 })
    c.read(100_000)
    expect(c.tcb.rcvBuf.len).toBe(0)
    expect(c.tcb.rcvBuf.buf.length).toBeGreaterThan(65_536)
    run(t, 1000)
    expect(c.tcb.rcvBuf.buf.length).toBeLessThanOrEqual(65_536)
  })
})
