/** Churn: between every two events of a world each Vnet is saved, destroyed and restored, as if it had never happened. */

import { Vnet } from '../../src/vnet/vnet.ts'
import type { SimHost } from '../../src/sim/host.ts'
import type { World } from '../../src/sim/world.ts'

/** For `World.run`'s `until`. The old Vnets are made unusable. */
export function churnOnce(world: World): void {
  for (const host of world.hosts) churnHost(world, host)
}

/** Returns the size of the snapshot. */
export function churnHost(world: World, host: SimHost): number {
  const old = host.vnet
  const bytes = old.snapshot()
  host.replaceVnet(Vnet.restore(bytes, { pool: world.pool }))
  // whoever still holds the old one would fall over it
  Object.assign(old.vn, { state: null, pool: null, txq: null, events: null })
  return bytes.length
}
