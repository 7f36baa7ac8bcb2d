import { describe, expect, test } from 'vitest'
import { SOL_SOCKET, SOL_TCP, SO_KEEPALIVE, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL } from '../../src/inet/sockopt.ts'
import { ETIMEDOUT } from '../../src/lib/errno.ts'
import { TCPS_CLOSED, TCPS_ESTABLISHED } from '../../src/tcp/state.ts'
import { soGetOpt, soSetOpt } from '../../src/vnet/so.ts'
import { createTcp, passive, run } from './harness.ts'
import type { Conn, Tcp } from './harness.ts'

function keep(t: Tcp, c: Conn, idle: number, interval: number, count: number): void {
  for (const [level, name, value] of [
    [SOL_TCP, TCP_KEEPIDLE, idle], [SOL_TCP, TCP_KEEPINTVL, interval], [SOL_TCP, TCP_KEEPCNT, count],
    [SOL_SOCKET, SO_KEEPALIVE, 1],
  ] as const) expect(soSetOpt(t.vnet, t.now, c.id, level, name, value)).toBe(0)
}

describe('keep-alive (RFC 9293 §3.8.4, MAY-5)', () => {
  test('off unless asked for (MUST-25): an idle connection costs nothing', () => {
    const t = createTcp()
    const c = passive(t)
    run(t, 24 * 3600_000)
    c.none()
    expect(t.vnet.nextDeadline()).toBe(Infinity)
    expect(c.tcb.state).toBe(TCPS_ESTABLISHED)
  })

  test('two hours by default (MUST-28)', () => {
    const t = createTcp()
    const c = passive(t)
    expect(soSetOpt(t.vnet, t.now, c.id, SOL_SOCKET, SO_KEEPALIVE, 1)).toBe(0)
    run(t, 7_199_999)
    c.none()
    run(t, 1)
    c.out('.', { seq: 0, ack: 1, len: 0 })
    expect(soGetOpt(t.vnet, t.now, c.id, SOL_TCP, TCP_KEEPIDLE)).toBe(7200)
  })

  test('on and off per connection (MUST-24), the interval is set (MUST-27); the probe has no data (SHLD-12)', () => {
    const t = createTcp()
    const c = passive(t)
    keep(t, c, 10, 2, 3)
    run(t, 10_000)
    c.out('.', { seq: 0, len: 0, at: 10_000 })
    c.in('.')
    run(t, 9999)
    c.none()
    run(t, 1)
    c.out('.', { seq: 0, at: 20_000 })
    c.in('.')
    expect(soSetOpt(t.vnet, t.now, c.id, SOL_SOCKET, SO_KEEPALIVE, 0)).toBe(0)
    run(t, 100_000)
    c.none()
  })

  test('one unanswered probe is not the end (MUST-29): it takes TCP_KEEPCNT, then RST and ETIMEDOUT', () => {
    const t = createTcp()
    const c = passive(t)
    keep(t, c, 10, 2, 3)
    run(t, 15_999)
    for (const at of [10_000, 12_000, 14_000]) c.out('.', { seq: 0, at })
    c.none()
    run(t, 1)
    c.out('R.', { seq: 1, at: 16_000 })
    expect(c.tcb.state).toBe(TCPS_CLOSED)
    expect(c.read()).toBe(-ETIMEDOUT)
  })

  test('traffic puts the probe off (MUST-26)', () => {
    const t = createTcp()
    const c = passive(t)
    keep(t, c, 10, 2, 3)
    for (let i = 0; i < 10; i++) {
      run(t, 9000)
      c.in('.', { seq: 1 + i, data: 1 })
      run(t, 40)
      c.out('.')
    }
    c.none()
  })

  test('no probe while data is outstanding (MUST-26)', () => {
    const t = createTcp()
    const c = passive(t)
    keep(t, c, 1, 1, 3)
    c.write(10)
    c.out('P.')
    run(t, 3000)
    for (const s of t.sent) expect(s.len).toBe(10)
    t.sent.length = 0
  })

  test('net.inet.tcp.always_keepalive turns it on for all', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.always_keepalive': 1, 'net.inet.tcp.keepidle': 5000 } })
    const c = passive(t)
    run(t, 5000)
    c.out('.', { seq: 0, at: 5000 })
  })
})
