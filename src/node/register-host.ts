/** The Vnet that a configuration of `vimage/register` describes, and the other hosts of its world. */

import { randomBytes } from 'node:crypto'
import type { Device } from '../device/device.ts'
import { impairDevice } from '../device/impair.ts'
import { Switch } from '../device/switch.ts'
import type { Driver } from '../host/driver.ts'
import type { VnetHost } from '../host/vnet-host.ts'
import { openTap } from '../host/tap.ts'
import { startChargen } from '../service/chargen.ts'
import { startDiscard } from '../service/discard.ts'
import { startDns } from '../service/dns.ts'
import { startEcho } from '../service/echo.ts'
import { interfaceAddAddress, interfaceDhcp } from '../vimage/interfaces.ts'
import { routeInsert } from '../vimage/routes.ts'
import { sysctlAssign } from '../vimage/sysctls.ts'
import type { Runner } from '../vnet/runner.ts'
import type { RegisterConfig } from './register-config.ts'
import { bridgeLink } from './register-link.ts'

export interface BuiltHost {
  host: VnetHost
  /** To be called when Node's `net` may be loaded: links that need it are made. */
  join: () => void
}

type InterfaceConfig = RegisterConfig['interfaces'][string]

const DEFAULT_MTU = 1500

/** Makes it. Throws what says why it cannot be: a TapError, a ManageError. */
export function buildHost(driver: Driver, config: RegisterConfig): BuiltHost {
  const host = driver.addVnet({ name: config.name })
  for (const [name, value] of Object.entries(config.sysctl)) sysctlAssign(host, name, String(value))
  for (const address of config.loopback) interfaceAddAddress(host, 'lo0', address, false)
  const world = new Switch({ name: 'world', clock: driver, pool: driver.pool, ageUs: 300_000_000 })
  const joins: (() => void)[] = []
  for (const [name, ifc] of Object.entries(config.interfaces)) {
    host.attach(impaired(driver, openLink(driver, world, config.name, name, ifc, joins), ifc), name)
    if (ifc.address === 'dhcp') interfaceDhcp(host, name, true)
    else for (const one of [ifc.address].flat()) interfaceAddAddress(host, name, one, false)
  }
  for (const { to, via } of config.routes) routeInsert(host, { to, via, interface: '' })
  buildWorld(driver, world, config.world.hosts)
  return { host, join: () => { for (const join of joins) join() } }
}

function openLink(
  driver: Driver, world: Switch, host: string, name: string, ifc: InterfaceConfig, joins: (() => void)[],
): Device {
  const mtu = ifc.mtu > 0 ? ifc.mtu : DEFAULT_MTU
  if (ifc.world === true) return world.addPort(`${host}/${name}`, { mtu }).device
  if (ifc.bridge !== undefined) {
    const { device, join } = bridgeLink({ pool: driver.pool, name, host, mtu, bridge: ifc.bridge, control: ifc.control })
    joins.push(join)
    return device
  }
  // an impaired link loses single segments
  const merge = ifc.impair === undefined
  const device = openTap({ name: ifc.tap ?? name, pool: driver.pool, merge, ...(ifc.mtu > 0 ? { mtu: ifc.mtu } : {}) })
  device.unref()
  return device
}

function impaired(driver: Driver, base: Device, { impair }: InterfaceConfig): Device {
  if (impair === undefined) return base
  const seed = [randomBytes(4).readInt32BE()]
  return impairDevice(base, { clock: driver, pool: driver.pool, seed, tx: impair.out, rx: impair.in })
}

/** Its hosts do not keep the program alive. */
function buildWorld(driver: Driver, world: Switch, hosts: RegisterConfig['world']['hosts']): void {
  for (const [name, { address, services }] of Object.entries(hosts)) {
    const host = driver.addVnet({ name })
    host.attach(world.addPort(`${name}/eth0`).device, 'eth0')
    for (const one of [address].flat()) interfaceAddAddress(host, 'eth0', one, false)
    const quiet: Runner = {
      vnet: host.vnet, now: () => host.now(), kick: () => { host.kick() },
      watch: (id, fn) => { host.watch(id, fn, false) }, unwatch: (id) => { host.unwatch(id) },
    }
    for (const service of services) {
      switch (service) {
        case 'echo': startEcho(quiet); break
        case 'discard': startDiscard(quiet); break
        case 'chargen': startChargen(quiet); break
        default: startDns(quiet, service.zones)
      }
    }
  }
}
