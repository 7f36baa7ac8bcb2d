import { describe, expect, test } from 'vitest'
import { TCPS_ESTABLISHED } from '../../src/tcp/state.ts'
import { accept, createTcp, expectSeg, inject, listen, passive, pattern, run, synTo } from './harness.ts'

describe('options on the wire (RFC 9293 §3.1, §3.2)', () => {
  test('end, no-op, MSS at any alignment (MUST-4, MUST-64); unknown ones skipped by length (MUST-6, MUST-68)', () => {
    const t = createTcp()
    listen(t)
    inject(t, { flags: 'S', seq: 1, rawOptions: [1, 253, 3, 9, 1, 2, 4, 1000 >> 8, 1000 & 255, 0, 0, 0] })
    expect([...t.vn.state.tcp.syncache.values()][0]?.peerMss).toBe(1000)
  })

  test.each([
    ['length 0', [2, 0, 5, 180]], ['length 1', [2, 1, 5, 180]], ['past the header', [2, 40, 5, 180]],
    ['MSS of length 3', [2, 3, 5, 1]], ['kind without length', [1, 1, 1, 2]],
  ])('%s does no harm and is counted (MUST-7)', (_name, rawOptions) => {
    const t = createTcp()
    listen(t)
    inject(t, { flags: 'S', seq: 1, rawOptions })
    expectSeg(t, { flags: 'S.', ack: 2 })
    expect(t.vn.state.tcp.stats.rcvbadopt).toBe(1)
    expect([...t.vn.state.tcp.syncache.values()][0]?.peerMss).toBe(536)
  })

  test('options on segments without SYN are accepted (MUST-5)', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('P.', { data: 10, rawOptions: [253, 4, 0, 0, 2, 4, 0, 50] })
    expect(c.read()).toEqual(pattern(0, 10))
    expect(c.tcb.peerMss).toBe(1460)
  })

  test('our options are aligned by no-ops, so that nothing is left to pad with zeros (MUST-69)', () => {
    const t = createTcp()
    listen(t)
    inject(t, { flags: 'S', seq: 1, mss: 1460, ws: 1, ts: [1, 0] })
    const s = expectSeg(t, { flags: 'S.', mss: 1460, ws: 6 })
    expect([...s.optionBytes.slice(0, 12)]).toEqual([2, 4, 5, 180, 1, 3, 3, 6, 1, 1, 8, 10])
    expect(s.optionBytes.length % 4).toBe(0)
  })

  test('the MSS option is on every SYN, even where it says the default of 536 (MAY-3)', () => {
    const t = createTcp({ mtu: 576 })
    listen(t)
    inject(t, { flags: 'S', seq: 1, mss: 536 })
    expectSeg(t, { flags: 'S.', mss: 536 })
  })

  test('RFC 2018 §2: SACK-permitted answers the peer\'s, and is not sent where SACK is switched off', () => {
    for (const [enable, theirs] of [[1, true], [1, false], [0, true]] as const) {
      const t = createTcp({ sysctls: { 'net.inet.tcp.sack.enable': enable } })
      listen(t)
      inject(t, { flags: 'S', seq: 1, mss: 1460, sackOk: theirs })
      expectSeg(t, { flags: 'S.', sackOk: enable === 1 && theirs })
    }
  })
})

describe('negotiation (RFC 7323 §2.2, §3.2)', () => {
  test('neither scaling nor timestamps unless the peer\'s SYN has them', () => {
    const t = createTcp()
    listen(t)
    inject(t, { flags: 'S', seq: 1, mss: 1460 })
    expectSeg(t, { flags: 'S.', ws: null, ts: null })
    inject(t, { flags: 'S', seq: 1, mss: 1460, ws: 3, sport: 2 })
    expectSeg(t, { flags: 'S.', ws: 6, ts: null })
    inject(t, { flags: 'S', seq: 1, mss: 1460, ts: [77, 0], sport: 3 })
    expect(expectSeg(t, { flags: 'S.', ws: null }).ts?.[1]).toBe(77)
  })

  test('a shift above 14 is taken as 14 (§2.3)', () => {
    const t = createTcp()
    const c = passive(t, { ws: 20 })
    expect(c.tcb.sndWscale).toBe(14)
  })

  test('the peer\'s window is scaled after the handshake only', () => {
    const t = createTcp()
    const l = listen(t)
    const c = synTo(t, { ws: 5, win: 1000 })
    expect([...t.vn.state.tcp.syncache.values()][0]?.sndWnd).toBe(1000)
    c.in('.', { win: 1000 })
    c.id = accept(t, l)
    expect(c.tcb.sndWnd).toBe(32_000)
  })

  test('windows are kept in 32 bits (REC-1): 65,535 shifted by 14 is 2^30 − 2^14', () => {
    const t = createTcp()
    const c = passive(t, { ws: 14, win: 65_535 })
    expect(c.tcb.sndWnd).toBe(2 ** 30 - 2 ** 14)
    expect(c.tcb.maxSndWnd).toBe(2 ** 30 - 2 ** 14)
  })

  test('our shift fits net.inet.tcp.recvbuf_max', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.recvbuf_max': 1_000_000_000 } })
    listen(t)
    inject(t, { flags: 'S', seq: 1, mss: 1460, ws: 3 })
    expectSeg(t, { flags: 'S.', ws: 14 })
  })
})

