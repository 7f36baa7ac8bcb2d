import { describe, expect, test } from 'vitest'
import { SHUT_RD, SHUT_RDWR, SHUT_WR, SOL_SOCKET, SO_LINGER } from '../../src/inet/sockopt.ts'
import { EAGAIN, EBADF, ECONNRESET, EPIPE } from '../../src/lib/errno.ts'
import {
  TCPS_CLOSED, TCPS_CLOSE_WAIT, TCPS_CLOSING, TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, TCPS_FIN_WAIT_2, TCPS_LAST_ACK,
  TCPS_TIME_WAIT,
} from '../../src/tcp/state.ts'
import { soAbort, soClose, soSetOpt, soShutdown } from '../../src/vnet/so.ts'
import {
  accept, active, connecting, createTcp, inject, listen, passive, pattern, raised, run, runOut, settle, synTo,
} from './harness.ts'
import type { Conn, Tcp } from './harness.ts'

function shutdown(t: Tcp, c: Conn, how: number): number {
  const errno = soShutdown(t.vnet, t.now, c.id, how)
  settle(t)
  return errno
}

function abort(t: Tcp, c: Conn): void {
  expect(soAbort(t.vnet, t.now, c.id)).toBe(0)
  settle(t)
}

describe('closing (RFC 9293 §3.6, §3.10.4)', () => {
  test('we close first (figure 12): FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT for two MSL (MUST-13), CLOSED', () => {
    const t = createTcp()
    const c = active(t)
    c.close()
    c.out('F.', { seq: 1, ack: 1 })
    expect(c.tcb.state).toBe(TCPS_FIN_WAIT_1)
    c.in('.', { seq: 1, ack: 2 })
    expect(c.tcb.state).toBe(TCPS_FIN_WAIT_2)
    c.in('F.', { seq: 1, ack: 2 })
    c.out('.', { seq: 2, ack: 2 })
    expect(c.gone).toBe(true)
    expect(raised(t, c.id)).toContain('EV_GONE')
    expect(t.vn.state.tcp.timewait.size).toBe(1)
    run(t, 59_999)
    expect(t.vn.state.tcp.timewait.size).toBe(1)
    run(t, 1)
    expect(t.vn.state.tcp.timewait.size).toBe(0)
    expect(t.vnet.nextDeadline()).toBe(Infinity)
  })

  test('the peer closes first: CLOSE-WAIT, data still goes, LAST-ACK, CLOSED', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('F.', { seq: 1, ack: 1 })
    c.out('.', { seq: 1, ack: 2 })
    expect(c.tcb.state).toBe(TCPS_CLOSE_WAIT)
    expect(c.read()).toEqual(new Uint8Array(0))
    c.write(10)
    c.out('P.', { seq: 1, ack: 2, len: 10 })
    c.in('.', { seq: 2, ack: 11 })
    c.close()
    c.out('F.', { seq: 11, ack: 2 })
    expect(c.tcb.state).toBe(TCPS_LAST_ACK)
    c.in('.', { seq: 2, ack: 12 })
    expect(c.gone).toBe(true)
    expect(t.vn.state.tcp.timewait.size).toBe(0)
    expect(t.vn.state.tcp.orphans).toBe(0)
  })

  test('simultaneous close (figure 13): CLOSING, TIME-WAIT; the ACK of our FIN needs no answer', () => {
    const t = createTcp()
    const c = active(t)
    c.close()
    c.out('F.', { seq: 1, ack: 1 })
    c.in('F.', { seq: 1, ack: 1 })
    c.out('.', { seq: 2, ack: 2 })
    expect(c.tcb.state).toBe(TCPS_CLOSING)
    c.in('.', { seq: 2, ack: 2 })
    c.none()
    expect(c.gone).toBe(true)
    expect(t.vn.state.tcp.timewait.size).toBe(1)
  })

  test('FIN that acknowledges ours: FIN-WAIT-1 goes to TIME-WAIT at once', () => {
    const t = createTcp()
    const c = active(t)
    c.close()
    c.out('F.')
    c.in('F.', { seq: 1, ack: 2 })
    c.out('.', { seq: 2, ack: 2 })
    expect(t.vn.state.tcp.timewait.size).toBe(1)
  })

  test('queued data goes before the FIN, which rides on the last segment', () => {
    const t = createTcp()
    const c = active(t, { mss: 1000, win: 1000 })
    c.write(1500)
    c.out('.', { seq: 1, len: 1000 })
    c.close()
    c.none()
    c.in('.', { seq: 1, ack: 1001 })
    c.out('FP.', { seq: 1001, len: 500 })
    expect(c.tcb.state).toBe(TCPS_FIN_WAIT_1)
    c.in('.', { seq: 1, ack: 1501 })
    expect(c.tcb.state).toBe(TCPS_FIN_WAIT_1)
    c.in('.', { seq: 1, ack: 1502 })
    expect(c.tcb.state).toBe(TCPS_FIN_WAIT_2)
  })

  test('a lost FIN is retransmitted', () => {
    const t = createTcp()
    const c = active(t)
    c.close()
    c.out('F.', { seq: 1 })
    run(t, 5000)
    c.out('F.', { seq: 1, ack: 1 })
    c.in('.', { seq: 1, ack: 2 })
    expect(c.tcb.state).toBe(TCPS_FIN_WAIT_2)
  })

  test('half-close (MAY-1): after shutdown for writing data is still received and acknowledged', () => {
    const t = createTcp()
    const c = active(t)
    expect(shutdown(t, c, SHUT_WR)).toBe(0)
    c.out('F.', { seq: 1 })
    c.in('.', { seq: 1, ack: 2 })
    expect(c.write(5)).toBe(-EPIPE)
    c.in('P.', { seq: 1, ack: 2, data: 100 })
    run(t, 40)
    c.out('.', { seq: 2, ack: 101 })
    expect(c.read()).toEqual(pattern(0, 100))
    c.in('F.', { seq: 101, ack: 2 })
    c.out('.', { seq: 2, ack: 102 })
    expect(c.read()).toEqual(new Uint8Array(0))
    expect(c.tcb.state).toBe(TCPS_TIME_WAIT)
    c.close()
    expect(c.gone).toBe(true)
  })

  test('shutdown for reading: what comes is acknowledged and thrown away', () => {
    const t = createTcp()
    const c = active(t)
    c.in('P.', { seq: 1, ack: 1, data: 10 })
    expect(shutdown(t, c, SHUT_RD)).toBe(0)
    expect(c.read()).toEqual(new Uint8Array(0))
    c.in('P.', { seq: 11, ack: 1, data: 10 })
    c.out('.', { ack: 21 })
    c.in('P.', { seq: 31, ack: 1, data: 10 })
    c.out('.', { ack: 21 })
    c.in('P.', { seq: 21, ack: 1, data: 10 })
    c.out('.', { ack: 41 })
    expect(c.read()).toEqual(new Uint8Array(0))
    expect(c.tcb.rcvBuf.len).toBe(0)
    expect(shutdown(t, c, SHUT_RDWR)).toBe(0)
    c.out('F.', { seq: 1 })
  })

  test('received data can be read after the connection ended', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('FP.', { seq: 1, ack: 1, data: 100 })
    c.out('.', { ack: 102 })
    expect(c.read(60)).toEqual(pattern(0, 60))
    expect(c.read()).toEqual(pattern(60, 40))
    expect(c.read()).toEqual(new Uint8Array(0))
    expect(c.read()).toEqual(new Uint8Array(0))
  })

  test('a FIN behind a gap waits; the hole filled, it is processed', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('FP.', { seq: 101, ack: 1, data: pattern(100, 50) })
    c.out('.', { ack: 1 })
    expect(c.tcb.state).toBe(TCPS_ESTABLISHED)
    c.in('.', { seq: 1, ack: 1, data: 100 })
    c.out('.', { ack: 152 })
    expect(c.tcb.state).toBe(TCPS_CLOSE_WAIT)
    expect(c.read()).toEqual(pattern(0, 150))
  })

  test('text beyond the peer\'s FIN is ignored (§3.10.7.4 seventh, CLOSE-WAIT)', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('F.', { seq: 1, ack: 1 })
    c.out('.', { ack: 2 })
    c.in('P.', { seq: 2, ack: 1, data: 10 })
    expect(t.drops).toEqual(['tcp.rcvafterfin'])
    expect(c.read()).toEqual(new Uint8Array(0))
  })

  test('a second close or any call on a closed socket: EBADF', () => {
    const t = createTcp()
    const c = active(t)
    c.close()
    expect(soClose(t.vnet, t.now, c.id)).toBe(EBADF)
    expect(soAbort(t.vnet, t.now, c.id)).toBe(EBADF)
    expect(soClose(t.vnet, t.now, 4444)).toBe(EBADF)
  })
})

