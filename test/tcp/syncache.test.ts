import { describe, expect, test } from 'vitest'
import { EAGAIN } from '../../src/lib/errno.ts'
import { tcpList } from '../../src/tcp/info.ts'
import { accept, createTcp, expectNone, inject, listen, passive, run, runOut, synTo } from './harness.ts'

describe('half-open connections are bounded (RFC 4987 §3.2), here without cookies', () => {
  test('for each listener: the oldest gives way', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.syncache.listenlimit': 3, 'net.inet.tcp.syncookies': 0 } })
    const l = listen(t)
    const conns = Array.from({ length: 5 }, (_, i) => synTo(t, { fport: 100 + i }))
    expect(t.vn.state.tcp.syncache.size).toBe(3)
    expect(t.vn.state.tcp.stats.scOverflow).toBe(2)
    conns[0]?.in('.')
    conns[0]?.out('R', { seq: 1 })
    conns[4]?.in('.')
    expect(accept(t, l)).toBeGreaterThan(0)
  })

  test('in total: net.inet.tcp.syncache.cachelimit', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.syncache.cachelimit': 4, 'net.inet.tcp.syncookies': 0 } })
    listen(t, 80)
    listen(t, 81)
    for (let i = 0; i < 10; i++) synTo(t, { lport: 80 + (i & 1), fport: 100 + i })
    expect(t.vn.state.tcp.syncache.size).toBe(4)
    expect(t.vn.state.tcp.syncacheTable.ports.size).toBe(2)
    expect([...t.vn.state.tcp.syncache.values()].map((sc) => sc.inp.fport)).toEqual([106, 107, 108, 109])
  })

  test('a flooded listener evicts its own, not another\'s; one without any is refused', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.syncache.cachelimit': 4, 'net.inet.tcp.syncookies': 0 } })
    const l = listen(t, 80)
    const quiet = synTo(t, { lport: 80, fport: 1 })
    listen(t, 81)
    for (let i = 0; i < 10; i++) synTo(t, { lport: 81, fport: 100 + i })
    quiet.in('.')
    expect(accept(t, l)).toBeGreaterThan(0)
    synTo(t, { lport: 81, fport: 200 })
    listen(t, 82)
    inject(t, { flags: 'S', seq: 1, dport: 82 })
    expectNone(t)
    expect(t.drops).toEqual(['tcp.listendrop'])
  })

  test('entries leave the chain in any order', () => {
    const t = createTcp()
    const l = listen(t)
    const conns = [1, 2, 3, 4, 5].map((fport) => synTo(t, { fport }))
    for (const i of [2, 0, 4, 1, 3]) conns[i]?.in('R', { seq: 1 })
    expect(t.vn.state.tcp.listeners.get(l)).toMatchObject({ synCount: 0, synOldest: 0, synNewest: 0 })
    expect(t.vn.state.tcp.syncache.size).toBe(0)
  })

  test('a flood of SYNs from many sources leaves nothing behind once the timers have run out', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.syncache.cachelimit': 200, 'net.inet.tcp.syncookies': 0 } })
    const l = listen(t)
    for (let i = 0; i < 5000; i++) {
      inject(t, { flags: 'S', seq: i * 7919, sport: 1024 + i, mss: 1460 })
      run(t, 0.05)
    }
    expect(t.vn.state.tcp.syncache.size).toBe(200)
    expect(t.vn.state.tcp.listeners.get(l)?.synCount).toBe(200)
    runOut(t)
    const { tcp } = t.vn.state
    expect([tcp.syncache.size, tcp.syncacheTable.heads.size, tcp.syncacheTable.ports.size]).toEqual([0, 0, 0])
    expect(tcp.listeners.get(l)).toMatchObject({ synCount: 0, synOldest: 0, synNewest: 0 })
    expect(t.vnet.nextDeadline()).toBe(Infinity)
    t.sent.length = 0
  })
})

describe('the accept queue', () => {
  test('full: SYNs are dropped, and the last ACK of a handshake waits for room (it comes again)', () => {
    const t = createTcp()
    const l = listen(t, 80, 1)
    const a = synTo(t, { fport: 1 })
    const b = synTo(t, { fport: 2 })
    a.in('.')
    b.in('.')
    expect(t.drops).toEqual(['tcp.listendrop'])
    inject(t, { flags: 'S', seq: 1, sport: 3 })
    expectNone(t)
    a.id = accept(t, l)
    expect(a.id).toBeGreaterThan(0)
    expect(accept(t, l)).toBe(-EAGAIN)
    // the peer of b believes in its connection and sends
    b.in('P.', { data: 10 })
    b.id = accept(t, l)
    expect(b.read()).toHaveLength(10)
  })

  test('full, with rst_on_sock_fail: the handshake is reset', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.syncache.rst_on_sock_fail': 1 } })
    listen(t, 80, 1)
    const a = synTo(t, { fport: 1 })
    const b = synTo(t, { fport: 2 })
    a.in('.')
    b.in('.')
    b.out('R', { seq: 1 })
    expect(t.vn.state.tcp.syncache.size).toBe(0)
  })

  test('connections are accepted in the order of their completion', () => {
    const t = createTcp()
    const l = listen(t)
    const conns = [3, 1, 2].map((fport) => synTo(t, { fport }))
    for (const c of conns) c.in('.')
    const ports = conns.map(() => t.vn.state.tcp.tcbs.get(accept(t, l))?.inp.fport)
    expect(ports).toEqual([3, 1, 2])
  })

  test('one reset while it waits is accepted, and tells its error', () => {
    const t = createTcp()
    const l = listen(t)
    const c = synTo(t)
    c.in('.')
    c.in('R', { seq: 1 })
    c.id = accept(t, l)
    expect(c.id).toBeGreaterThan(0)
    expect(c.read()).toBeLessThan(0)
    c.close()
    expect(c.gone).toBe(true)
  })
})

describe('what a half-open connection believes', () => {
  test('PAWS and missing timestamps hold for the last ACK too (RFC 7323 §3.2, §5.3)', () => {
    const t = createTcp()
    const l = listen(t)
    const c = synTo(t, { ts: true })
    c.in('.', { ts: null })
    expect(t.drops).toEqual(['tcp.rcvnots'])
    c.in('.', { ts: [c.stamp()[0] - 100, c.lastTs] })
    c.out('.', { seq: 1, ack: 1 })
    expect(accept(t, l)).toBe(-EAGAIN)
    c.in('.')
    expect(accept(t, l)).toBeGreaterThan(0)
  })

  test('an ACK outside the window of the SYN,ACK is answered with an ACK', () => {
    const t = createTcp()
    const l = listen(t)
    const c = synTo(t)
    c.in('.', { seq: 90_000 })
    c.out('.', { seq: 1, ack: 1 })
    expect(accept(t, l)).toBe(-EAGAIN)
  })

  test('it is listed as SYN_RCVD', () => {
    const t = createTcp()
    listen(t)
    synTo(t)
    expect(tcpList(t.vn).map((x) => x.state)).toEqual(['LISTEN', 'SYN_RCVD'])
  })

  test('a new passive OPEN does not disturb connections (MUST-41)', () => {
    const t = createTcp()
    const c = passive(t)
    listen(t, 81)
    c.in('P.', { data: 5 })
    expect(c.read()).toHaveLength(5)
  })
})
