import { expect, test } from 'vitest'
import { AF_INET } from '../../src/inet/state.ts'
import { SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET } from '../../src/inet/sockopt.ts'
import { createWorld } from '../../src/sim/world.ts'
import { BsdSockets } from '../../src/socket/bsd.ts'
import { cleanAfterEach } from '../support/plain.ts'

const watch = cleanAfterEach()

test('a server that is restarted with SO_REUSEADDR listens while its old connections are still open', () => {
  const world = watch(createWorld({ seed: 1 }))
  const [a, b] = [world.addVnet('a'), world.addVnet('b')]
  world.cable(a.addPort({ address: '10.1.0.1/24' }), b.addPort({ address: '10.1.0.2/24' }))
  const [sa, sb] = [new BsdSockets(a), new BsdSockets(b)]
  const bound = (reuse: number): number => {
    const fd = sb.socket(AF_INET, SOCK_STREAM)
    sb.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, reuse)
    sb.bind(fd, '0.0.0.0', 80)
    return fd
  }
  const first = bound(1)
  sb.listen(first)
  const client = sa.socket(AF_INET, SOCK_STREAM)
  expect(() => sa.connect(client, '10.1.0.2', 80)).toThrow('EINPROGRESS')
  world.runFor(100_000)
  const child = sb.accept(first)
  sb.close(first)

  const second = bound(1)
  sb.listen(second)
  // and it shares its port with nobody
  expect(() => bound(1)).toThrow('EADDRINUSE')
  expect(() => bound(0)).toThrow('EADDRINUSE')
  for (const fd of [child, second]) sb.close(fd)
  sa.close(client)
  world.runFor(100_000)
})

test('of two sockets bound to one port with SO_REUSEADDR only one can listen', () => {
  const world = watch(createWorld({ seed: 1 }))
  const sockets = new BsdSockets(world.addVnet('a'))
  const [one, two] = [1, 2].map(() => {
    const fd = sockets.socket(AF_INET, SOCK_STREAM)
    sockets.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1)
    sockets.bind(fd, '0.0.0.0', 80)
    return fd
  }) as [number, number]
  sockets.listen(one)
  expect(() => { sockets.listen(two) }).toThrow('EADDRINUSE')
  world.runFor(1)
})