describe('aborting close (RFC 9293 §3.6.1 SHLD-3, §3.10.5)', () => {
  test('close with unread data sends RST (RFC 1122 §4.2.2.13)', () => {
    const t = createTcp()
    const c = active(t)
    c.in('P.', { seq: 1, ack: 1, data: 10 })
    c.close()
    c.out('R.', { seq: 1, ack: 11 })
    expect(c.gone).toBe(true)
  })

  test('data that arrives after close is answered with RST', () => {
    const t = createTcp()
    const c = active(t)
    c.close()
    c.out('F.', { seq: 1 })
    c.in('.', { seq: 1, ack: 2 })
    c.in('P.', { seq: 1, ack: 2, data: 10 })
    c.out('R.', { seq: 2 })
    expect(c.gone).toBe(true)
    expect(t.drops).toContain('tcp.rcvafterclose')
  })

  test('linger 0: close is a reset; another linger is not', () => {
    const t = createTcp()
    const c = active(t)
    expect(soSetOpt(t.vnet, t.now, c.id, SOL_SOCKET, SO_LINGER, 0)).toBe(0)
    c.close()
    c.out('R.', { seq: 1, ack: 1 })
    const d = active(t, { fport: 8081 })
    expect(soSetOpt(t.vnet, t.now, d.id, SOL_SOCKET, SO_LINGER, 10)).toBe(0)
    d.close()
    d.out('F.')
  })

  test('ABORT in ESTABLISHED: <SEQ=SND.NXT><CTL=RST>, queued data is forgotten', () => {
    const t = createTcp()
    const c = active(t, { mss: 300, win: 600 })
    c.write(1000)
    c.out('.', { seq: 1, len: 300 })
    c.out('.', { seq: 301, len: 300 })
    abort(t, c)
    c.out('R.', { seq: 601 })
    expect(c.gone).toBe(true)
    run(t, 60_000)
    c.none()
  })

  test('ABORT in FIN-WAIT-2 and CLOSE-WAIT resets, in CLOSING, LAST-ACK it does not', () => {
    const t = createTcp()
    const a = active(t, { fport: 1 })
    shutdown(t, a, SHUT_WR)
    a.out('F.')
    a.in('.', { ack: 2 })
    abort(t, a)
    a.out('R.', { seq: 2 })
    const b = active(t, { fport: 2 })
    b.in('F.', { seq: 1 })
    b.out('.')
    abort(t, b)
    b.out('R.', { seq: 1, ack: 2 })
    const c = active(t, { fport: 3 })
    shutdown(t, c, SHUT_WR)
    c.out('F.')
    c.in('F.', { seq: 1, ack: 1 })
    c.out('.')
    abort(t, c)
    c.none()
    const d = active(t, { fport: 4 })
    d.in('F.', { seq: 1 })
    d.out('.')
    shutdown(t, d, SHUT_WR)
    d.out('F.')
    abort(t, d)
    d.none()
    for (const x of [a, b, c, d]) expect(x.gone).toBe(true)
    runOut(t)
    expect(t.vn.state.tcp.table.heads.size).toBe(0)
  })

  test('ABORT in SYN-SENT deletes the block silently; in SYN-RECEIVED it resets', () => {
    const t = createTcp()
    const c = connecting(t)
    abort(t, c)
    c.none()
    expect(c.gone).toBe(true)
    const d = connecting(t)
    d.in('S', { seq: 0, mss: 1460 })
    d.out('S.')
    abort(t, d)
    d.out('R.', { seq: 1, ack: 1 })
  })

  test('the user can tell an abort from a close (MUST-12)', () => {
    const t = createTcp()
    const a = active(t, { fport: 1 })
    const b = active(t, { fport: 2 })
    a.in('F.', { seq: 1 })
    b.in('R', { seq: 1 })
    expect(a.read()).toEqual(new Uint8Array(0))
    expect(b.read()).toBe(-ECONNRESET)
    expect(raised(t, b.id)).toContain('EV_ERROR')
    expect(raised(t, a.id)).not.toContain('EV_ERROR')
  })

  test('a closing listener resets what nobody has accepted and forgets half-open connections', () => {
    const t = createTcp()
    const l = listen(t)
    const half = synTo(t, { fport: 1 })
    const full = synTo(t, { fport: 2 })
    full.in('.')
    expect(soClose(t.vnet, t.now, l)).toBe(0)
    settle(t)
    full.out('R.', { seq: 1, ack: 1 })
    half.in('.')
    half.out('R', { seq: 1 })
    expect(t.vn.state.tcp.tcbs.size).toBe(0)
    expect(t.vn.state.tcp.syncache.size).toBe(0)
    runOut(t)
    expect(t.vnet.nextDeadline()).toBe(Infinity)
  })
})

