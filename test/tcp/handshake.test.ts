import { describe, expect, test } from 'vitest'
import { EV_ACCEPT } from '../../src/kern/vn.ts'
import { ECONNREFUSED, ETIMEDOUT } from '../../src/lib/errno.ts'
import { toSeq } from '../../src/lib/seq.ts'
import {
  TCPS_CLOSED, TCPS_CLOSE_WAIT, TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, TCPS_SYN_RECEIVED, TCPS_SYN_SENT,
} from '../../src/tcp/state.ts'
import {
  SEC, accept, active, connecting, createTcp, expectNone, expectSeg, inject, listen, passive, pattern, raised, run,
  runOut, synTo,
} from './harness.ts'

describe('active open (RFC 9293 §3.5, §3.10.7.3)', () => {
  test('three-way handshake: SYN with MSS, scale and timestamps (MUST-14, SHLD-5); ACK; EV_CONNECT', () => {
    const t = createTcp()
    const c = connecting(t, { ts: true })
    expect(c.tcb.state).toBe(TCPS_SYN_SENT)
    c.in('S.', { seq: 0, ack: 1, mss: 1460, ws: 7 })
    c.out('.', { seq: 1, ack: 1, len: 0, mss: null, ws: null })
    expect(c.tcb.state).toBe(TCPS_ESTABLISHED)
    expect(raised(t, c.id)).toContain('EV_CONNECT')
    expect(c.tcb.sndWscale).toBe(7)
  })

  test('SYN options stand in FreeBSD\'s order: mss, nop, wscale, sackOK, TS', () => {
    const t = createTcp()
    connectingRaw(t)
    const s = expectSeg(t, { flags: 'S', mss: 1460, ws: 6, win: 65535, sackOk: true })
    expect([...s.optionBytes.slice(0, 12)]).toEqual([2, 4, 1460 >> 8, 1460 & 255, 1, 3, 3, 6, 4, 2, 8, 10])
    expect(s.optionBytes.length).toBe(20)
  })

  test('without options of RFC 7323 when net.inet.tcp.rfc1323 is off', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.rfc1323': 0 } })
    connectingRaw(t)
    expectSeg(t, { flags: 'S', mss: 1460, ws: null, ts: null })
  })

  test('first check: an unacceptable ACK is answered with RST of its number, unless it carries RST', () => {
    const t = createTcp()
    const c = connecting(t)
    c.in('S.', { seq: 0, ack: 0 })
    c.out('R', { seq: 0 })
    c.in('S.', { seq: 0, ack: 2 })
    c.out('R', { seq: 2 })
    c.in('R.', { seq: 0, ack: 2 })
    c.none()
    expect(c.tcb.state).toBe(TCPS_SYN_SENT)
    expect(t.drops).toEqual(['tcp.synsentbad', 'tcp.synsentbad', 'tcp.synsentbad'])
  })

  test('second check: RST with an acceptable ACK refuses, RST without ACK is ignored', () => {
    const t = createTcp()
    const c = connecting(t)
    c.in('R', { seq: 0 })
    expect(c.tcb.state).toBe(TCPS_SYN_SENT)
    c.in('R.', { seq: 0, ack: 1 })
    c.none()
    expect(c.tcb.state).toBe(TCPS_CLOSED)
    expect(raised(t, c.id)).toContain('EV_ERROR')
    expect(c.read(10)).toBe(-ECONNREFUSED)
  })

  test('fifth: a segment with neither SYN nor RST is dropped', () => {
    const t = createTcp()
    const c = connecting(t)
    c.in('.', { seq: 1, ack: 1 })
    c.none()
    expect(c.tcb.state).toBe(TCPS_SYN_SENT)
    expect(t.drops).toEqual(['tcp.synsentbad'])
  })

  test('data and FIN that come with the SYN,ACK are taken', () => {
    const t = createTcp()
    const c = connecting(t)
    c.in('FS.', { seq: 0, ack: 1, mss: 1460, data: 100 })
    c.out('.', { seq: 1, ack: 102 })
    expect(c.tcb.state).toBe(TCPS_CLOSE_WAIT)
    expect(c.read()).toEqual(pattern(0, 100))
    expect(c.read()).toEqual(new Uint8Array(0))
  })

  test('simultaneous open (MUST-10, figure 7): SYN crosses SYN, both answer SYN,ACK, one connection', () => {
    const t = createTcp()
    const c = connecting(t)
    c.in('S', { seq: 0, mss: 1460 })
    expect(c.tcb.state).toBe(TCPS_SYN_RECEIVED)
    c.out('S.', { seq: 0, ack: 1, mss: 1460 })
    c.in('S.', { seq: 0, ack: 1, mss: 1460 })
    expect(c.tcb.state).toBe(TCPS_ESTABLISHED)
    run(t, 100)
    c.in('P.', { seq: 1, ack: 1, data: 10 })
    expect(c.read()).toEqual(pattern(0, 10))
    expect(t.vn.state.tcp.tcbs.size).toBe(1)
  })

  test('simultaneous open: text on the crossing SYN waits for ESTABLISHED', () => {
    const t = createTcp()
    const c = connecting(t)
    c.in('S', { seq: 0, mss: 1460, data: 20 })
    c.out('S.', { seq: 0, ack: 1 })
    expect(c.read()).toBeLessThan(0)
    c.in('.', { seq: 21, ack: 1 })
    expect(c.tcb.state).toBe(TCPS_ESTABLISHED)
    expect(c.read()).toEqual(pattern(0, 20))
    c.out('.', { ack: 21 })
  })

  test('simultaneous open: SYN,ACK is retransmitted, and RST refuses an active open (MUST-11)', () => {
    const t = createTcp()
    const c = connecting(t)
    c.in('S', { seq: 0, mss: 1460 })
    c.out('S.', { seq: 0, ack: 1 })
    run(t, 1000)
    c.out('S.', { seq: 0, ack: 1, at: 1000 })
    c.in('R', { seq: 1 })
    expect(c.tcb.state).toBe(TCPS_CLOSED)
    expect(c.read()).toBe(-ECONNREFUSED)
  })

  test('close before ESTABLISHED deletes the block (RFC 9293 §3.10.4 SYN-SENT)', () => {
    const t = createTcp()
    const c = connecting(t)
    c.close()
    c.none()
    expect(c.gone).toBe(true)
    c.in('S.', { seq: 0, ack: 1 })
    c.out('R', { seq: 1 })
  })

  test('data sent before ESTABLISHED is queued and goes with the handshake\'s ACK (§3.10.2)', () => {
    const t = createTcp()
    const c = connecting(t)
    expect(c.write(100)).toBe(100)
    c.none()
    c.in('S.', { seq: 0, ack: 1, mss: 1460 })
    c.out('P.', { seq: 1, ack: 1, len: 100, data: pattern(0, 100) })
  })

  test('shutdown for writing before ESTABLISHED: FIN follows the handshake (§3.10.4 SYN-RECEIVED)', () => {
    const t = createTcp()
    const c = connecting(t)
    c.in('S', { seq: 0, mss: 1460 })
    c.out('S.', { seq: 0, ack: 1 })
    c.write(10)
    c.close()
    c.none()
    c.in('.', { seq: 1, ack: 1 })
    c.out('FP.', { seq: 1, ack: 1, len: 10 })
    expect(c.tcb.state).toBe(TCPS_FIN_WAIT_1)
  })
})

