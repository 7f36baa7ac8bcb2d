/**
 * A live Vnet on its way from one thread to another: its snapshot, its ends of cables, its services. What arrives
 * meanwhile waits in the rings, so nothing is lost and nobody notices but by the time it takes.
 */

import type { ServiceName, ServiceOptions } from '../service/service.ts'
import type { SavedService } from '../service/saved.ts'
import { Vimage } from '../vimage/vimage.ts'
import type { Driver } from './driver.ts'
import type { VnetHost } from './vnet-host.ts'
import { openRing, RingDevice } from './ring-cable.ts'
import type { RingEnd } from './ring-cable.ts'

/** Plain data that postMessage takes to any thread. */
export interface MovedVnet {
  readonly snapshot: Uint8Array
  /** By interface name. */
  readonly cables: Readonly<Record<string, RingEnd>>
  readonly services: readonly MovedService[]
  /** When it was taken, µs since 1970. */
  readonly takenAt: number
}

export interface MovedService {
  readonly name: ServiceName
  readonly options: ServiceOptions
  readonly saved: SavedService
}

/** A Vnet under a driver with the services that go with it when it moves. */
export interface PlacedVnet {
  readonly host: VnetHost
  readonly vimage: Vimage
  /** What each of the container's services was started with, in their order. */
  readonly started: { name: ServiceName; options: ServiceOptions }[]
}

/**
 * Takes a Vnet off its driver, services and all. Its ring cables stay plugged in; other devices are closed. Not within
 * an event: throws an Error.
 */
export function takeVnet({ host, vimage, started }: PlacedVnet): MovedVnet {
  const cables: Record<string, RingEnd> = {}
  const snapshot = host.freeze((name, device) => {
    if (device instanceof RingDevice) cables[name] = device.release()
    else device.close()
  })
  const services = vimage.services.splice(0).map((service, i) => {
    const saved = service.save()
    service.abandon()
    return { ...started[i], saved }
  })
  return { snapshot, cables, services, takenAt: wallUs() }
}

/**
 * Drives it from now on; the time since it was taken has passed for it. SnapshotError; Error for a cable in use; nothing is driven
 * then.
 */
export function placeVnet(driver: Driver, { snapshot, cables, services, takenAt }: MovedVnet): PlacedVnet {
  const opened: Record<string, RingDevice> = {}
  let host: VnetHost | null = null
  try {
    for (const [name, end] of Object.entries(cables)) opened[name] = openRing(end, driver)
    host = driver.restoreVnet(snapshot, opened, { elapsed: Math.max(0, Math.floor(wallUs() - takenAt)) })
    const vimage = new Vimage(host)
    for (const { name, options, saved } of services) vimage.startService(name, { ...options, saved })
    return { host, vimage, started: services.map(({ name, options }) => ({ name, options })) }
  } catch (error) {
    // the cables can be opened again, by the next who tries
    for (const device of Object.values(opened)) device.release()
    if (host !== null) driver.removeVnet(host)
    throw error
  }
}

/** The same in all threads. */
function wallUs(): number {
  return (performance.timeOrigin + performance.now()) * 1000
}