describe('connections without a user', () => {
  test('FIN-WAIT-2 ends after net.inet.tcp.finwait2_timeout', () => {
    const t = createTcp()
    const c = active(t)
    c.close()
    c.out('F.')
    c.in('.', { ack: 2 })
    run(t, 59_999)
    expect(c.gone).toBe(false)
    run(t, 1)
    expect(c.gone).toBe(true)
    expect(t.vn.state.tcp.stats.finwait2drops).toBe(1)
  })

  test('FIN-WAIT-2 with a user has no limit (half-close)', () => {
    const t = createTcp()
    const c = active(t)
    shutdown(t, c, SHUT_WR)
    c.out('F.')
    c.in('.', { ack: 2 })
    run(t, 3600_000)
    expect(c.tcb.state).toBe(TCPS_FIN_WAIT_2)
    expect(c.read()).toBe(-EAGAIN)
    // the limit begins with the user's close
    c.close()
    run(t, 60_000)
    expect(c.gone).toBe(true)
  })

  test('beyond net.inet.tcp.maxorphans close is a reset', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.maxorphans': 1 } })
    const a = active(t, { fport: 1 })
    const b = active(t, { fport: 2 })
    a.close()
    a.out('F.')
    b.close()
    b.out('R.')
    expect(t.vn.state.tcp.stats.orphandrop).toBe(1)
    expect(t.vn.state.tcp.orphans).toBe(1)
  })

  test('a peer that keeps its window closed holds an orphan for a limited time', () => {
    const t = createTcp()
    const c = active(t)
    c.in('.', { win: 0 })
    c.write(10)
    c.close()
    runOut(t)
    expect(c.gone).toBe(true)
    expect(t.vn.state.tcp.stats.persistdrop).toBe(1)
    expect(t.now).toBeLessThan(300e6)
  })
})

