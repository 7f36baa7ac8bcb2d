import { describe, expect, test } from 'vitest'
import { ECONNRESET } from '../../src/lib/errno.ts'
import { F_BCAST } from '../../src/lib/frame.ts'
import { TCPS_CLOSED, TCPS_ESTABLISHED, TCPS_SYN_RECEIVED } from '../../src/tcp/state.ts'
import {
  active, addr, connecting, createTcp, expectNone, inject, injectTcp, listen, passive, pattern, run,
} from './harness.ts'

describe('first check: sequence number (RFC 9293 §3.10.7.4, table 6)', () => {
  test('wholly old text is acknowledged and dropped', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('.', { data: 100 })
    run(t, 40)
    c.out('.', { ack: 101 })
    c.in('.', { seq: 1, data: 100 })
    c.out('.', { ack: 101 })
    expect(c.read()).toEqual(pattern(0, 100))
  })

  test('text that straddles RCV.NXT: only the new part is processed', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('.', { seq: 1, data: 100 })
    c.in('.', { seq: 51, data: pattern(50, 100) })
    c.out('.', { ack: 151 })
    expect(c.read()).toEqual(pattern(0, 150))
  })

  test('text beyond the right edge is cut, and the rest acknowledged', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.recvspace': 1024 } })
    const c = passive(t)
    c.in('.', { seq: 1, data: 900 })
    c.in('FP.', { seq: 901, data: pattern(900, 500) })
    c.out('.', { ack: 1025, win: 0 })
    expect(c.tcb.state).toBe(TCPS_ESTABLISHED)
    expect(c.read()).toEqual(pattern(0, 1024))
  })

  test('a segment wholly beyond the window is answered with an ACK and dropped', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('P.', { seq: 200_000, data: 10 })
    c.out('.', { seq: 1, ack: 1 })
    expect(t.drops).toEqual(['tcp.rcvoutwin'])
  })

  test('window 0: a segment without text at RCV.NXT is acceptable, text is not, its ACK counts', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.recvspace': 1024 } })
    const c = passive(t)
    c.write(10)
    c.out('P.')
    c.in('.', { seq: 1, ack: 1, data: 1024 })
    run(t, 40)
    c.out('.', { ack: 1025, win: 0 })
    c.in('.', { seq: 1025, ack: 11, data: 1 })
    c.out('.', { ack: 1025, win: 0 })
    expect(c.tcb.sndBuf.len).toBe(0)
    expect(t.vn.state.tcp.stats.rcvwinprobe).toBe(1)
    c.in('.', { seq: 1025, ack: 11 })
    c.none()
  })

  test('window 0: RST and URG are still processed (MUST-66)', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.recvspace': 1024 } })
    const c = passive(t)
    c.in('.', { seq: 1, data: 1024 })
    run(t, 40)
    c.out('.', { win: 0 })
    c.in('U.', { seq: 1025, data: 1, urp: 1 })
    expect(c.tcb.rcvUp).not.toBe(c.tcb.rcvNxt)
    c.out('.', { win: 0 })
    c.in('R', { seq: 1025 })
    expect(c.tcb.state).toBe(TCPS_CLOSED)
  })

  test('a keep-alive probe (RCV.NXT−1, no text) is answered; many are answered within limits', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('.', { seq: 0 })
    c.out('.', { seq: 1, ack: 1 })
    for (let i = 0; i < 20; i++) c.in('.', { seq: 0 })
    expect(t.sent.length).toBe(4)
    t.sent.length = 0
    run(t, 1000)
    c.in('.', { seq: 0 })
    c.out('.', { seq: 1, ack: 1 })
  })
})

describe('second check: RST (RFC 5961 §3.2)', () => {
  test('outside the window it is silently dropped', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('R', { seq: 0 })
    c.in('R', { seq: 70_000 })
    c.none()
    expect(c.tcb.state).toBe(TCPS_ESTABLISHED)
    expect(t.drops).toEqual(['tcp.badrst', 'tcp.badrst'])
  })

  test('inside the window it is challenged', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('R', { seq: 2 })
    c.out('.', { seq: 1, ack: 1, len: 0 })
    expect(c.tcb.state).toBe(TCPS_ESTABLISHED)
  })

  test('at RCV.NXT it resets; text on it is accepted (SHLD-2)', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('R.', { seq: 1, data: 20 })
    c.none()
    expect(c.tcb.state).toBe(TCPS_CLOSED)
    expect(c.read()).toBe(-ECONNRESET)
  })
})

