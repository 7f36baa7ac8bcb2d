import { describe, expect, test } from 'vitest'
import {
  MSG_PEEK, SHUT_WR, SOCK_STREAM, SOL_SOCKET, SOL_TCP, SO_ERROR, SO_LINGER, SO_OOBINLINE, SO_RCVBUF, SO_REUSEADDR,
  SO_SNDBUF, TCP_CORK, TCP_KEEPCNT, TCP_KEEPINTVL, TCP_MAXSEG, TCP_USER_TIMEOUT,
} from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { EV_ACCEPT, EV_ERROR, EV_GONE, EV_READ, EV_WRITE } from '../../src/kern/vn.ts'
import { createAddr } from '../../src/lib/addr.ts'
import {
  EADDRINUSE, EADDRNOTAVAIL, EAGAIN, EALREADY, EBADF, ECONNREFUSED, EINVAL, EISCONN, ENETUNREACH, ENOPROTOOPT, ENOTCONN,
  EOPNOTSUPP,
} from '../../src/lib/errno.ts'
import { tcpInfo, tcpList } from '../../src/tcp/info.ts'
import {
  soAccept, soBind, soClose, soConnect, soCreate, soGetOpt, soListen, soReady, soRecv, soSend, soSetOpt, soShutdown,
} from '../../src/vnet/so.ts'
import {
  ME, PEER, accept, active, addr, connecting, createTcp, expectSeg, inject, listen, passive, pattern, settle, synTo,
} from './harness.ts'
import type { Tcp } from './harness.ts'

function socket(t: Tcp): number {
  return soCreate(t.vnet, t.now, AF_INET, SOCK_STREAM, 0)
}

const FROM = { addr: createAddr(), port: 0, truncated: false }

describe('OPEN (RFC 9293 §3.9.1.1, §3.10.1)', () => {
  test('two listeners on one port with different local addresses (MUST-42); the more exact one serves', () => {
    const t = createTcp()
    const any = socket(t)
    const mine = socket(t)
    for (const id of [any, mine]) soSetOpt(t.vnet, t.now, id, SOL_SOCKET, SO_REUSEADDR, 1)
    expect(soBind(t.vnet, t.now, mine, ME, 80)).toBe(0)
    expect(soBind(t.vnet, t.now, any, addr('127.0.0.1'), 80)).toBe(0)
    expect(soListen(t.vnet, t.now, mine, 5)).toBe(0)
    expect(soListen(t.vnet, t.now, any, 5)).toBe(0)
    synTo(t).in('.')
    expect(accept(t, any)).toBe(-EAGAIN)
    expect(accept(t, mine)).toBeGreaterThan(0)
  })

  test('a second listener on the same address and port is refused', () => {
    const t = createTcp()
    listen(t)
    const id = socket(t)
    expect(soBind(t.vnet, t.now, id, createAddr(), 80)).toBe(EADDRINUSE)
    const other = socket(t)
    expect(soListen(t.vnet, t.now, other, 5)).toBe(0)
    expect(t.vn.state.tcp.tcbs.get(other)?.inp.lport).toBeGreaterThanOrEqual(10_000)
  })

  test('active OPEN takes the local address of the route (MUST-44), or the bound one (MUST-43)', () => {
    const t = createTcp()
    const c = connecting(t)
    expect(c.tcb.inp.laddr).toEqual(ME)
    const id = socket(t)
    expect(soBind(t.vnet, t.now, id, ME, 5555)).toBe(0)
    soConnect(t.vnet, t.now, id, PEER, 8081)
    settle(t)
    expectSeg(t, { sport: 5555, src: ME })
  })

  test('to a broadcast or multicast address: refused (MUST-46); to port 0 and without route as well', () => {
    const t = createTcp()
    for (const a of ['255.255.255.255', '224.0.0.5']) {
      expect(soConnect(t.vnet, t.now, socket(t), addr(a), 80)).toBe(ENETUNREACH)
    }
    expect(soConnect(t.vnet, t.now, socket(t), PEER, 0)).toBe(EADDRNOTAVAIL)
    expect(soConnect(t.vnet, t.now, socket(t), addr('192.0.2.1'), 80)).toBe(ENETUNREACH)
    expect(t.vn.state.tcp.table.heads.size).toBe(0)
  })

  test('again while opening, when open, on a listener, after the end', () => {
    const t = createTcp()
    const c = connecting(t)
    expect(soConnect(t.vnet, t.now, c.id, PEER, 1)).toBe(EALREADY)
    c.in('S.', { seq: 0, ack: 1 })
    expect(soConnect(t.vnet, t.now, c.id, PEER, 1)).toBe(EISCONN)
    expect(soConnect(t.vnet, t.now, listen(t), PEER, 1)).toBe(EOPNOTSUPP)
    t.sent.length = 0
    const d = connecting(t, { fport: 2 })
    d.in('R.', { seq: 0, ack: 1 })
    expect(soConnect(t.vnet, t.now, d.id, PEER, 1)).toBe(ECONNREFUSED)
    expect(soConnect(t.vnet, t.now, d.id, PEER, 1)).toBe(EISCONN)
    t.sent.length = 0
  })

  test('connections to this host itself work over the loopback interface', () => {
    const t = createTcp()
    const l = listen(t, 7)
    const id = socket(t)
    soConnect(t.vnet, t.now, id, ME, 7)
    t.vnet.advance(t.now)
    settle(t)
    const child = accept(t, l)
    expect(child).toBeGreaterThan(0)
    expect(soSend(t.vnet, t.now, id, pattern(0, 100), 0, 100, 0)).toBe(100)
    t.vnet.advance(t.now)
    const buf = new Uint8Array(200)
    expect(soRecv(t.vnet, t.now, child, buf, 0, 200, 0, FROM)).toBe(100)
    expect(t.sent).toEqual([])
  })
})