describe('RST in each state (RFC 9293 §3.5.3)', () => {
  test.each([
    ['ESTABLISHED', TCPS_ESTABLISHED], ['CLOSE-WAIT', TCPS_CLOSE_WAIT], ['FIN-WAIT-1', TCPS_FIN_WAIT_1],
    ['FIN-WAIT-2', TCPS_FIN_WAIT_2], ['CLOSING', TCPS_CLOSING], ['LAST-ACK', TCPS_LAST_ACK],
  ])('%s: CLOSED, received data stays readable', (_name, state) => {
    const t = createTcp()
    const c = active(t)
    c.in('P.', { seq: 1, data: 5 })
    const next = toState(t, c, state)
    expect(c.tcb.state).toBe(state)
    t.sent.length = 0
    c.in('R', { seq: next })
    c.none()
    expect(c.tcb.state).toBe(TCPS_CLOSED)
    expect(c.read()).toEqual(pattern(0, 5))
    // both sides have closed in the last two: there is nothing to tell
    if (state !== TCPS_CLOSING && state !== TCPS_LAST_ACK) expect(c.read()).toBe(-ECONNRESET)
    expect(c.read()).toEqual(new Uint8Array(0))
    expect(c.write(1)).toBe(-EPIPE)
    c.close()
    expect(c.gone).toBe(true)
  })
})

