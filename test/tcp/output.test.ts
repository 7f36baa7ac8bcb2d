import { describe, expect, test } from 'vitest'
import { SOL_IP, SOL_TCP, IP_TOS, IP_TTL, TCP_CORK, TCP_MAXSEG, TCP_NODELAY } from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { SOCK_STREAM } from '../../src/inet/sockopt.ts'
import { EAGAIN, EINPROGRESS } from '../../src/lib/errno.ts'
import { ifSetFlags, ifSetMtu } from '../../src/link/ifnet.ts'
import { IFF_UP } from '../../src/link/state.ts'
import { soConnect, soCreate, soGetOpt, soSetOpt } from '../../src/vnet/so.ts'
import { PEER, active, connecting, createTcp, expectSeg, passive, pattern, raised, run, settle } from './harness.ts'
import type { Conn, Tcp } from './harness.ts'

function setTcp(t: Tcp, c: Conn, name: number, value: number): void {
  expect(soSetOpt(t.vnet, t.now, c.id, SOL_TCP, name, value)).toBe(0)
  settle(t)
}

describe('segment size (RFC 9293 §3.7.1)', () => {
  test('MSS option = MTU − 40, options not counted (MUST-67, RFC 6691)', () => {
    const t = createTcp({ mtu: 900 })
    connectRaw(t)
    expectSeg(t, { flags: 'S', mss: 860 })
  })

  test('no MSS option from the peer: 536 (MUST-15)', () => {
    const t = createTcp()
    const c = passive(t, { mss: 0 })
    c.write(1500)
    c.out('.', { len: 536 })
    c.out('.', { len: 536 })
    c.out('P.', { len: 428 })
  })

  test('Eff.snd.MSS is the smaller of the peer\'s MSS and the MTU less headers, less TCP options (MUST-16)', () => {
    const t = createTcp()
    const a = passive(t, { mss: 1000, fport: 1 })
    a.write(1001)
    a.out('.', { len: 1000 })
    a.out('P.', { len: 1 })
    const b = passive(t, { mss: 9000, fport: 2 })
    b.write(1461)
    b.out('.', { len: 1460 })
    b.out('P.', { len: 1 })
    const c = passive(t, { mss: 1460, ts: true, fport: 3 })
    c.write(1449)
    c.out('.', { len: 1448 })
    c.out('P.', { len: 1 })
  })

  test('an absurdly small MSS is raised to net.inet.tcp.minmss', () => {
    const t = createTcp()
    const c = passive(t, { mss: 1 })
    c.write(1000)
    c.out('.', { len: 216 })
  })

  test('MSS never appears without SYN (MUST-65); TCP_MAXSEG lowers the offer and the segments', () => {
    const t = createTcp()
    const id = soCreate(t.vnet, t.now, AF_INET, SOCK_STREAM, 0)
    expect(soSetOpt(t.vnet, t.now, id, SOL_TCP, TCP_MAXSEG, 700)).toBe(0)
    expect(soConnect(t.vnet, t.now, id, PEER, 80)).toBe(EINPROGRESS)
    settle(t)
    expectSeg(t, { flags: 'S', mss: 700 })
    const c = passive(t)
    c.write(3000)
    for (const s of t.sent) expect(s.mss).toBe(null)
  })

  test('segments follow a smaller interface MTU (SHLD-6)', () => {
    const t = createTcp()
    const c = passive(t)
    expect(ifSetMtu(t.vn, t.ifp.id, 1000)).toBe(0)
    c.write(2000)
    c.out('.', { seq: 1, len: 960 })
    c.out('.', { seq: 961, len: 960 })
    c.out('P.', { seq: 1921, len: 80 })
  })

  test('maximum-size segments are sent when there is data (SHLD-28), several writes make one (SHLD-27, MAY-16)', () => {
    const t = createTcp()
    const c = passive(t)
    setTcp(t, c, TCP_CORK, 1)
    for (let i = 0; i < 20; i++) c.write(100, i * 100)
    c.out('.', { seq: 1, len: 1460, data: pattern(0, 1460) })
    c.none()
    setTcp(t, c, TCP_CORK, 0)
    c.none()
    c.in('.', { ack: 1461 })
    c.out('P.', { seq: 1461, len: 540 })
  })
})

test('every segment that is sent carries a right checksum (MUST-2)', () => {
  const t = createTcp()
  const c = passive(t, { ts: true, ws: 2 })
  for (let i = 1; i <= 40; i++) {
    c.write(i * 37, 0, i % 5 === 0 ? 1 : 0)
    c.in('.', { ack: 1, seq: i, data: 1 })
  }
  c.close()
  // the harness recomputes the sum of each segment over its pseudo-header and throws where it is not 0
  expect(t.sent.length).toBeGreaterThan(20)
  t.sent.length = 0
})

