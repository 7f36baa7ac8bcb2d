import { describe, expect, test } from 'vitest'
import { TCPS_TIME_WAIT } from '../../src/tcp/state.ts'
import { SHUT_WR } from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { SOCK_STREAM } from '../../src/inet/sockopt.ts'
import { EADDRINUSE } from '../../src/lib/errno.ts'
import { toSeq } from '../../src/lib/seq.ts'
import { soBind, soConnect, soCreate, soShutdown } from '../../src/vnet/so.ts'
import { ME, PEER, accept, active, createTcp, inject, listen, passive, run, settle, take } from './harness.ts'
import type { Conn, ConnOptions, Tcp } from './harness.ts'

/** A passive connection that we closed first: in TIME-WAIT. */
function timeWait(t: Tcp, o: ConnOptions = {}): Conn {
  const c = passive(t, o)
  c.close()
  c.out('F.', { seq: 1 })
  c.in('.', { ack: 2 })
  c.in('F.', { seq: 1, ack: 2 })
  c.out('.', { seq: 2, ack: 2 })
  expect(c.gone).toBe(true)
  expect(t.vn.state.tcp.timewait.size).toBe(1)
  return c
}

describe('TIME-WAIT (RFC 9293 §3.6.1)', () => {
  test('a retransmitted FIN is acknowledged and restarts two MSL', () => {
    const t = createTcp()
    const c = timeWait(t)
    run(t, 50_000)
    c.in('F.', { seq: 1, ack: 2 })
    c.out('.', { seq: 2, ack: 2 })
    run(t, 59_999)
    expect(t.vn.state.tcp.timewait.size).toBe(1)
    run(t, 1)
    expect(t.vn.state.tcp.timewait.size).toBe(0)
  })

  test('anything else that is not acceptable is answered with an ACK and does not restart it', () => {
    const t = createTcp()
    const c = timeWait(t)
    run(t, 50_000)
    c.in('P.', { seq: 2, ack: 2, data: 10 })
    c.out('.', { seq: 2, ack: 2 })
    c.in('.', { seq: 2, ack: 2 })
    c.none()
    run(t, 10_000)
    expect(t.vn.state.tcp.timewait.size).toBe(0)
  })

  test('RST is ignored (RFC 1337)', () => {
    const t = createTcp()
    const c = timeWait(t)
    c.in('R', { seq: 2 })
    c.none()
    expect(t.vn.state.tcp.timewait.size).toBe(1)
    expect(t.drops).toEqual(['tcp.twRst'])
  })

  test('2 MSL follows net.inet.tcp.msl', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.msl': 1000 } })
    timeWait(t)
    run(t, 2000)
    expect(t.vn.state.tcp.timewait.size).toBe(0)
  })

  test('the timestamp clock goes on in the ACK', () => {
    const t = createTcp()
    const c = timeWait(t, { ts: true })
    const before = c.lastTs
    run(t, 1000)
    c.in('F.', { seq: 1, ack: 2 })
    const s = c.out('.')
    expect(s.ts?.[0]).toBe((before + 1000) >>> 0)
  })

  test('a user that still holds the socket reads the end, and closes without effect on TIME-WAIT', () => {
    const t = createTcp()
    const c = passive(t)
    expect(soShutdown(t.vnet, t.now, c.id, SHUT_WR)).toBe(0)
    settle(t)
    c.out('F.')
    c.in('FP.', { seq: 1, ack: 2, data: 10 })
    c.out('.', { ack: 12 })
    expect(c.tcb.state).toBe(TCPS_TIME_WAIT)
    expect(c.read()).toHaveLength(10)
    expect(c.read()).toHaveLength(0)
    run(t, 60_000)
    expect(t.vn.state.tcp.timewait.size).toBe(0)
    expect(c.read()).toHaveLength(0)
    c.close()
    expect(c.gone).toBe(true)
  })

  test('records are bounded by net.inet.tcp.maxtcptw: the oldest goes', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.maxtcptw': 2 } })
    for (let i = 0; i < 4; i++) {
      const c = passive(t, { fport: 100 + i })
      c.close()
      c.in('F.', { seq: 1, ack: 2 })
      t.sent.length = 0
    }
    expect(t.vn.state.tcp.timewait.size).toBe(2)
    expect(t.vn.state.tcp.stats.twOverflow).toBe(2)
    expect([...t.vn.state.tcp.timewait.values()].map((tw) => tw.inp.fport)).toEqual([102, 103])
  })

  test('the oldest is found at once after a thousand million other records', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.maxtcptw': 2 } })
    for (let i = 0; i < 4; i++) {
      t.vn.state.tcp.nextRecord += 1e9
      const c = passive(t, { fport: 100 + i })
      c.close()
      c.in('F.', { seq: 1, ack: 2 })
      t.sent.length = 0
    }
    expect([...t.vn.state.tcp.timewait.values()].map((tw) => tw.inp.fport)).toEqual([102, 103])
  })
})

