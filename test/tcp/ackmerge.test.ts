import { describe, expect, test } from 'vitest'
import { batch, createTcp, listen, passive, pattern, run } from './harness.ts'
import type { Conn, Tcp } from './harness.ts'

const MSS = 1460

/** Segments first … last of the peer's data, each full. */
function segments(c: Conn, first: number, last: number): void {
  for (let i = first; i <= last; i++) c.in('.', { seq: 1 + i * MSS, data: pattern(i * MSS, MSS) })
}

function merged(t: Tcp): number {
  return t.vn.state.tcp.stats.sndackmerged
}

/** Timestamps make the ACK of bare IP packets as long as a frame without padding. */
function connection(sysctls: Record<string, number> = {}): { t: Tcp; c: Conn } {
  const t = createTcp({ sysctls: { 'net.inet.tcp.recvspace': 200_000, ...sysctls } })
  return { t, c: passive(t, { ts: true, ws: 4 }) }
}

describe('ACKs of one batch are merged (RFC 3449 §5.2.2)', () => {
  test('twenty segments read at once are acknowledged once, with the newest number, window and time', () => {
    const { t, c } = connection()
    run(t, 7)
    batch(t, () => { segments(c, 0, 19) })
    const ack = c.out('.', { seq: 1, ack: 1 + 20 * MSS, at: 7 })
    expect(ack.ts).toEqual([c.lastTs, c.stamp()[0]])
    expect(ack.win).toBe(c.tcb.rcvAdv - c.tcb.rcvNxt >> c.tcb.rcvWscale)
    c.none()
    expect(merged(t)).toBe(9)
    expect(t.vn.state.tcp.stats.sndacks).toBe(1)
    // nothing is owed any more
    run(t, 1000)
    c.none()
    expect(c.read()).toEqual(pattern(0, 20 * MSS))
  })

  test('without a batch every second segment is acknowledged (RFC 9293 §3.8.6.3, SHLD-19)', () => {
    const { t, c } = connection()
    segments(c, 0, 3)
    c.out('.', { ack: 1 + 2 * MSS })
    c.out('.', { ack: 1 + 4 * MSS })
    expect(merged(t)).toBe(0)
  })

  test('an ACK covers net.inet.tcp.ackmerge_max octets at most; 0 merges none', () => {
    const few = connection({ 'net.inet.tcp.ackmerge_max': 8 * MSS })
    batch(few.t, () => { segments(few.c, 0, 19) })
    for (const upTo of [8, 16, 20]) few.c.out('.', { ack: 1 + upTo * MSS })
    few.c.none()
    const none = connection({ 'net.inet.tcp.ackmerge_max': 0 })
    batch(none.t, () => { segments(none.c, 0, 5) })
    for (const upTo of [2, 4, 6]) none.c.out('.', { ack: 1 + upTo * MSS })
    none.c.none()
  })

  test('duplicates tell of every segment behind a gap (RFC 5681 §4.2), and the ACK before them stays', () => {
    const { t, c } = connection()
    batch(t, () => {
      segments(c, 0, 1)
      segments(c, 3, 5)
      segments(c, 2, 2)
    })
    for (let i = 0; i < 4; i++) c.out('.', { ack: 1 + 2 * MSS })
    c.out('.', { ack: 1 + 6 * MSS })
    c.none()
    expect(merged(t)).toBe(0)
  })

  test('what was sent in between keeps its place: only the last frame of the queue is brought up to date', () => {
    const { t, c } = connection()
    batch(t, () => {
      segments(c, 0, 1)
      c.write(100)
      segments(c, 2, 5)
    })
    c.out('.', { ack: 1 + 2 * MSS })
    c.out('P.', { ack: 1 + 2 * MSS, len: 100 })
    c.out('.', { seq: 101, ack: 1 + 6 * MSS })
    c.none()
    expect(merged(t)).toBe(1)
  })

  test('what has left stays as it was: its frame carries other segments by then', () => {
    const { t, c } = connection()
    batch(t, () => { segments(c, 0, 3) })
    c.out('.', { ack: 1 + 4 * MSS })
    for (let i = 0; i < 20; i++) {
      const first = 4 + 2 * i
      batch(t, () => {
        c.write(100, i * 100)
        segments(c, first, first + 1)
      })
      c.out('P.', { seq: 1 + i * 100, ack: 1 + first * MSS, len: 100 })
      c.out('.', { ack: 1 + (first + 2) * MSS })
      c.in('.', { seq: 1 + (first + 2) * MSS, ack: 101 + i * 100 })
      c.none()
      expect(c.read()).toBeInstanceOf(Uint8Array)
      t.sent.length = 0
    }
  })

  test('each connection has its own', () => {
    const { t, c } = connection()
    const d = passive(t, { ts: true, ws: 4, lport: 81, fport: 41_000 }, listen(t, 81))
    batch(t, () => {
      segments(c, 0, 3)
      segments(d, 0, 3)
    })
    c.out('.', { ack: 1 + 4 * MSS })
    d.out('.', { ack: 1 + 4 * MSS })
    d.none()
  })

  test('the FIN behind the data is acknowledged with it', () => {
    const { t, c } = connection()
    batch(t, () => {
      segments(c, 0, 1)
      c.in('F.', { seq: 1 + 2 * MSS })
    })
    c.out('.', { ack: 2 + 2 * MSS })
    c.none()
  })
})