describe('fourth check: SYN (RFC 5961 §4.2)', () => {
  test.each([0, 1, 500, 99_999])('at relative number %i: challenge ACK, the connection stays', (seq) => {
    const t = createTcp()
    const c = passive(t)
    c.in('S', { seq, mss: 1460 })
    c.out('.', { seq: 1, ack: 1, len: 0 })
    c.in('S.', { seq, ack: 1, mss: 1460 })
    c.out('.', { seq: 1, ack: 1, len: 0 })
    expect(c.tcb.state).toBe(TCPS_ESTABLISHED)
  })

  test('SYN-RECEIVED after an active open: another SYN is challenged', () => {
    const t = createTcp()
    const c = connecting(t)
    c.in('S', { seq: 0, mss: 1460 })
    c.out('S.')
    c.in('S', { seq: 100, mss: 1460 })
    c.out('.', { seq: 1, ack: 1 })
    expect(c.tcb.state).toBe(TCPS_SYN_RECEIVED)
  })
})

describe('challenge ACKs are limited (RFC 5961 §7, §10)', () => {
  test('per connection: net.inet.tcp.ack_war_cnt in ack_war_timewindow', () => {
    const t = createTcp()
    const c = passive(t)
    for (let i = 0; i < 50; i++) c.in('R', { seq: 5 })
    expect(t.sent.length).toBe(5)
    expect(t.vn.state.tcp.stats.challengelimit).toBe(45)
    run(t, 1000)
    t.sent.length = 0
    for (let i = 0; i < 50; i++) c.in('S', { seq: 5 })
    expect(t.sent.length).toBe(5)
  })

  test('for the whole Vnet: net.inet.tcp.challenge_limit, drawn anew each period', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.challenge_limit': 20 } })
    const l = listen(t)
    const conns = Array.from({ length: 10 }, (_, i) => passive(t, { fport: 1000 + i }, l))
    for (let k = 0; k < 5; k++) for (const c of conns) c.in('R', { seq: 5 })
    const n = t.sent.length
    expect(n).toBeGreaterThanOrEqual(10)
    expect(n).toBeLessThanOrEqual(20)
  })
})

describe('fifth check: ACK', () => {
  test('a segment without ACK is dropped', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('P', { data: 10 })
    c.none()
    expect(t.drops).toEqual(['tcp.rcvnoack'])
  })

  test('an ACK of what was not sent is answered with an ACK, the segment dropped', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('P.', { ack: 2, data: 10 })
    c.out('.', { seq: 1, ack: 1 })
    expect(c.read()).toBeLessThan(0)
    expect(t.drops).toEqual(['tcp.rcvacktoomuch'])
  })

  test('an ACK older than SND.UNA − MAX.SND.WND is challenged and dropped (RFC 5961 §5.2, MAY-12)', () => {
    const t = createTcp()
    const c = passive(t, { win: 1000 })
    c.in('P.', { ack: 1 - 1001, data: 10 })
    c.out('.', { seq: 1, ack: 1 })
    expect(c.read()).toBeLessThan(0)
    expect(t.drops).toEqual(['tcp.rcvackold'])
    // the oldest that may be
    c.in('P.', { ack: 1 - 1000, data: 10 })
    expect(c.read()).toEqual(pattern(0, 10))
  })

  test('SYN-RECEIVED (active): an unacceptable ACK is answered with RST of its number', () => {
    const t = createTcp()
    const c = connecting(t)
    c.in('S', { seq: 0, mss: 1460 })
    c.out('S.')
    c.in('.', { seq: 1, ack: 9 })
    c.out('R', { seq: 9 })
    expect(c.tcb.state).toBe(TCPS_SYN_RECEIVED)
  })

  test('the send window follows the newest segment only (SND.WL1, SND.WL2)', () => {
    const t = createTcp()
    const c = passive(t, { win: 5000 })
    c.in('.', { seq: 1, data: 10, win: 6000 })
    expect(c.tcb.sndWnd).toBe(6000)
    // reordered: older sequence number
    c.in('.', { seq: 1, win: 100 })
    expect(c.tcb.sndWnd).toBe(6000)
    c.in('.', { seq: 11, win: 200 })
    expect(c.tcb.sndWnd).toBe(200)
    // a later segment came first: what it says stands
    c.in('.', { seq: 111, data: 10, win: 7000 })
    c.in('.', { seq: 11, data: 50, win: 300 })
    expect(c.tcb.sndWnd).toBe(7000)
  })

  test('the window field is unsigned: 65,535 is 65,535 (MUST-1)', () => {
    const t = createTcp()
    const c = passive(t, { win: 0xffff })
    expect(c.tcb.sndWnd).toBe(65_535)
    c.in('.', { win: 0x8000 })
    expect(c.tcb.sndWnd).toBe(32_768)
  })
})