describe('calls on sockets in the wrong state', () => {
  test('ids that do not exist: EBADF', () => {
    const t = createTcp()
    const buf = new Uint8Array(1)
    expect(soBind(t.vnet, 0, 400, ME, 1)).toBe(EBADF)
    expect(soListen(t.vnet, 0, 400, 1)).toBe(EBADF)
    expect(soAccept(t.vnet, 0, 400)).toBe(-EBADF)
    expect(soConnect(t.vnet, 0, 400, PEER, 1)).toBe(EBADF)
    expect(soSend(t.vnet, 0, 400, buf, 0, 1, 0)).toBe(-EBADF)
    expect(soRecv(t.vnet, 0, 400, buf, 0, 1, 0, FROM)).toBe(-EBADF)
    expect(soShutdown(t.vnet, 0, 400, SHUT_WR)).toBe(EBADF)
    expect(soSetOpt(t.vnet, 0, 400, SOL_TCP, TCP_CORK, 1)).toBe(EBADF)
    expect(soGetOpt(t.vnet, 0, 400, SOL_TCP, TCP_CORK)).toBe(-EBADF)
    expect(soReady(t.vnet, 400)).toBe(EV_GONE)
    expect(tcpInfo(t.vn, 400)).toBe(null)
  })

  test('CLOSED: SEND and RECEIVE without a connection', () => {
    const t = createTcp()
    const id = socket(t)
    const buf = new Uint8Array(1)
    expect(soSend(t.vnet, 0, id, buf, 0, 1, 0)).toBe(-ENOTCONN)
    expect(soRecv(t.vnet, 0, id, buf, 0, 1, 0, FROM)).toBe(-ENOTCONN)
    expect(soShutdown(t.vnet, 0, id, SHUT_WR)).toBe(ENOTCONN)
    expect(soAccept(t.vnet, 0, id)).toBe(-EINVAL)
    expect(soReady(t.vnet, id)).toBe(0)
    expect(soClose(t.vnet, 0, id)).toBe(0)
    settle(t)
    expect(t.events.get(id)).toBe(EV_GONE)
    expect(t.vn.state.tcp.orphans).toBe(0)
  })

  test('LISTEN: no data, a new backlog is taken', () => {
    const t = createTcp()
    const l = listen(t)
    const buf = new Uint8Array(1)
    expect(soSend(t.vnet, 0, l, buf, 0, 1, 0)).toBe(-ENOTCONN)
    expect(soRecv(t.vnet, 0, l, buf, 0, 1, 0, FROM)).toBe(-ENOTCONN)
    expect(soListen(t.vnet, 0, l, 77)).toBe(0)
    expect(t.vn.state.tcp.listeners.get(l)?.backlog).toBe(77)
    expect(soListen(t.vnet, 0, l, -1)).toBe(0)
    expect(t.vn.state.tcp.listeners.get(l)?.backlog).toBe(4096)
    expect(soBind(t.vnet, 0, l, ME, 99)).toBe(EINVAL)
    expect(soListen(t.vnet, 0, active(t).id, 1)).toBe(EINVAL)
  })
})

describe('readiness', () => {
  test('follows the state', () => {
    const t = createTcp({ sysctls: { 'net.inet.tcp.sendspace': 2000 } })
    const l = listen(t)
    expect(soReady(t.vnet, l)).toBe(0)
    const s = synTo(t)
    s.in('.')
    expect(soReady(t.vnet, l)).toBe(EV_ACCEPT)
    s.id = accept(t, l)
    expect(soReady(t.vnet, l)).toBe(0)
    expect(soReady(t.vnet, s.id)).toBe(EV_WRITE)
    s.in('.', { data: 10 })
    expect(soReady(t.vnet, s.id)).toBe(EV_READ | EV_WRITE)
    s.write(2000)
    expect(soReady(t.vnet, s.id)).toBe(EV_READ)
    s.read()
    expect(soReady(t.vnet, s.id)).toBe(0)
    s.in('F.', { seq: 11, ack: 2001 })
    expect(soReady(t.vnet, s.id)).toBe(EV_READ | EV_WRITE)
    t.sent.length = 0
    const c = connecting(t)
    expect(soReady(t.vnet, c.id)).toBe(0)
    c.in('R.', { seq: 0, ack: 1 })
    expect(soReady(t.vnet, c.id)).toBe(EV_READ | EV_WRITE | EV_ERROR)
    expect(soGetOpt(t.vnet, t.now, c.id, SOL_SOCKET, SO_ERROR)).toBe(ECONNREFUSED)
    expect(soReady(t.vnet, c.id)).toBe(EV_READ | EV_WRITE)
    t.sent.length = 0
  })
})

