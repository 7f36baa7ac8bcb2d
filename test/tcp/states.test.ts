/** Every state against every event of RFC 9293 §3.10, as one table: what is sent, and the state afterwards. */

import { describe, expect, test } from 'vitest'
import { SHUT_WR } from '../../src/inet/sockopt.ts'
import { createAddr } from '../../src/lib/addr.ts'
import { EALREADY, EAGAIN, EINVAL, EISCONN, ENOTCONN, EOPNOTSUPP, EPIPE } from '../../src/lib/errno.ts'
import { tcpStateName } from '../../src/tcp/fsm.ts'
import { soAbort, soBind, soConnect, soListen, soSend, soShutdown, soRecv } from '../../src/vnet/so.ts'
import { ME, PEER, active, connecting, createTcp, listen, settle, synTo } from './harness.ts'
import type { Conn, SegSpec, Tcp } from './harness.ts'

/** The connection in the named state; `rcv` and `snd` are its relative RCV.NXT and SND.NXT. */
interface Scene { t: Tcp; c: Conn; rcv: number; snd: number }

const SCENES: Readonly<Record<string, () => Scene>> = {
  SYN_SENT: () => at((t) => connecting(t), 1, 1),
  SYN_RCVD: () => at((t) => {
    const c = connecting(t)
    c.in('S', { seq: 0, mss: 1460 })
    return c
  }, 1, 1),
  ESTABLISHED: () => at((t) => active(t), 1, 1),
  FIN_WAIT_1: () => at((t) => shut(active(t)), 1, 2),
  FIN_WAIT_2: () => at((t) => {
    const c = shut(active(t))
    c.in('.', { ack: 2 })
    return c
  }, 1, 2),
  CLOSE_WAIT: () => at((t) => {
    const c = active(t)
    c.in('F.')
    return c
  }, 2, 1),
  CLOSING: () => at((t) => {
    const c = shut(active(t))
    c.in('F.')
    return c
  }, 2, 2),
  LAST_ACK: () => at((t) => {
    const c = active(t)
    c.in('F.')
    return shut(c)
  }, 2, 2),
  TIME_WAIT: () => at((t) => {
    const c = shut(active(t))
    c.in('F.', { ack: 2 })
    return c
  }, 2, 2),
}

function at(make: (t: Tcp) => Conn, rcv: number, snd: number): Scene {
  const t = createTcp()
  const c = make(t)
  t.sent.length = 0
  t.drops.length = 0
  return { t, c, rcv, snd }
}

function shut(c: Conn): Conn {
  expect(soShutdown(c.t.vnet, c.t.now, c.id, SHUT_WR)).toBe(0)
  settle(c.t)
  return c
}

/** "state, segments sent": TIME-WAIT is where its record is. */
function outcome({ t, c, snd, rcv }: Scene): string {
  const tcb = t.vn.state.tcp.tcbs.get(c.id)
  const state = t.vn.state.tcp.timewait.size > 0 ? 'TIME_WAIT' : tcpStateName(tcb?.state ?? 0)
  const text = t.sent.map((s) => {
    const seq = (s.seq - c.iss | 0) - snd
    const ack = (s.ack - c.peerIss | 0) - rcv
    if (s.flags === 'R') return 'RST'
    if (seq !== 0 || s.len !== 0) return c.describe(s)
    return `${s.flags === '.' ? 'ACK' : s.flags}${ack === 0 ? '' : `+${ack}`}`
  })
  return [state, ...text].join(' ')
}

type Event = readonly [
  name: string, flags: string, spec: (s: Scene) => Omit<SegSpec, 'flags'>, outcomes: Readonly<Record<string, string>>,
]