describe('PSH (RFC 9293 §3.9.1.2)', () => {
  test('data is not withheld, and what empties the queue is pushed (MUST-60, MUST-61)', () => {
    const t = createTcp()
    const c = passive(t, { mss: 1000 })
    c.write(2500)
    c.out('.', { len: 1000 })
    c.out('.', { len: 1000 })
    c.out('P.', { len: 500 })
  })
})

describe('Nagle (RFC 9293 §3.7.4, SHLD-7)', () => {
  test('a small segment goes when nothing is unacknowledged, the next waits for the ACK', () => {
    const t = createTcp()
    const c = passive(t)
    c.write(10)
    c.out('P.', { seq: 1, len: 10 })
    c.write(20)
    c.write(30)
    c.none()
    c.in('.', { ack: 11 })
    c.out('P.', { seq: 11, len: 50 })
  })

  test('a full segment does not wait', () => {
    const t = createTcp()
    const c = passive(t, { mss: 1000 })
    c.write(10)
    c.out('P.', { len: 10 })
    c.write(1010)
    c.out('.', { seq: 11, len: 1000 })
    c.none()
  })

  test('TCP_NODELAY turns it off for a connection (MUST-17), and lets what waits go', () => {
    const t = createTcp()
    const c = passive(t)
    c.write(10)
    c.out('P.')
    c.write(20)
    c.none()
    setTcp(t, c, TCP_NODELAY, 1)
    c.out('P.', { seq: 11, len: 20 })
    c.write(30)
    c.out('P.', { seq: 31, len: 30 })
    expect(soGetOpt(t.vnet, t.now, c.id, SOL_TCP, TCP_NODELAY)).toBe(1)
  })

  test('TCP_CORK holds even the first small segment', () => {
    const t = createTcp()
    const c = passive(t)
    setTcp(t, c, TCP_CORK, 1)
    c.write(10)
    c.none()
    setTcp(t, c, TCP_CORK, 0)
    c.out('P.', { seq: 1, len: 10 })
  })

  test('a FIN pushes what Nagle holds', () => {
    const t = createTcp()
    const c = passive(t)
    c.write(10)
    c.out('P.')
    c.write(20)
    c.close()
    c.out('FP.', { seq: 11, len: 20 })
  })
})

describe('sender\'s silly-window avoidance (RFC 9293 §3.8.6.2.1, MUST-38)', () => {
  test('a usable window smaller than a segment and than half the largest window is not used', () => {
    const t = createTcp()
    const c = passive(t, { mss: 1000, win: 10_000 })
    c.write(20_000)
    for (let i = 0; i < 10; i++) c.out('.', { seq: 1 + i * 1000, len: 1000 })
    // the window opens by 400 only
    c.in('.', { ack: 10_001, win: 400 })
    c.none()
    // rule (4), the override timeout
    c.mark()
    run(t, 2000)
    const s = c.out('.', { seq: 10_001, len: 400 })
    expect(s.at - c.markAt).toBeGreaterThan(100_000)
    expect(s.at - c.markAt).toBeLessThanOrEqual(1_000_000)
  })

  test('half of the largest window ever offered is enough (rule 3)', () => {
    const t = createTcp()
    const c = passive(t, { mss: 1460, win: 800 })
    c.write(5000)
    c.out('.', { seq: 1, len: 800 })
    c.in('.', { ack: 801, win: 400 })
    c.out('.', { seq: 801, len: 400 })
    c.in('.', { ack: 1201, win: 399 })
    c.none()
  })
})

