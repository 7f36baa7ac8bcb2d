import { expect, test } from 'vitest'
import { AF_INET } from '../../src/inet/state.ts'
import { SOCK_DGRAM, SOCK_STREAM } from '../../src/inet/sockopt.ts'
import { EBADF } from '../../src/lib/errno.ts'
import { createWorld } from '../../src/sim/world.ts'
import { BsdSockets } from '../../src/socket/bsd.ts'
import { soAbort, soClose, soList } from '../../src/vnet/so.ts'
import { cleanAfterEach } from '../support/plain.ts'

const watch = cleanAfterEach()

test('open sockets are listed; those not yet accepted and those closed are nobody\'s, and cannot be closed', () => {
  const world = watch(createWorld({ seed: 1 }))
  const [a, b] = [world.addVnet('a'), world.addVnet('b')]
  const cable = world.cable(a.addPort({ address: '10.1.0.1/24' }), b.addPort({ address: '10.1.0.2/24' }))
  const [sa, sb] = [new BsdSockets(a), new BsdSockets(b)]
  const udp = sb.socket(AF_INET, SOCK_DGRAM)
  const listener = sb.socket(AF_INET, SOCK_STREAM)
  sb.bind(listener, '0.0.0.0', 80)
  sb.listen(listener)
  const client = sa.socket(AF_INET, SOCK_STREAM)
  expect(() => { sa.connect(client, '10.1.0.2', 80) }).toThrow('EINPROGRESS')
  world.runFor(100_000)

  const waiting = [...b.vnet.state.tcp.tcbs.keys()].filter((id) => id !== listener)[0]
  expect(soList(b.vnet)).toEqual([listener, udp])
  for (const end of [soClose, soAbort]) expect(end(b.vnet, b.now(), waiting)).toBe(EBADF)
  expect(sb.accept(listener)).toBe(waiting)
  expect(soList(b.vnet)).toEqual([listener, waiting, udp])

  cable.close()
  sb.close(waiting)
  expect(b.vnet.state.tcp.tcbs.has(waiting)).toBe(true)
  expect(soList(b.vnet)).toEqual([listener, udp])
  for (const fd of [udp, listener]) sb.close(fd)
  sa.close(client)
  world.runFor(1)
})
