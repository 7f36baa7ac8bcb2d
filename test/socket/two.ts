/** Two Vnets under one driver, joined in memory: 10.1.0.1 and 10.1.0.2. */

import { createPair } from '../../src/device/pair.ts'
import { Driver } from '../../src/host/driver.ts'
import type { VnetHost } from '../../src/host/vnet-host.ts'
import { addrFromIp4, ip4Parse } from '../../src/lib/addr.ts'
import { ifAddAddr } from '../../src/link/ifnet.ts'

export interface Two { driver: Driver; a: VnetHost; b: VnetHost }

export const A = '10.1.0.1'
export const B = '10.1.0.2'

export function createTwo(): Two {
  const driver = new Driver()
  const a = driver.addVnet({ name: 'a', seed: [1] })
  const b = driver.addVnet({ name: 'b', seed: [2] })
  const [left, right] = createPair(driver.pool)
  join(a, a.attach(left, 'eth0'), A)
  join(b, b.attach(right, 'eth0'), B)
  return { driver, a, b }
}

function join(host: VnetHost, ifId: number, address: string): void {
  const errno = ifAddAddr(host.vnet.vn, ifId, addrFromIp4(ip4Parse(address) as number), 24)
  if (errno !== 0) throw new Error(`address: ${errno}`)
  host.kick()
}

/** What the two have to say is said: a turn of the driver sends only so much before the event loop has its chance. */
export function settleTwo({ driver, a, b }: Two): void {
  while (a.vnet.vn.txq.length + b.vnet.vn.txq.length > 0) driver.turn(a)
}