describe('send buffer', () => {
  test('a full buffer takes a part, then EAGAIN; EV_WRITE when a quarter is free again', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.sendspace': 4000, 'net.inet.tcp.sendbuf_auto': 0 } })
    const c = passive(t, { mss: 1000 })
    expect(c.write(5000)).toBe(4000)
    expect(c.write(1)).toBe(-EAGAIN)
    t.events.clear()
    t.sent.length = 0
    c.in('.', { ack: 501 })
    expect(raised(t, c.id)).not.toContain('EV_WRITE')
    c.in('.', { ack: 1001 })
    expect(raised(t, c.id)).toContain('EV_WRITE')
    expect(c.write(5000)).toBe(1000)
  })

  test('memory is kept between bursts, and given back a second after everything is acknowledged', () => {
    const t = createTcp()
    const c = passive(t, { mss: 1460 })
    c.write(200_000)
    for (let ack = 1; ack < 200_001;) {
      ack = (t.sent.at(-1)?.seq ?? 0) + (t.sent.at(-1)?.len ?? 0) - c.iss | 0
      c.in('.', { ack })
    }
    expect(c.tcb.sndBuf.len).toBe(0)
    run(t, 999)
    expect(c.tcb.sndBuf.buf.length).toBeGreaterThan(65_536)
    run(t, 1)
    expect(c.tcb.sndBuf.buf.length).toBeLessThanOrEqual(65_536)
  })

  test('no frame to send with: nothing is lost, the retransmission timer tries again', () => {
    const t = createTcp()
    const c = passive(t)
    const { pool } = t.vn
    const saved = pool.smallFree.splice(0)
    const total = pool.smallTotal
    pool.smallTotal = pool.smallLimit
    c.write(100)
    c.none()
    expect(t.vn.state.tcp.stats.sndnomem).toBeGreaterThan(0)
    pool.smallFree.push(...saved)
    pool.smallTotal = total
    run(t, 2000)
    c.out('P.', { seq: 1, len: 100, data: pattern(0, 100) })
  })
})

describe('no way to the peer', () => {
  test('data waits for the retransmission timer; an ACK alone is lost and leaves no timer behind', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('P.', { data: 10 })
    const { flags } = t.ifp
    ifSetFlags(t.vn, t.ifp.id, flags & ~IFF_UP)
    settle(t)
    run(t, 2000)
    c.none()
    expect(t.vnet.nextDeadline()).toBe(Infinity)
    expect(c.write(20)).toBe(20)
    run(t, 100)
    ifSetFlags(t.vn, t.ifp.id, flags)
    settle(t)
    run(t, 2000)
    c.out('P.', { seq: 1, ack: 11, len: 20 })
    t.sent.length = 0
  })
})

describe('IP header fields (RFC 9293 §3.9.2)', () => {
  test('TTL (MUST-49) and Diffserv (MUST-48, SHLD-21, SHLD-22) are the socket\'s, and may change', () => {
    const t = createTcp()
    const c = passive(t)
    expect(soSetOpt(t.vnet, t.now, c.id, SOL_IP, IP_TTL, 9)).toBe(0)
    expect(soSetOpt(t.vnet, t.now, c.id, SOL_IP, IP_TOS, 0xb8)).toBe(0)
    c.write(1)
    c.out('P.', { ttl: 9, tos: 0xb8, df: true })
    expect(soSetOpt(t.vnet, t.now, c.id, SOL_IP, IP_TOS, 0x28)).toBe(0)
    c.in('.', { ack: 2 })
    c.write(1)
    c.out('P.', { ttl: 9, tos: 0x28 })
  })

  test('all segments of a connection keep the local address it began with (MUST-44, MUST-45)', () => {
    const t = createTcp()
    const c = active(t)
    const { laddr } = c.tcb.inp
    c.write(3000)
    c.close()
    for (const s of t.sent) expect(s.src).toEqual(laddr)
    expect(t.sent.length).toBe(4)
  })
})

describe('urgent data is sent (RFC 9293 §3.8.5)', () => {
  test('URG and a pointer to the octet behind the urgent data (MUST-30, MUST-62)', () => {
    const t = createTcp()
    const c = passive(t)
    c.write(10, 0, 1)
    c.out('P.U', { seq: 1, len: 10, urp: 10 })
    c.in('.', { ack: 11 })
    c.write(5)
    c.out('P.', { seq: 11, len: 5, urp: 0 })
  })

  test('urgent data of any length: the pointer stands on every segment before its end (MUST-31)', () => {
    const t = createTcp()
    const c = passive(t, { mss: 1000 })
    c.write(2500, 0, 1)
    c.out('.U', { seq: 1, len: 1000, urp: 2500 })
    c.out('.U', { seq: 1001, len: 1000, urp: 1500 })
    c.out('P.U', { seq: 2001, len: 500, urp: 500 })
  })

  test('urgent data written before the handshake is complete', () => {
    const t = createTcp()
    const c = connecting(t)
    c.write(10, 0, 1)
    c.in('S.', { seq: 0, ack: 1, mss: 1460 })
    c.out('P.U', { seq: 1, len: 10, urp: 10 })
  })

  test('a closed window does not keep the peer from hearing of it', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('.', { win: 0 })
    c.write(10, 0, 1)
    c.out('.U', { seq: 1, len: 0, urp: 10 })
  })
})

function connectRaw(t: Tcp): void {
  const id = soCreate(t.vnet, t.now, AF_INET, SOCK_STREAM, 0)
  expect(soConnect(t.vnet, t.now, id, PEER, 80)).toBe(EINPROGRESS)
  settle(t)
}
