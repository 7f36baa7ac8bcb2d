/** What an idle Vnet costs in memory: guarded here with some slack, measured by bench/peers/density.mjs. */

import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { createPair, Driver, ifAddAddr, SOCK_STREAM } from '../../src/index.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { addrFromIp4 } from '../../src/lib/addr.ts'
import { EINPROGRESS } from '../../src/lib/errno.ts'
import type { SimHost } from '../../src/sim/host.ts'
import { createWorld } from '../../src/sim/world.ts'
import { soBind, soConnect, soCreate, soListen } from '../../src/vnet/so.ts'
import { startTcpSink } from '../sim/apps.ts'

const VNETS = 300
/** Measured: 10,200. */
const VNET_BYTES = 11_300
const CONNECTIONS = 2000
/** Measured: 1,100. */
const CONNECTION_BYTES = 1536

it(`a Vnet with an address, a route and a listener takes no more than ${VNET_BYTES} bytes`, async () => {
  const driver = new Driver()
  const vnets = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) idleVnet(driver)
    // listeners fall asleep, frames go back
    await sleep(4500)
  }
  await vnets(50)
  const before = heldBytes()
  await vnets(VNETS)
  expect((heldBytes() - before) / VNETS).toBeLessThan(VNET_BYTES)
  driver.close()
})

it(`an idle connection takes no more than ${CONNECTION_BYTES} bytes at each end, the tables in which it is found included`, () => {
  const world = createWorld({ pool: { poison: false } })
  const [a, b] = [world.addVnet('a'), world.addVnet('b')]
  world.cable(a.addPort({ address: '10.0.0.1/24' }), b.addPort({ address: '10.0.0.2/24' }))
  startTcpSink(b, 9)
  const open = (count: number): void => {
    // a hundred at once: more would be too much for the listener's queue
    for (let i = 0; i < count; i += 100) {
      for (let k = 0; k < 100; k++) connect(a)
      world.run({ untilUs: world.now() + 100_000 })
    }
    world.run({ untilUs: world.now() + 10e6 })
  }
  open(100)
  const before = heldBytes()
  open(CONNECTIONS)
  expect(b.vnet.state.tcp.tcbs.size).toBe(CONNECTIONS + 101)
  expect([...b.vnet.state.tcp.tcbs.values()].every((record) => record.dormant)).toBe(true)
  expect((heldBytes() - before) / CONNECTIONS / 2).toBeLessThan(CONNECTION_BYTES)
})

function connect(host: SimHost): void {
  const id = soCreate(host.vnet, host.now(), AF_INET, SOCK_STREAM, 0)
  expect(soConnect(host.vnet, host.now(), id, addrFromIp4(0x0a000002), 9)).toBe(EINPROGRESS)
  host.kick()
}

function idleVnet(driver: Driver): void {
  const host = driver.addVnet({ seed: [driver.hosts.size] })
  const [device] = createPair(driver.pool)
  ifAddAddr(host.vnet.vn, host.attach(device, 'eth0'), addrFromIp4(0x0a000001), 24)
  const socket = soCreate(host.vnet, host.now(), AF_INET, SOCK_STREAM, 0)
  soBind(host.vnet, host.now(), socket, addrFromIp4(0), 80)
  soListen(host.vnet, host.now(), socket, 16)
}

/** After everything that can go has gone. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  for (let i = 0; i < 3; i++) gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
