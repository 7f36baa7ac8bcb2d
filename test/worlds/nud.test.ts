/** A neighbour that is replaced by another machine of the same address (RFC 4861 §7.3.3). */

import { expect, test } from 'vitest'
import { ndFind } from '../../src/nd/table.ts'
import { createWorld } from '../../src/sim/world.ts'
import { address, startUdp } from '../sim/apps.ts'
import { AF_INET6 } from '../../src/inet/state.ts'
import { cleanAfterEach } from '../support/plain.ts'

const watch = cleanAfterEach()
const [A, B] = ['2001:db8::1', '2001:db8::2']

test('another machine takes over an address in silence: after DELAY and three unanswered probes it is asked for anew, and found', () => {
  const world = watch(createWorld({ seed: 5 }))
  const sw = world.addSwitch()
  const [a, before, after] = ['a', 'before', 'after'].map((name) => world.addVnet(name))
  const [pa, pb, pc] = [a, before, after].map((host) => host.addPort())
  for (const port of [pa, pb]) world.cable(port, sw)
  pa.addAddress(`${A}/64`)
  pb.addAddress(`${B}/64`)
  const servers = [before, after].map((host) => startUdp(host, 7, AF_INET6))
  const client = startUdp(a, 4000, AF_INET6)
  const tick = (): void => {
    client.send(B, 7, Uint8Array.of(1))
    if (world.now() < 100e6) world.at(world.now() + 1e6, tick)
  }
  world.at(5e6, tick)
  world.run({ untilUs: 20e6 })
  const entry = () => ndFind(a.vnet.vn, pa.ifId, address(B))
  expect([entry()?.mac, a.vnet.state.nd.stats.timeouts]).toEqual([pb.mac, 0])
  const heard = servers[0].got.length
  expect(heard).toBeGreaterThan(10)
  before.unbind(pb.ifId)
  // its address is given before its cable is plugged in: nobody hears of it
  pc.addAddress(`${B}/64`)
  world.runFor(1e6)
  world.cable(pc, sw)
  world.run({ untilUs: 110e6 })
  // §10: at most 45 s REACHABLE, 5 s DELAY, three probes a second apart
  expect([entry()?.mac, a.vnet.state.nd.stats.timeouts]).toEqual([pc.mac, 1])
  expect(servers[0].got.length).toBe(heard)
  expect(servers[1].got.length).toBeGreaterThanOrEqual(100 - 21 - 45 - 5 - 3 - 1)
})
