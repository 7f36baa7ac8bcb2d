import { afterEach, beforeEach, expect, test } from 'vitest'
import { AF_INET } from '../../src/inet/state.ts'
import { SHUT_WR, SO_ERROR, SO_RCVBUF, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET, SOL_TCP, TCP_CONGESTION } from '../../src/inet/sockopt.ts'
import { createWorld } from '../../src/sim/world.ts'
import type { SimHost } from '../../src/sim/host.ts'
import type { World } from '../../src/sim/world.ts'
import { BsdSockets, EV_ACCEPT, EV_CONNECT, EV_READ, EV_WRITE } from '../../src/socket/bsd.ts'

let world: World
let a: SimHost
let b: SimHost
let sa: BsdSockets
let sb: BsdSockets
beforeEach(() => {
  world = createWorld({ seed: 1 })
  a = world.addVnet('a')
  b = world.addVnet('b')
  world.cable(a.addPort({ address: '10.1.0.1/24' }), b.addPort({ address: '10.1.0.2/24' }))
  sa = new BsdSockets(a)
  sb = new BsdSockets(b)
})
afterEach(() => {
  settle()
  world.assertIdle()
})

/** Runs the world until what is in flight has arrived. */
function settle(): void {
  world.run({ untilUs: world.now() + 100_000 })
}

function code(fn: () => unknown): string {
  try {
    fn()
  } catch (error) {
    return (error as { code: string }).code
  }
  return 'no error'
}

test('a stream by the calls: listen, connect, accept, send, recv, shutdown, end of stream, close', () => {
  const server = sb.socket(AF_INET, SOCK_STREAM)
  sb.bind(server, '0.0.0.0', 80)
  sb.listen(server)
  expect(code(() => sb.accept(server))).toBe('EAGAIN')

  const client = sa.socket(AF_INET, SOCK_STREAM)
  const seen: number[] = []
  sa.onReady(client, (what) => seen.push(what))
  expect(code(() => sa.connect(client, '10.1.0.2', 80))).toBe('EINPROGRESS')
  settle()
  expect(seen.some((what) => (what & (EV_CONNECT | EV_WRITE)) !== 0)).toBe(true)
  expect(sb.ready(server)).toBe(EV_ACCEPT)
  const child = sb.accept(server)
  expect(sb.getpeername(child)).toEqual(sa.getsockname(client))
  expect(sa.getpeername(client)).toEqual({ address: '10.1.0.2', port: 80 })

  const buf = new Uint8Array(16)
  expect(code(() => sb.recv(child, buf))).toBe('EAGAIN')
  expect(sa.send(client, Buffer.from('hello'))).toBe(5)
  settle()
  expect(sb.ready(child) & EV_READ).toBe(EV_READ)
  expect(sb.recv(child, buf)).toBe(5)
  sa.shutdown(client, SHUT_WR)
  settle()
  expect(sb.recv(child, buf)).toBe(0)
  expect(code(() => sa.send(client, buf))).toBe('EPIPE')
  sb.close(child)
  sa.close(client)
  sb.close(server)
  settle()
  expect(code(() => sa.recv(client, buf))).toBe('EBADF')
  expect(a.vnet.state.tcp.tcbs.size).toBe(0)
  expect(b.vnet.state.tcp.tcbs.size).toBe(0)
})

test('a refused connection is told by SO_ERROR once', () => {
  const client = sa.socket(AF_INET, SOCK_STREAM)
  expect(code(() => sa.connect(client, '10.1.0.2', 80))).toBe('EINPROGRESS')
  expect(code(() => sa.connect(client, '10.1.0.2', 80))).toBe('EALREADY')
  settle()
  expect(sa.getsockopt(client, SOL_SOCKET, SO_ERROR)).toBe(111)
  expect(sa.getsockopt(client, SOL_SOCKET, SO_ERROR)).toBe(0)
  sa.close(client)
})

test('datagrams: sendto, recvfrom with sender, truncation, SO_RCVBUF', () => {
  const server = sb.socket(AF_INET, SOCK_DGRAM)
  sb.bind(server, '10.1.0.2', 53)
  sb.setsockopt(server, SOL_SOCKET, SO_RCVBUF, 4096)
  expect(sb.getsockopt(server, SOL_SOCKET, SO_RCVBUF)).toBeGreaterThanOrEqual(4096)
  const client = sa.socket(AF_INET, SOCK_DGRAM)
  sa.sendto(client, Buffer.from('datagram'), '10.1.0.2', 53)
  settle()
  const buf = new Uint8Array(4)
  const got = sb.recvfrom(server, buf)
  expect(got).toEqual({ bytes: 4, truncated: true, address: '10.1.0.1', port: sa.getsockname(client).port })
  expect(Buffer.from(buf).toString()).toBe('data')
})

test('bad descriptors and addresses', () => {
  expect(code(() => sa.listen(4444))).toBe('EBADF')
  const fd = sa.socket(AF_INET, SOCK_STREAM)
  expect(code(() => sa.bind(fd, 'x', 1))).toBe('EINVAL')
  expect(code(() => sa.bind(fd, '10.9.9.9', 1))).toBe('EADDRNOTAVAIL')
  expect(code(() => sa.getpeername(fd))).toBe('ENOTCONN')
  expect(code(() => sa.socket(99, SOCK_STREAM))).toBe('EAFNOSUPPORT')
  expect(code(() => sa.socket(AF_INET, 99))).toBe('EPROTONOSUPPORT')
})

test('congestion control is chosen by name (TCP_CONGESTION); an unknown one is ENOENT', () => {
  const fd = sa.socket(AF_INET, SOCK_STREAM)
  sa.setsockopt(fd, SOL_TCP, TCP_CONGESTION, 'newreno')
  expect(sa.getCongestion(fd)).toBe('newreno')
  expect(code(() => { sa.setsockopt(fd, SOL_TCP, TCP_CONGESTION, 'vegas') })).toBe('ENOENT')
  expect(code(() => { sa.setsockopt(fd, SOL_TCP, TCP_CONGESTION, 99) })).toBe('ENOENT')
  expect(sa.getCongestion(fd)).toBe('newreno')
  sa.close(fd)
})