describe('seventh and eighth: text and FIN', () => {
  test('out-of-order text is kept (SHLD-31) and acknowledged at once (MAY-13)', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('.', { seq: 201, data: pattern(200, 100) })
    c.out('.', { ack: 1 })
    c.in('.', { seq: 101, data: pattern(100, 100) })
    c.out('.', { ack: 1 })
    c.in('.', { seq: 1, data: 100 })
    c.out('.', { ack: 301 })
    expect(c.read()).toEqual(pattern(0, 300))
  })

  test('a batch of segments is acknowledged together (MUST-58, MUST-59): every second one here', () => {
    const t = createTcp()
    const c = passive(t)
    for (let i = 0; i < 6; i++) c.in('.', { seq: 1 + i * 1460, data: 1460 })
    c.out('.', { ack: 2 * 1460 + 1 })
    c.out('.', { ack: 4 * 1460 + 1 })
    c.out('.', { ack: 6 * 1460 + 1 })
    c.none()
  })

  test('a repeated FIN is acknowledged and changes nothing', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('F.', { seq: 1 })
    c.out('.', { ack: 2 })
    c.in('F.', { seq: 1 })
    c.out('.', { ack: 2 })
  })
})

describe('checks on the header', () => {
  test('a bad checksum is dropped and counted (MUST-3)', () => {
    const t = createTcp()
    const c = passive(t)
    inject(t, { flags: 'S', seq: 1, badSum: true })
    expectNone(t)
    c.in('P.', { data: 10, badSum: true })
    c.none()
    expect(t.drops).toEqual(['tcp.rcvbadsum', 'tcp.rcvbadsum'])
  })

  test.each([0, 4, 15])('data offset %i words that cannot be is dropped', (dataOffset) => {
    const t = createTcp()
    inject(t, { flags: 'S', seq: 1, dataOffset })
    expectNone(t)
    expect(t.drops).toEqual(['tcp.rcvbadoff'])
  })

  test('to or from broadcast, multicast and unspecified addresses: dropped silently (MUST-57, MUST-63)', () => {
    const t = createTcp()
    listen(t)
    inject(t, { flags: 'S', seq: 1, frameFlags: F_BCAST })
    expectNone(t)
    for (const dst of ['255.255.255.255', '224.0.0.1']) inject(t, { flags: 'S', seq: 1, dst: addr(dst) })
    for (const src of ['255.255.255.255', '224.0.0.1', '0.0.0.0']) {
      inject(t, { flags: 'S', seq: 1, src: addr(src) })
    }
    expectNone(t)
    expect(t.vn.state.tcp.syncache.size).toBe(0)
  })

  test('a SYN from the listener\'s own address and port ("LAND") is dropped', () => {
    const t = createTcp()
    listen(t)
    inject(t, { flags: 'S', seq: 1, src: addr('10.0.0.1'), sport: 80, dport: 80 })
    expectNone(t)
    expect(t.vn.state.tcp.syncache.size).toBe(0)
  })

  test('the same without the network layer\'s checks: TCP has its own (RFC 1122 §4.2.3.10)', () => {
    const t = createTcp()
    listen(t)
    injectTcp(t, { flags: 'S', seq: 1, frameFlags: F_BCAST })
    injectTcp(t, { flags: 'S', seq: 1, dst: addr('224.0.0.1') })
    injectTcp(t, { flags: 'S', seq: 1, src: addr('0.0.0.0') })
    injectTcp(t, { flags: 'S', seq: 1, src: addr('255.255.255.255') })
    injectTcp(t, { flags: 'S', seq: 1, src: addr('10.0.0.1'), sport: 80 })
    expectNone(t)
    expect(t.drops).toEqual(['tcp.rcvbadaddr', 'tcp.rcvbadaddr', 'tcp.rcvbadaddr', 'tcp.rcvbadaddr', 'tcp.listenbad'])
  })

  test('unknown IP options are ignored (MUST-50)', () => {
    const t = createTcp()
    const l = listen(t)
    void l
    inject(t, { flags: 'S', seq: 1, mss: 1460, ipOptions: [0x9e, 4, 0, 0] })
    expect(t.sent.map((s) => s.flags)).toEqual(['S.'])
  })
})

describe('an active connection', () => {
  test('receives in order through header prediction as through the long way', () => {
    const t = createTcp()
    const c = active(t, { ts: true, ws: 3 })
    for (let i = 0; i < 20; i++) c.in('.', { seq: 1 + i * 100, data: pattern(i * 100, 100) })
    expect(c.read()).toEqual(pattern(0, 2000))
    expect(t.vn.state.tcp.stats.preddat).toBeGreaterThan(15)
  })
})