describe('RECEIVE', () => {
  test('MSG_PEEK leaves the data; reading 0 bytes is not the end', () => {
    const t = createTcp()
    const c = passive(t)
    c.in('P.', { data: 10 })
    expect(c.read(4, MSG_PEEK)).toEqual(pattern(0, 4))
    expect(c.read(0)).toEqual(new Uint8Array(0))
    expect(c.read()).toEqual(pattern(0, 10))
    expect(c.read()).toBe(-EAGAIN)
    t.sent.length = 0
  })
})

describe('options', () => {
  test('are kept, checked, and inherited from the listener', () => {
    const t = createTcp()
    const l = listen(t)
    for (const [level, name, value] of [
      [SOL_TCP, TCP_MAXSEG, 500], [SOL_TCP, TCP_KEEPINTVL, 7], [SOL_TCP, TCP_KEEPCNT, 3],
      [SOL_TCP, TCP_USER_TIMEOUT, 9000], [SOL_TCP, TCP_CORK, 1], [SOL_SOCKET, SO_LINGER, 5],
      [SOL_SOCKET, SO_SNDBUF, 5000], [SOL_SOCKET, SO_RCVBUF, 6000],
    ] as const) {
      expect(soSetOpt(t.vnet, 0, l, level, name, value)).toBe(0)
      expect(soGetOpt(t.vnet, 0, l, level, name)).toBe(value)
    }
    const c = passive(t, {}, l)
    expect(c.tcb).toMatchObject({
      keepIntvlMs: 7000, keepCnt: 3, userTimeoutMs: 9000, linger: 5, sndLimit: 5000, rcvLimit: 6000, mss: 500,
    })
    expect(soSetOpt(t.vnet, 0, c.id, SOL_TCP, TCP_MAXSEG, 600)).toBe(EISCONN)
  })

  test('values out of range and unknown names are refused', () => {
    const t = createTcp()
    const id = socket(t)
    for (const [level, name, value, errno] of [
      [SOL_TCP, TCP_MAXSEG, 10, EINVAL], [SOL_TCP, TCP_KEEPCNT, 0, EINVAL], [SOL_TCP, TCP_KEEPINTVL, -1, EINVAL],
      [SOL_TCP, TCP_USER_TIMEOUT, -1, EINVAL], [SOL_SOCKET, SO_SNDBUF, 0, EINVAL], [SOL_SOCKET, SO_LINGER, -2, EINVAL],
      [SOL_TCP, 999, 1, ENOPROTOOPT], [SOL_SOCKET, 999, 1, ENOPROTOOPT], [SOL_SOCKET, SO_OOBINLINE, 0, 0],
      [SOL_SOCKET, SO_OOBINLINE, 1, 0],
    ] as const) expect(soSetOpt(t.vnet, 0, id, level, name, value), `${level} ${name}`).toBe(errno)
    expect(soGetOpt(t.vnet, 0, id, SOL_TCP, 999)).toBe(-ENOPROTOOPT)
    expect(soSetOpt(t.vnet, 0, id, SOL_TCP, TCP_KEEPCNT, Number.NaN)).toBe(EINVAL)
  })
})

describe('STATUS (RFC 9293 §3.10.6)', () => {
  test('lists and describes connections', () => {
    const t = createTcp()
    const c = passive(t, { ws: 3, ts: true })
    c.write(5)
    c.in('.', { ack: 1, data: 7 })
    expect(tcpList(t.vn)).toMatchObject([
      { state: 'LISTEN', lport: 80, fport: 0 },
      { id: c.id, state: 'ESTABLISHED', lport: 80, fport: 40000, recvQ: 7, sendQ: 5 },
    ])
    expect(tcpInfo(t.vn, c.id)).toMatchObject({
      state: 'ESTABLISHED', flight: 5, unsent: 0, sndWscale: 3, rcvWscale: 6, sndMss: 1448, urgentLeft: 0, softError: 0,
    })
    t.sent.length = 0
  })
})

test('a SYN to a listener bound to another address finds nobody', () => {
  const t = createTcp()
  listen(t, 80, 5, addr('127.0.0.1'))
  inject(t, { flags: 'S', seq: 1 })
  expectSeg(t, { flags: 'R.' })
})