describe('a new incarnation (MAY-2, SHLD-4, RFC 6191, RFC 1122 §4.2.2.13)', () => {
  test('a SYN beyond RCV.NXT opens it; our ISN is beyond the old connection\'s', () => {
    const t = createTcp()
    const c = timeWait(t)
    inject(t, { flags: 'S', seq: toSeq(c.peerIss + 3), mss: 1460 })
    const s = take(t)
    expect(s.flags).toBe('S.')
    expect(toSeq(s.seq - (c.iss + 2))).toBeGreaterThan(0)
    expect(t.vn.state.tcp.timewait.size).toBe(0)
    expect(t.vn.state.tcp.syncache.size).toBe(1)
  })

  test('a SYN that is not beyond it gets an ACK', () => {
    const t = createTcp()
    const c = timeWait(t)
    c.in('S', { seq: 2, mss: 1460 })
    c.out('.', { seq: 2, ack: 2 })
    c.in('S', { seq: -100, mss: 1460 })
    c.out('.', { seq: 2, ack: 2 })
    expect(t.vn.state.tcp.timewait.size).toBe(1)
  })

  test('with timestamps a newer one opens it, whatever the number; an older one does not', () => {
    const t = createTcp()
    const c = timeWait(t, { ts: true })
    c.in('S', { seq: 5000, mss: 1460, ts: [c.stamp()[0] - 1, 0] })
    c.out('.', { seq: 2, ack: 2 })
    c.in('S', { seq: -5000, mss: 1460, ts: [c.stamp()[0] + 1, 0] })
    expect(take(t).flags).toBe('S.')
    expect(t.vn.state.tcp.timewait.size).toBe(0)
  })

  test('equal timestamps: the sequence number decides', () => {
    const t = createTcp()
    const c = timeWait(t, { ts: true })
    c.in('S', { seq: 1, mss: 1460, ts: [c.stamp()[0], 0] })
    c.out('.')
    c.in('S', { seq: 3, mss: 1460, ts: [c.stamp()[0], 0] })
    expect(take(t).flags).toBe('S.')
  })

  test('the new connection works and is accepted', () => {
    const t = createTcp()
    const l = listen(t)
    const c = timeWait(t)
    const d = passive(t, { peerIss: c.peerIss + 1000 }, l)
    d.in('P.', { data: 10 })
    expect(d.read()).toHaveLength(10)
    expect(accept(t, l)).toBeLessThan(0)
  })
})

describe('opening while a pair is in TIME-WAIT', () => {
  test('an ephemeral port avoids it; a bound port is refused', () => {
    const t = createTcp({ sysctls: { 'net.inet.ip.portrange.first': 20_000, 'net.inet.ip.portrange.last': 20_003 } })
    const used: number[] = []
    for (let i = 0; i < 3; i++) {
      const c = active(t)
      used.push(c.lport)
      c.close()
      c.in('F.', { seq: 1, ack: 2 })
      t.sent.length = 0
    }
    expect(t.vn.state.tcp.timewait.size).toBe(3)
    const c = active(t)
    expect(used).not.toContain(c.lport)
    const id = soCreate(t.vnet, t.now, AF_INET, SOCK_STREAM, 0)
    expect(soBind(t.vnet, t.now, id, ME, used[0])).toBe(0)
    expect(soConnect(t.vnet, t.now, id, PEER, 8080)).toBe(EADDRINUSE)
    expect(t.vn.state.tcp.tcbs.get(id)?.inp.lport).toBe(used[0])
  })
})
