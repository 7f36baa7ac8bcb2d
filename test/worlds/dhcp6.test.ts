/** Ten DHCPv6 clients on one link: renewed, rebound by another server, without any, and back (RFC 8415 §18.2). */

import { expect, test } from 'vitest'
import { dhcp6Start } from '../../src/dhcp6/client.ts'
import { DHCP6S_SOLICITING, DHCP6_ADDRESSES } from '../../src/dhcp6/state.ts'
import { ip6Addrs } from '../../src/ip6/ifaddr.ts'
import { addrPrint } from '../../src/lib/addr.ts'
import { createWorld } from '../../src/sim/world.ts'
import { startServer6 } from '../dhcp6/server.ts'
import { cleanAfterEach } from '../support/plain.ts'

const watch = cleanAfterEach()
const S = 1_000_000
const [REQUEST, RENEW, REBIND] = [3, 5, 6]
const TIMES = { renew: 100, rebind: 160, preferred: 180, valid: 200 }

test('10 clients through loss: leases renewed, rebound by another server, run out without one, got again', () => {
  const world = watch(createWorld({ seed: 6 }))
  const link = world.addSwitch()
  const leases = new Map<string, number>()
  const [first, second] = ['first', 'second'].map((name) => world.addVnet(name))
  const ports = [first, second].map((host, i) => {
    const port = host.addPort()
    world.cable(port, link)
    port.addAddress(`2001:db8:1::ff0${i + 1}/64`)
    return port
  })
  world.runFor(5 * S)
  const server = startServer6(first, ports[0].ifId, 1, leases, TIMES)
  const clients = Array.from({ length: 10 }, (_, i) => {
    const host = world.addVnet(`c${i}`)
    const port = host.addPort()
    world.cable(port, link, { lossRate: 0.02, delayUs: 500 })
    expect(dhcp6Start(host.vnet.vn, port.ifId, DHCP6_ADDRESSES)).toBe(0)
    host.kick()
    return { host, ifId: port.ifId }
  })
  const held = (): string[] => clients.flatMap(({ host, ifId }) =>
    ip6Addrs(host.vnet.vn, ifId).map((ia) => addrPrint(ia.addr)).filter((text) => text.startsWith('2001:db8:1::')))
  world.runFor(60 * S)
  const before = held()
  expect(new Set(before).size).toBe(10)
  expect(server.answered[REQUEST]).toBeGreaterThanOrEqual(10)
  // §18.2.4: T1 has come for all, T2 for none
  world.runFor(80 * S)
  expect(server.answered[RENEW]).toBeGreaterThanOrEqual(10)
  expect(held()).toEqual(before)
  // §18.2.5: whom T2 finds without its server asks all
  server.close()
  const heir = startServer6(second, ports[1].ifId, 2, leases, TIMES)
  world.runFor(180 * S)
  expect(heir.answered[REBIND]).toBeGreaterThanOrEqual(10)
  expect([heir.answered[REQUEST], held()]).toEqual([0, before])
  // §18.2.5: rebinding ends with the last lease, then servers are looked for
  heir.close()
  world.runFor(210 * S)
  expect(held()).toEqual([])
  const states = clients.map(({ host, ifId }) => host.vnet.state.dhcp6.clients.get(ifId)?.state)
  expect(states).toEqual(clients.map(() => DHCP6S_SOLICITING))
  const again = startServer6(first, ports[0].ifId, 1, leases, TIMES)
  // §15: a Solicit's timeout doubles, with a tenth more at most: after 210 s it is 2.1 × 128 s at the longest
  world.runFor(280 * S)
  expect(again.answered[REQUEST]).toBeGreaterThanOrEqual(10)
  expect(held()).toEqual(before)
})