describe('timestamps (RFC 7323 §3, §4.3)', () => {
  test('every segment carries one, echoing the newest of the segments in order (MUST echo rule (3))', () => {
    const t = createTcp()
    const c = passive(t, { ts: true })
    run(t, 5)
    c.in('.', { data: 10, ts: [1000 + 700_000, c.lastTs] })
    // the second segment is ahead of a gap: its timestamp is not echoed
    c.in('.', { seq: 21, data: 10, ts: [2000 + 700_000, c.lastTs] })
    const s = c.out('.', { ack: 11 })
    expect(s.ts?.[1]).toBe(701_000)
  })

  test('delayed ACK echoes the first segment\'s timestamp (§4.3, Last.ACK.sent)', () => {
    const t = createTcp()
    const c = passive(t, { ts: true })
    c.in('.', { seq: 1, data: 10, ts: [701_000, c.lastTs] })
    c.in('.', { seq: 11, data: 10, ts: [702_000, c.lastTs] })
    expect(c.out('.', { ack: 21 }).ts?.[1]).toBe(701_000)
  })

  test('a segment without the negotiated timestamp is dropped (§3.2), RST is not', () => {
    const t = createTcp()
    const c = passive(t, { ts: true })
    c.in('P.', { data: 10, ts: null })
    expect(t.drops).toEqual(['tcp.rcvnots'])
    c.none()
    c.in('R', { seq: 1, ts: null })
    expect(c.read()).toBeLessThan(0)
  })

  test('net.inet.tcp.tolerate_missing_ts accepts it', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.tolerate_missing_ts': 1 } })
    const c = passive(t, { ts: true })
    c.in('P.', { data: 10, ts: null })
    expect(c.read()).toEqual(pattern(0, 10))
  })

  test('the clock ticks in milliseconds from an offset of its own', () => {
    const t = createTcp()
    const c = passive(t, { ts: true })
    c.write(1)
    const a = c.out('P.').ts?.[0] as number
    run(t, 100)
    c.in('.', { ack: 2 })
    c.write(1)
    const b = c.out('P.').ts?.[0] as number
    expect((b - a) >>> 0).toBe(100)
    const d = passive(t, { ts: true, fport: 2 })
    expect(d.lastTs).not.toBe(b)
  })
})

describe('PAWS (RFC 7323 §5)', () => {
  test('R1: an older timestamp is not acceptable: ACK, drop', () => {
    const t = createTcp()
    const c = passive(t, { ts: true })
    c.in('P.', { data: 10, ts: [700_000 - 1, c.lastTs] })
    c.out('.', { seq: 1, ack: 1 })
    expect(t.drops).toEqual(['tcp.pawsdrop'])
    expect(c.read()).toBeLessThan(0)
  })

  test('timestamps wrap around', () => {
    const t = createTcp()
    const c = passive(t, { ts: true })
    c.tcb.tsRecent = 0xffffff00
    c.in('P.', { data: 10, ts: [5, c.lastTs] })
    expect(c.read()).toEqual(pattern(0, 10))
    expect(c.tcb.tsRecent).toBe(5)
    c.in('P.', { seq: 11, data: 10, ts: [0xffffff00, c.lastTs] })
    expect(t.drops).toEqual(['tcp.pawsdrop'])
  })

  test('after 24 days of silence the remembered one says nothing (§5.5)', () => {
    const t = createTcp()
    const c = passive(t, { ts: true })
    run(t, 24 * 24 * 3600_000 + 1)
    c.in('P.', { data: 10, ts: [5, c.lastTs] })
    expect(c.read()).toEqual(pattern(0, 10))
    expect(c.tcb.tsRecent).toBe(5)
  })

  test('RST is not subject to it (§5.2)', () => {
    const t = createTcp()
    const c = passive(t, { ts: true })
    expect(c.tcb.state).toBe(TCPS_ESTABLISHED)
    c.in('R', { seq: 1, ts: [1, 0] })
    expect(c.read()).toBeLessThan(0)
  })

  test('two sides that each think the other old do not start an ACK war', () => {
    const t = createTcp()
    const c = passive(t, { ts: true })
    for (let i = 0; i < 100; i++) c.in('.', { ts: [1, 1] })
    expect(t.sent.length).toBe(5)
  })
})
