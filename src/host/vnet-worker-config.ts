/** Vnets of a worker from a configuration: a daemon's vimages in small, with cables beside TAPs. */

import type { Device } from '../device/device.ts'
import type { ServiceName, ServiceOptions } from '../service/service.ts'
import { interfaceAddAddress, interfaceSetMtu } from '../vimage/interfaces.ts'
import { routeInsert } from '../vimage/routes.ts'
import { sysctlAssign } from '../vimage/sysctls.ts'
import { Vimage } from '../vimage/vimage.ts'
import type { Driver } from './driver.ts'
import { openRing } from './ring-cable.ts'
import type { RingEnd } from './ring-cable.ts'
import { openTap } from './tap.ts'
import type { PlacedVnet } from './vnet-move.ts'

/** Plain data. */
export interface WorkerVnetConfig {
  name: string
  interfaces?: readonly WorkerInterfaceConfig[]
  routes?: readonly { to: string; via?: string; interface?: string }[]
  sysctls?: Readonly<Record<string, string | number>>
  services?: readonly ({ name: ServiceName } & ServiceOptions)[]
}

export interface WorkerInterfaceConfig {
  name: string
  /** The name of one of the worker's cables. */
  cable?: string
  /** The name of a TAP that the worker opens. */
  tap?: string
  /** ADDRESS/LENGTH. */
  addresses?: readonly string[]
  mtu?: number
}

type Cables = Readonly<Record<string, RingEnd>>

/** Makes a Vnet. Throws ManageError, TapError, SocketError, RangeError; nothing is left of it then. */
export function buildWorkerVnet(driver: Driver, config: WorkerVnetConfig, cables: Cables): PlacedVnet {
  const host = driver.addVnet({ name: config.name })
  const vimage = new Vimage(host)
  const started: PlacedVnet['started'] = []
  try {
    for (const [name, value] of Object.entries(config.sysctls ?? {})) sysctlAssign(host, name, String(value))
    for (const ifc of config.interfaces ?? []) {
      host.attach(openDevice(driver, ifc, cables), ifc.name)
      if (ifc.mtu !== undefined) interfaceSetMtu(host, ifc.name, ifc.mtu)
      for (const address of ifc.addresses ?? []) interfaceAddAddress(host, ifc.name, address, false)
    }
    for (const { to, via = '', interface: ifName = '' } of config.routes ?? []) {
      routeInsert(host, { to, via, interface: ifName })
    }
    for (const { name, ...options } of config.services ?? []) {
      vimage.startService(name, options)
      started.push({ name, options })
    }
  } catch (error) {
    driver.removeVnet(host)
    throw error
  }
  return { host, vimage, started }
}

function openDevice(driver: Driver, { name, cable, tap }: WorkerInterfaceConfig, cables: Cables): Device {
  if (cable !== undefined && Object.hasOwn(cables, cable)) return openRing(cables[cable], driver)
  if (cable !== undefined) throw new RangeError(`interface ${name}: the worker has no cable "${cable}"`)
  if (tap === undefined) throw new RangeError(`interface ${name} has neither cable nor tap`)
  return openTap({ name: tap, pool: driver.pool })
}
