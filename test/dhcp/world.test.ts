import { expect, it } from 'vitest'
import { dhcpStart } from '../../src/dhcp/client.ts'
import { ip4Print } from '../../src/lib/addr.ts'
import { createWorld } from '../../src/sim/world.ts'
import type { World } from '../../src/sim/world.ts'
import { assertWorldClean } from '../support/plain.ts'
import { startServer } from './server.ts'
import type { TestServer } from './server.ts'

const S = 1_000_000

/** A server and `n` clients on a switch over bad cables. */
function lan(n: number, lossRate: number): { world: World; server: TestServer } {
  const world = createWorld()
  const bridge = world.addSwitch('sw')
  const host = world.addVnet('server')
  world.cable(host.addPort({ address: '10.0.0.1/24' }), bridge)
  const server = startServer(host, '10.0.0.1', 300)
  for (let i = 0; i < n; i++) {
    const vnet = world.addVnet(`c${i}`)
    const port = vnet.addPort()
    world.cable(port, bridge, { lossRate, duplicateRate: lossRate, delayUs: 500 })
    dhcpStart(vnet.vnet.vn, port.ifId, `c${i}`)
    vnet.kick()
  }
  return { world, server }
}

it('50 hosts on one link all get an address of their own through loss, and keep it over renewals', () => {
  const { world, server } = lan(50, 0.05)
  world.runFor(200 * S)
  const clients = world.hosts.slice(1)
  const state = (): string[] => clients.flatMap(({ vnet }) =>
    [...vnet.state.dhcp.clients.values()].filter((c) => c.lease.addr !== 0).map((c) => ip4Print(c.lease.addr)))
  const first = state()
  expect(new Set(first).size).toBe(50)
  world.runFor(1500 * S)
  expect(state()).toEqual(first)
  expect(server.requests).toBeGreaterThan(300)
  expect(clients.every(({ vnet }) => vnet.state.dhcp.stats.conflicts === 0)).toBe(true)
  assertWorldClean(world)
})