describe('retransmission of the SYN (RFC 9293 §3.8.3, RFC 6298)', () => {
  test('after 1, 2, 4 … s (MUST-22), for three minutes at least (MUST-23), then ETIMEDOUT', () => {
    const t = createTcp()
    const c = connecting(t)
    run(t, 190_999)
    for (const at of [1, 3, 7, 15, 31, 63, 127]) c.out('S', { seq: 0, at: at * 1000 })
    run(t, 1)
    c.out('S', { seq: 0, at: 191_000 })
    run(t, 8999)
    expect(c.tcb.state).toBe(TCPS_SYN_SENT)
    run(t, 1)
    expect(c.tcb.state).toBe(TCPS_CLOSED)
    expect(c.read()).toBe(-ETIMEDOUT)
    c.none()
    runOut(t)
    expectNone(t)
  })

  test('a connection whose SYN was lost starts with one segment (RFC 5681 §3.1) and RTO 3 s (RFC 6298 §5.7)', () => {
    const t = createTcp()
    const c = connecting(t)
    run(t, 1000)
    c.out('S', { seq: 0 })
    c.in('S.', { seq: 0, ack: 1, mss: 1000 })
    c.out('.')
    expect(c.tcb.cwnd).toBe(1000)
    expect(c.tcb.rto).toBe(3 * SEC)
  })
})

