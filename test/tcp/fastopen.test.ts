/** TCP Fast Open (RFC 7413): cookies as they are made and checked, two Vnets, and the client's bounded cache. */

import { describe, expect, test } from 'vitest'
import { SOCK_STREAM, SOL_TCP, TCP_FASTOPEN } from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { EINPROGRESS } from '../../src/lib/errno.ts'
import { soCreate, soFastConnect, soSetOpt } from '../../src/vnet/so.ts'
import { TOF_FASTOPEN, createTcpOptions, tcpParseOptions } from '../../src/wire/tcp-options.ts'
import type { TcpOptions } from '../../src/wire/tcp-options.ts'
import { viewOf } from '../../src/wire/layout.ts'
import { PEER, accept, addr, createTcp, expectNone, inject, listen, pattern, run, take } from './harness.ts'
import type { Sent, Tcp } from './harness.ts'
import { sysctlSet } from '../../src/vnet/sysctl.ts'

const REQUEST = [34, 2, 1, 1]

function server(sysctls: Record<string, number> = {}): { t: Tcp; l: number } {
  const t = createTcp({ sysctls })
  const l = listen(t)
  expect(soSetOpt(t.vnet, t.now, l, SOL_TCP, TCP_FASTOPEN, 10)).toBe(0)
  return { t, l }
}

function optionsOf(s: Sent): TcpOptions {
  const o = createTcpOptions()
  tcpParseOptions(viewOf(s.optionBytes), 0, s.optionBytes.length, o)
  return o
}

/** The cookie that the server gives, as the octets of an option. */
function cookieFor(t: Tcp, src = PEER, sport = 1): number[] {
  inject(t, { flags: 'S', seq: 1, sport, src, rawOptions: REQUEST })
  const s = take(t)
  const o = optionsOf(s)
  expect(o.fastLen).toBe(8)
  const bytes = new DataView(new ArrayBuffer(8))
  bytes.setInt32(0, o.fast[0])
  bytes.setInt32(4, o.fast[1])
  inject(t, { flags: 'R', seq: 2, sport, src })
  return [34, 10, ...new Uint8Array(bytes.buffer), 1, 1]
}

/** How much of a SYN's ten octets is acknowledged. */
function offer(t: Tcp, cookie: number[], sport: number, src = PEER): { taken: number; cookie: boolean } {
  t.sent.length = 0
  inject(t, { flags: 'S', seq: 1000, sport, src, data: pattern(0, 10), rawOptions: cookie })
  const s = take(t)
  expect(s.flags).toBe('S.')
  return { taken: s.ack - 1001, cookie: optionsOf(s).fastLen > 0 }
}

describe('cookies of a server (RFC 7413 §4.1.2)', () => {
  test('a cookie opens connections from its address only', () => {
    const { t, l } = server()
    const cookie = cookieFor(t)
    expect(offer(t, cookie, 2)).toEqual({ taken: 10, cookie: false })
    expect(offer(t, cookie, 3, addr('10.0.0.3'))).toEqual({ taken: 0, cookie: true })
    expect(offer(t, cookieFor(t, addr('10.0.0.3')), 4, addr('10.0.0.3'))).toEqual({ taken: 10, cookie: false })
    expect(accept(t, l)).toBeGreaterThan(0)
    expect(t.vn.state.tcp.stats).toMatchObject({ fastopenPassive: 2, fastopenBadcookie: 1, fastopenReq: 2 })
  })

  test('any bit of it counts, and so does its length', () => {
    const { t } = server()
    const cookie = cookieFor(t)
    for (let bit = 0; bit < 64; bit++) {
      const forged = [...cookie]
      forged[2 + (bit >> 3)] ^= 1 << (bit & 7)
      expect(offer(t, forged, 100 + bit), `bit ${bit}`).toEqual({ taken: 0, cookie: true })
    }
    expect(offer(t, [34, 6, ...cookie.slice(2, 6), 1, 1], 90)).toEqual({ taken: 0, cookie: true })
  })

  test('property 5: keys change; the one before is good once more and the client gets a new cookie', () => {
    const { t } = server({ 'net.inet.tcp.fastopen.autokey': 100 })
    const cookie = cookieFor(t)
    run(t, 101_000)
    expect(offer(t, cookie, 2)).toEqual({ taken: 10, cookie: true })
    run(t, 101_000)
    expect(offer(t, cookie, 3)).toEqual({ taken: 0, cookie: true })
    const next = cookieFor(t)
    run(t, 1000_000)
    expect(offer(t, next, 4)).toEqual({ taken: 0, cookie: true })
    t.sent.length = 0
  })

  test('autokey 0: for ever', () => {
    const { t } = server({ 'net.inet.tcp.fastopen.autokey': 0 })
    const cookie = cookieFor(t)
    run(t, 10_000_000)
    expect(offer(t, cookie, 2)).toEqual({ taken: 10, cookie: false })
  })

  test('connections that are opened and never completed leave nothing behind', () => {
    const { t, l } = server()
    const cookie = cookieFor(t)
    for (let i = 0; i < 30; i++) offer(t, cookie, 100 + i)
    const listener = t.vn.state.tcp.listeners.get(l)
    expect(listener?.fastPending).toBe(10)
    expect(t.vn.state.tcp.stats.fastopenOverflow).toBe(20)
    run(t, 120_000)
    expect(listener?.fastPending).toBe(0)
    expect(t.vn.state.tcp.syncache.size).toBe(0)
    t.sent.length = 0
  })
})