describe('segments for nobody (RFC 9293 §3.10.7.1)', () => {
  test('SYN to a closed port: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>', () => {
    const t = createTcp()
    inject(t, { flags: 'S', seq: 100, dport: 9 })
    expect(t.sent.length).toBe(1)
    expect(t.sent[0]).toMatchObject({ flags: 'R.', seq: 0, ack: 101, win: 0, len: 0 })
  })

  test('text and FIN count in SEG.LEN; an ACK gives the reset its number; RST gets none', () => {
    const t = createTcp()
    inject(t, { flags: 'FS', seq: 100, data: 10, dport: 9 })
    expect(t.sent.shift()).toMatchObject({ flags: 'R.', seq: 0, ack: 112 })
    inject(t, { flags: '.', seq: 100, ack: 77, dport: 9 })
    expect(t.sent.shift()).toMatchObject({ flags: 'R', seq: 77, ack: 0 })
    inject(t, { flags: 'R', seq: 100, dport: 9 })
    inject(t, { flags: 'R.', seq: 100, ack: 5, dport: 9 })
    expect(t.sent).toEqual([])
    expect(t.drops).toEqual(Array(4).fill('tcp.noport'))
  })

  test('net.inet.tcp.blackhole: silence', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.blackhole': 1 } })
    inject(t, { flags: 'S', seq: 100, dport: 9 })
    expect(t.sent).toEqual([])
  })

  test('a half-open connection is discovered by the peer that lost its memory (figures 9 and 10)', () => {
    const t = createTcp()
    const l = listen(t)
    const c = passive(t, {}, l)
    // the peer rebooted and opens the same pair: challenge ACK, which it answers with RST
    c.in('S', { seq: 90_000, mss: 1460 })
    c.out('.', { seq: 1, ack: 1 })
    c.in('R', { seq: 1 })
    expect(c.tcb.state).toBe(TCPS_CLOSED)
    const d = synTo(t, { peerIss: 99_000 })
    d.in('.')
    expect(accept(t, l)).toBeGreaterThan(0)
  })
})

/** Drives an established connection to `state`; returns the peer's next number. */
function toState(t: Tcp, c: Conn, state: number): number {
  switch (state) {
    case TCPS_CLOSE_WAIT:
      c.in('F.', { seq: 6, ack: 1 })
      return 7
    case TCPS_FIN_WAIT_1:
      shutdown(t, c, SHUT_WR)
      return 6
    case TCPS_FIN_WAIT_2:
      shutdown(t, c, SHUT_WR)
      c.in('.', { seq: 6, ack: 2 })
      return 6
    case TCPS_CLOSING:
      shutdown(t, c, SHUT_WR)
      c.in('F.', { seq: 6, ack: 1 })
      return 7
    case TCPS_LAST_ACK:
      c.in('F.', { seq: 6, ack: 1 })
      shutdown(t, c, SHUT_WR)
      return 7
    default: return 6
  }
}
