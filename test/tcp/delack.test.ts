import { describe, expect, test } from 'vitest'
import { createTcp, passive, pattern, run } from './harness.ts'

describe('delayed ACK (RFC 9293 §3.8.6.3, SHLD-18)', () => {
  test('a single segment is acknowledged after net.inet.tcp.delacktime (MUST-40: under 0.5 s)', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('P.', { data: 100 })
    run(t, 39)
    c.none()
    run(t, 1)
    c.out('.', { ack: 101, at: 40 })
    expect(t.vn.state.tcp.stats.delack).toBe(1)
  })

  test('every second segment is acknowledged at once (SHLD-19)', () => {
    const t = createTcp()
    const c = passive(t)
    for (let i = 0; i < 5; i++) c.in('.', { seq: 1 + i * 1460, data: 1460 })
    c.out('.', { ack: 2921, at: 0 })
    c.out('.', { ack: 5841, at: 0 })
    run(t, 40)
    c.out('.', { ack: 7301, at: 40 })
  })

  test('data of ours carries the ACK', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('P.', { data: 100 })
    c.write(50)
    c.out('P.', { ack: 101, len: 50 })
    run(t, 100)
    c.none()
  })

  test('out of order, above a gap, filling a gap: at once (RFC 5681 §4.2)', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('.', { seq: 101, data: pattern(100, 100) })
    c.out('.', { ack: 1, at: 0 })
    c.in('.', { seq: 301, data: pattern(300, 100) })
    c.out('.', { ack: 1, at: 0 })
    c.in('.', { seq: 1, data: 100 })
    c.out('.', { ack: 201, at: 0 })
    c.in('.', { seq: 201, data: pattern(200, 100) })
    c.out('.', { ack: 401, at: 0 })
  })

  test('a FIN is acknowledged at once', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('F.')
    c.out('.', { ack: 2, at: 0 })
  })

  test('a full-sized segment is one of the MSS that we offered, whatever we may send (RFC 5681 §4.2)', () => {
    const t = createTcp()
    const c = passive(t, { mss: 700 })
    c.in('.', { seq: 1, data: 1400 })
    c.in('.', { seq: 1401, data: 1400 })
    c.out('.', { ack: 2801, at: 0 })
  })

  test('what is longer than any segment of the peer stands for several: acknowledged at once (SHLD-19)', () => {
    const t = createTcp()
    const c = passive(t, { mss: 700 })
    c.in('.', { data: 1461 })
    c.out('.', { ack: 1462, at: 0 })
  })

  test('net.inet.tcp.delayed_ack off: every segment at once', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.delayed_ack': 0 } })
    const c = passive(t)
    c.in('.', { data: 10 })
    c.out('.', { ack: 11, at: 0 })
  })
})