describe('cookies of a client (RFC 7413 §4.1.3)', () => {
  /** Asks `port` of the peer for a cookie; its SYN's options. */
  function ask(t: Tcp, port: number): TcpOptions {
    const id = soCreate(t.vnet, t.now, AF_INET, SOCK_STREAM, 0)
    const n = soFastConnect(t.vnet, t.now, id, pattern(0, 10), 0, 10, PEER, port)
    run(t, 0)
    const syn = take(t)
    const o = optionsOf(syn)
    expect(n).toBe(o.fastLen > 0 ? 10 : -EINPROGRESS)
    expect(syn.len).toBe(o.fastLen > 0 ? 10 : 0)
    inject(t, {
      flags: 'S.', seq: 1, ack: syn.seq + 1 + syn.len | 0, sport: port, dport: syn.sport,
      rawOptions: [2, 4, 5, 180, 34, 6, port >> 8, port & 255, 7, 7, 1, 1],
    })
    t.sent.length = 0
    return o
  }

  test('the cache is bounded: the path not used for longest goes', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.fastopen.ccache_limit': 4 } })
    for (let port = 1; port <= 4; port++) ask(t, port)
    expect(ask(t, 1).fastLen).toBe(4)
    ask(t, 5)
    expect(t.vn.state.tcp.fast.paths.map((p) => p.fport)).toEqual([3, 4, 1, 5])
    expect(ask(t, 2).fastLen).toBe(0)
    expect(sysctlSet(t.vnet.state, 'net.inet.tcp.fastopen.ccache_limit', '2')).toBe(0)
    ask(t, 9)
    expect(t.vn.state.tcp.fast.paths).toHaveLength(2)
  })

  test('a cookie is forgotten after a day without use', () => {
    const t = createTcp()
    ask(t, 1)
    run(t, 86_400_000)
    t.sent.length = 0
    expect(ask(t, 1).fastLen).toBe(0)
  })

  test('a server that never answers a SYN with data is remembered (§4.1.3.1)', () => {
    const t = createTcp()
    ask(t, 1)
    const id = soCreate(t.vnet, t.now, AF_INET, SOCK_STREAM, 0)
    expect(soFastConnect(t.vnet, t.now, id, pattern(0, 10), 0, 10, PEER, 1)).toBe(10)
    run(t, 300_000)
    t.sent.length = 0
    expect(t.vn.state.tcp.stats.fastopenBlocked).toBe(1)
    const again = soCreate(t.vnet, t.now, AF_INET, SOCK_STREAM, 0)
    expect(soFastConnect(t.vnet, t.now, again, pattern(0, 10), 0, 10, PEER, 1)).toBe(-EINPROGRESS)
    run(t, 0)
    expect(optionsOf(take(t)).flags & TOF_FASTOPEN).toBe(0)
    expectNone(t)
  })
})
