/** The Vnet that a configuration of `vimage/register` describes. */

import type { Driver, VnetHost } from '../host/driver.ts'
import { openTap } from '../host/tap.ts'
import { interfaceAddAddress } from '../vimage/interfaces.ts'
import { routeInsert } from '../vimage/routes.ts'
import { sysctlAssign } from '../vimage/sysctls.ts'
import type { RegisterConfig } from './register-config.ts'

/** Makes it. Throws what says why it cannot be: a TapError, a ManageError. */
export function buildHost(driver: Driver, config: RegisterConfig): VnetHost {
  const host = driver.addVnet({ name: config.name })
  for (const [name, value] of Object.entries(config.sysctl)) sysctlAssign(host, name, String(value))
  for (const address of config.loopback) interfaceAddAddress(host, 'lo0', address, false)
  for (const [name, { tap, address, mtu }] of Object.entries(config.interfaces)) {
    const device = openTap({ name: tap, pool: driver.pool, ...(mtu > 0 ? { mtu } : {}) })
    device.unref()
    host.attach(device, name)
    for (const one of [address].flat()) interfaceAddAddress(host, name, one, false)
  }
  for (const { to, via } of config.routes) routeInsert(host, { to, via, interface: '' })
  return host
}
