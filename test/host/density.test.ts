/** What an idle Vnet costs in memory: guarded here with some slack, measured by bench/peers/density.mjs. */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { createPair, Driver, ifAddAddr, SOCK_STREAM } from '../../src/index.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { addrFromIp4 } from '../../src/lib/addr.ts'
import { soBind, soCreate, soListen } from '../../src/vnet/so.ts'

const VNETS = 300
/** Measured: 19,400. */
const VNET_BYTES = 20_800

it(`a Vnet with an address, a route and a listener takes no more than ${VNET_BYTES} bytes`, () => {
  const driver = new Driver()
  const vnets = (count: number): void => { for (let i = 0; i < count; i++) idleVnet(driver) }
  vnets(50)
  const before = heldBytes()
  vnets(VNETS)
  expect((heldBytes() - before) / VNETS).toBeLessThan(VNET_BYTES)
  driver.close()
})

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