/** `=`: the state does not change. An outcome that is missing is that of `*`. */
const EVENTS: readonly Event[] = [
  ['text beyond the window is answered with an ACK (first check)', 'P.',
    (s) => ({ seq: s.rcv + 100_000, ack: s.snd, data: 10 }),
    { '*': '= ACK', SYN_SENT: '=' }],
  ['old text is answered with an ACK (first check)', 'P.',
    (s) => ({ seq: s.rcv - 20, ack: s.snd, data: 10 }),
    { '*': '= ACK', SYN_SENT: '=', SYN_RCVD: 'ESTABLISHED ACK', FIN_WAIT_1: 'FIN_WAIT_2 ACK', CLOSING: 'TIME_WAIT ACK',
      LAST_ACK: 'CLOSED' }],
  ['RST at RCV.NXT ends the connection (second check); RFC 1337: not TIME-WAIT', 'R',
    (s) => ({ seq: s.rcv }),
    { '*': 'CLOSED', SYN_SENT: '=', TIME_WAIT: '=' }],
  ['RST elsewhere in the window is challenged (RFC 5961 §3.2)', 'R',
    (s) => ({ seq: s.rcv + 1 }),
    { '*': '= ACK', SYN_SENT: '=', TIME_WAIT: '=' }],
  ['RST outside the window is dropped (RFC 5961 §3.2)', 'R',
    (s) => ({ seq: s.rcv + 100_000 }),
    { '*': '=' }],
  ['SYN in the window is challenged (fourth check, RFC 5961 §4.2); in TIME-WAIT it asks for a new incarnation', 'S',
    (s) => ({ seq: s.rcv, mss: 1460 }),
    { '*': '= ACK', SYN_SENT: 'SYN_RCVD S. seq 0 ack 2 win 65535 len 0 at 0 ms' }],
  ['SYN,ACK in the window is challenged (fourth check)', 'S.',
    (s) => ({ seq: s.rcv, ack: s.snd, mss: 1460 }),
    { '*': '= ACK', SYN_SENT: 'ESTABLISHED ACK+1' }],
  ['a segment without ACK is dropped (fifth check)', 'P',
    (s) => ({ seq: s.rcv, data: 10 }),
    { '*': '=' }],
  ['an ACK of what was not sent: ACK (fifth check), RST before ESTABLISHED', '.',
    (s) => ({ seq: s.rcv, ack: s.snd + 100 }),
    { '*': '= ACK', SYN_SENT: '= RST', SYN_RCVD: '= RST' }],
  ['an acceptable ACK (fifth check)', '.',
    (s) => ({ seq: s.rcv, ack: s.snd }),
    { '*': '=', SYN_RCVD: 'ESTABLISHED', FIN_WAIT_1: 'FIN_WAIT_2', CLOSING: 'TIME_WAIT', LAST_ACK: 'CLOSED' }],
  ['text in order (seventh check): taken before the peer\'s FIN, ignored after it', 'P.',
    (s) => ({ seq: s.rcv, ack: s.snd - 1, data: 10 }),
    { '*': '=', SYN_SENT: '= RST', SYN_RCVD: '= RST', TIME_WAIT: '= ACK' }],
  ['FIN in order (eighth check)', 'F.',
    (s) => ({ seq: s.rcv, ack: s.snd }),
    { '*': '=', SYN_SENT: '=', SYN_RCVD: 'CLOSE_WAIT ACK+1', ESTABLISHED: 'CLOSE_WAIT ACK+1',
      FIN_WAIT_1: 'TIME_WAIT ACK+1', FIN_WAIT_2: 'TIME_WAIT ACK+1', CLOSING: 'TIME_WAIT', LAST_ACK: 'CLOSED',
      TIME_WAIT: '= ACK' }],
  ['FIN that does not acknowledge ours (eighth check)', 'F.',
    (s) => ({ seq: s.rcv, ack: s.snd - 1 }),
    { '*': '=', SYN_SENT: '= RST', SYN_RCVD: '= RST', ESTABLISHED: 'CLOSE_WAIT ACK+1', FIN_WAIT_1: 'CLOSING ACK+1',
      FIN_WAIT_2: 'TIME_WAIT ACK+1', TIME_WAIT: '= ACK' }],
  ['a repeated FIN is acknowledged', 'F.',
    (s) => ({ seq: s.rcv - 1, ack: s.snd }),
    { '*': '= ACK', SYN_SENT: '=', SYN_RCVD: 'ESTABLISHED ACK', FIN_WAIT_1: 'FIN_WAIT_2 ACK', CLOSING: 'TIME_WAIT ACK',
      LAST_ACK: 'CLOSED' }],
]