describe('passive open (RFC 9293 §3.10.7.2, §3.10.7.4 SYN-RECEIVED)', () => {
  test('SYN, SYN,ACK, ACK: accepted, EV_ACCEPT on the listener', () => {
    const t = createTcp()
    const l = listen(t)
    const c = synTo(t, { ws: 4, ts: true })
    expect(t.vn.state.tcp.syncache.size).toBe(1)
    expect(accept(t, l)).toBeLessThan(0)
    c.in('.', { seq: 1, ack: 1 })
    expect(t.events.get(l)).toBe(EV_ACCEPT)
    c.id = accept(t, l)
    expect(c.tcb.state).toBe(TCPS_ESTABLISHED)
    expect(c.tcb.sndWscale).toBe(4)
    expect(t.vn.state.tcp.syncache.size).toBe(0)
  })

  test('LISTEN: RST is ignored, ACK is answered with RST of its number, others are dropped', () => {
    const t = createTcp()
    listen(t)
    inject(t, { flags: 'R', seq: 1 })
    inject(t, { flags: 'F', seq: 1 })
    expectNone(t)
    inject(t, { flags: '.', seq: 1, ack: 77 })
    expectSeg(t, { flags: 'R', seq: 77 })
    inject(t, { flags: 'S.', seq: 1, ack: 78 })
    expectSeg(t, { flags: 'R', seq: 78 })
    expect(t.drops).toEqual(['tcp.listenbad', 'tcp.listenbad', 'tcp.listenbad', 'tcp.listenbad'])
  })

  test('the third ACK may carry data and FIN', () => {
    const t = createTcp()
    const l = listen(t)
    const c = synTo(t)
    c.in('FP.', { seq: 1, ack: 1, data: 50 })
    c.id = accept(t, l)
    c.out('.', { seq: 1, ack: 52 })
    expect(c.tcb.state).toBe(TCPS_CLOSE_WAIT)
    expect(c.read()).toEqual(pattern(0, 50))
  })

  test('the handshake is completed by a later segment when the third ACK is lost', () => {
    const t = createTcp()
    const l = listen(t)
    const c = synTo(t)
    c.in('P.', { seq: 101, ack: 1, data: 50 })
    c.id = accept(t, l)
    c.out('.', { seq: 1, ack: 1 })
    c.in('P.', { seq: 1, ack: 1, data: 100 })
    c.out('.', { ack: 151 })
  })

  test('a wrong ACK is answered with RST, the half-open connection stays', () => {
    const t = createTcp()
    const l = listen(t)
    const c = synTo(t)
    c.in('.', { seq: 1, ack: 5 })
    c.out('R', { seq: 5 })
    expect(t.vn.state.tcp.syncache.size).toBe(1)
    c.in('.', { seq: 1, ack: 1 })
    expect(accept(t, l)).toBeGreaterThan(0)
  })

  test('RST returns to LISTEN only with the exact number (RFC 5961 §3.2), the user is not told', () => {
    const t = createTcp()
    const l = listen(t)
    const c = synTo(t)
    c.in('R', { seq: 100 })
    c.out('.', { seq: 1, ack: 1 })
    c.in('R', { seq: 0 })
    c.none()
    expect(t.vn.state.tcp.syncache.size).toBe(1)
    c.in('R', { seq: 1 })
    expect(t.vn.state.tcp.syncache.size).toBe(0)
    expect(t.events.has(l)).toBe(false)
  })

  test('a repeated SYN brings the SYN,ACK again; another SYN in the window returns to LISTEN (fourth check)', () => {
    const t = createTcp()
    listen(t)
    const c = synTo(t)
    c.in('S', { seq: 0, mss: 1460 })
    c.out('S.', { seq: 0, ack: 1 })
    c.in('S', { seq: 1000, mss: 1460 })
    c.none()
    expect(t.vn.state.tcp.syncache.size).toBe(0)
  })

  test('an old duplicate SYN: the peer resets our SYN,ACK, the real SYN is served (figure 8)', () => {
    const t = createTcp()
    const l = listen(t)
    const old = synTo(t, { peerIss: 90 })
    old.in('R', { seq: 1 })
    expect(t.vn.state.tcp.syncache.size).toBe(0)
    const c = passive(t, { peerIss: 100 }, l)
    expect(c.tcb.state).toBe(TCPS_ESTABLISHED)
  })

  test('the SYN,ACK is retransmitted after 1, 3 and 7 s, then the half-open connection is forgotten', () => {
    const t = createTcp()
    listen(t)
    const c = synTo(t)
    c.mark()
    run(t, 60_000)
    for (const at of [1000, 3000, 7000]) c.out('S.', { seq: 0, ack: 1, at })
    c.none()
    expect(t.vn.state.tcp.syncache.size).toBe(0)
    expect(t.vn.state.tcp.stats.scStale).toBe(1)
  })

  test('text on a SYN is not acknowledged and comes again (§3.10.7.2: text may be queued)', () => {
    const t = createTcp()
    const l = listen(t)
    inject(t, { flags: 'S', seq: 5000, mss: 1460, data: 10 })
    const s = expectSeg(t, { flags: 'S.', ack: 5001 })
    inject(t, { flags: 'P.', seq: 5001, ack: toSeq(s.seq + 1), data: 10 })
    expect(accept(t, l)).toBeGreaterThan(0)
  })
})