describe('SEGMENT ARRIVES (RFC 9293 §3.10.7)', () => {
  for (const [name, flags, spec, outcomes] of EVENTS) {
    describe(name, () => {
      for (const [state, make] of Object.entries(SCENES)) {
        test(state, () => {
          const scene = make()
          expect(outcome(scene)).toBe(state)
          scene.c.in(flags, spec(scene))
          expect(outcome(scene)).toBe((outcomes[state] ?? outcomes['*'] ?? '').replace('=', state))
          scene.t.sent.length = 0
        })
      }
    })
  }
})

/** SEND, RECEIVE, OPEN (active, passive, bind), shutdown (half-close), ABORT's outcome. 0 and counts are success. */
const CALLS: Readonly<Record<string, readonly (number | string)[]>> = {
  SYN_SENT: [1, -EAGAIN, EALREADY, EINVAL, EINVAL, 0, 'CLOSED'],
  SYN_RCVD: [1, -EAGAIN, EALREADY, EINVAL, EINVAL, 0, 'CLOSED R.'],
  ESTABLISHED: [1, -EAGAIN, EISCONN, EINVAL, EINVAL, 0, 'CLOSED R.'],
  FIN_WAIT_1: [-EPIPE, -EAGAIN, EISCONN, EINVAL, EINVAL, 0, 'CLOSED R.'],
  FIN_WAIT_2: [-EPIPE, -EAGAIN, EISCONN, EINVAL, EINVAL, 0, 'CLOSED R.'],
  CLOSE_WAIT: [1, 0, EISCONN, EINVAL, EINVAL, 0, 'CLOSED R.'],
  CLOSING: [-EPIPE, 0, EISCONN, EINVAL, EINVAL, 0, 'CLOSED'],
  LAST_ACK: [-EPIPE, 0, EISCONN, EINVAL, EINVAL, 0, 'CLOSED'],
  TIME_WAIT: [-EPIPE, 0, EISCONN, EINVAL, EINVAL, 0, 'TIME_WAIT'],
}

describe('user calls (RFC 9293 §3.10.1 – §3.10.5)', () => {
  const from = { addr: createAddr(), port: 0, truncated: false }
  const buf = new Uint8Array(1)

  for (const [state, [send, recv, open, pass, bind, close, abort]] of Object.entries(CALLS)) {
    const scene = SCENES[state]
    test(`${state}: SEND, RECEIVE, OPEN, CLOSE, ABORT`, () => {
      const calls: (readonly [(s: Scene) => number, unknown])[] = [
        [({ t, c }) => soSend(t.vnet, t.now, c.id, buf, 0, 1, 0), send],
        [({ t, c }) => soRecv(t.vnet, t.now, c.id, buf, 0, 1, 0, from), recv],
        [({ t, c }) => soConnect(t.vnet, t.now, c.id, PEER, 9), open],
        [({ t, c }) => soListen(t.vnet, t.now, c.id, 1), pass],
        [({ t, c }) => soBind(t.vnet, t.now, c.id, ME, 9), bind],
        [({ t, c }) => soShutdown(t.vnet, t.now, c.id, SHUT_WR), close],
      ]
      for (const [call, result] of calls) {
        const s = scene()
        expect(call(s)).toBe(result)
        settle(s.t)
        s.t.sent.length = 0
      }
      const s = scene()
      expect(soAbort(s.t.vnet, s.t.now, s.c.id)).toBe(0)
      settle(s.t)
      expect(outcome(s)).toBe(abort)
      s.t.sent.length = 0
    })
  }

  test('CLOSED and LISTEN: SEND, RECEIVE, OPEN, CLOSE', () => {
    const t = createTcp()
    const l = listen(t)
    expect(soSend(t.vnet, t.now, l, buf, 0, 1, 0)).toBe(-ENOTCONN)
    expect(soRecv(t.vnet, t.now, l, buf, 0, 1, 0, from)).toBe(-ENOTCONN)
    expect(soConnect(t.vnet, t.now, l, PEER, 9)).toBe(EOPNOTSUPP)
    expect(soShutdown(t.vnet, t.now, l, SHUT_WR)).toBe(ENOTCONN)
    synTo(t)
  })
})