describe('sequence numbers around 2^31 and 2^32 (RFC 9293 §3.4)', () => {
  test.each([0x7fffffff, 0x7ffffff0, 0xffffffff, 0xfffffff0, 0x80000000, 0])('peer\'s ISN %i', (peerIss) => {
    const t = createTcp()
    const c = passive(t, { peerIss })
    for (let i = 0; i < 10; i++) c.in('.', { seq: 1 + i * 1000, ack: 1, data: pattern(i * 1000, 1000) })
    expect(c.read()).toEqual(pattern(0, 10_000))
    c.in('F.', { seq: 10_001, ack: 1 })
    expect(c.tcb.state).toBe(TCPS_CLOSE_WAIT)
  })

  test.each([0x7fffffff, 0x7ffffc00, 0xffffffff, 0xfffffc00])('our ISN %i', (target) => {
    // the ISN clock ticks every 4 µs: begin when it shows the wanted number
    const probe = createTcp()
    const first = connecting(probe)
    const startAt = ((target - first.iss) >>> 0) * 4
    const t = createTcp({ startAt })
    const c = active(t, { mss: 1000 })
    expect(c.iss >>> 0).toBe(target)
    c.write(4000)
    for (let i = 0; i < 4; i++) c.out(i === 3 ? 'P.' : '.', { seq: 1 + i * 1000, len: 1000 })
    c.in('.', { seq: 1, ack: 2001 })
    c.in('.', { seq: 1, ack: 4001 })
    expect(c.tcb.sndBuf.len).toBe(0)
    c.close()
    c.out('F.', { seq: 4001 })
    c.in('F.', { seq: 1, ack: 4002 })
    c.out('.', { seq: 4002, ack: 2 })
    expect(c.gone).toBe(true)
  })
})

function connectingRaw(t: ReturnType<typeof createTcp>): void {
  connecting(t)
  // connecting() took the SYN: let it go again
  run(t, 1000)
}
