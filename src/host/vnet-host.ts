/** One Vnet under a driver: its devices come and go, its sockets are watched, it is recorded, frozen, drained. */

import { ignoreFrame, LINK_ETHER, OFFLOAD_GATHER, OFFLOAD_TSO } from '../device/device.ts'
import type { Device } from '../device/device.ts'
import { NEVER } from '../kern/timer.ts'
import { frameWhole } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { createTable, tableOwn } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'
import { ifCreate, ifDestroy, ifSetFlags } from '../link/ifnet.ts'
import { IFCAP_TSO, IFF_RUNNING, IFF_UP, IFT_ETHER, IFT_IP } from '../link/state.ts'
import type { Runner, Watcher } from '../vnet/runner.ts'
import type { Vnet } from '../vnet/vnet.ts'
import type { Driver } from './driver.ts'
import { Recorder } from './record.ts'
import type { RecordOptions } from './record.ts'

/** Devices by the names of the interfaces that they are for. */
export type Bindings = Readonly<Record<string, Device>>

/** Turns in which a Vnet that is to be frozen may still have something to say. */
const SETTLE_TURNS = 100

/** One Vnet under a driver: its devices, its clock offset, the watchers of its sockets. */
export class VnetHost implements Runner {
  readonly vnet: Vnet
  readonly index: number
  /** Driver time of the Vnet's boot. */
  readonly bootAt: number
  /** Driver-heap alarm (see kern/timer.ts). */
  alarmAt = NEVER
  /** In the driver's list of Vnets to drain. */
  marked = false
  readonly #driver: Driver
  /** By interface. */
  #devices: Table<Device> = createTable()
  /** The interface that most have alone, and its device: no table for these. */
  #onlyIf = 0
  #only: Device | null = null
  #watchers: Table<Watcher> = createTable()
  /** Sockets whose users keep the process alive themselves (node/), or do not. */
  #passive: Table<true> = createTable()
  #recorder: Recorder | null = null
  /** What the last share of frames cost too much, as a negative number (DRR's deficit counter). */
  #deficit = 0

  constructor(driver: Driver, vnet: Vnet, index: number, bootAt: number) {
    this.#driver = driver
    this.vnet = vnet
    this.index = index
    this.bootAt = bootAt
  }

  now(): number {
    return this.#driver.now() - this.bootAt
  }

  kick(): void {
    this.#driver.mark(this)
  }

  watch(id: number, fn: Watcher, keepAlive = true): void {
    if (keepAlive && !this.#watchers.has(id)) this.#driver.countSocket(1)
    if (!keepAlive) this.#passive = tableOwn(this.#passive).set(id, true)
    this.#watchers = tableOwn(this.#watchers).set(id, fn)
  }

  unwatch(id: number): void {
    if (this.#watchers.delete(id) && !this.#passive.delete(id)) this.#driver.countSocket(-1)
  }

  /**
   * Records everything that happens to the Vnet from now on in a new file, for `vimage replay-log`. The state stands at
   * the file's beginning, keys and all. Throws where the file exists, or within an event.
   */
  record(path: string, options: RecordOptions = {}): Recorder {
    if (this.#driver.inTurn) throw new Error(`vnet ${this.vnet.name} cannot be recorded from within an event`)
    this.#recorder?.close()
    this.#driver.turn(this)
    this.#recorder = new Recorder(this.vnet, path, options)
    return this.#recorder
  }

  /** To be called when something else than frames, time and socket calls has changed the Vnet: management. */
  changed(): void {
    this.#recorder?.changed()
    this.kick()
  }

  /** Makes an interface for the device and brings it up. Returns the interface's id. */
  attach(device: Device, name = device.name): number {
    this.vnet.setNow(this.now())
    const type = device.link === LINK_ETHER ? IFT_ETHER : IFT_IP
    const ifp = ifCreate(this.vnet.vn, name, type, device.mac, device.mtu)
    ifSetFlags(this.vnet.vn, ifp.id, ifp.flags | IFF_UP | IFF_RUNNING)
    this.bind(ifp.id, device)
    return ifp.id
  }

  /**
   * Stops driving the Vnet and returns its snapshot. What it has to say is said first; then its devices are closed, or
   * given to `release` with their interfaces' names, for the restored one. Sockets over this host are dead from then
   * on. Not to be called from a socket's event: throws an Error.
   */
  freeze(release: (name: string, device: Device) => void = (_name, device) => { device.close() }): Uint8Array {
    this.settle()
    const bytes = this.vnet.snapshot()
    for (const id of [...this.#watchers.keys()]) this.unwatch(id)
    for (const [ifId, device] of this.#bound()) {
      device.onFrame = ignoreFrame
      device.onBatchEnd = ignoreFrame
      release(this.vnet.state.link.ifnets.get(ifId)?.name ?? '', device)
    }
    this.#forgetDevices()
    this.#recorder?.close()
    this.#driver.removeVnet(this)
    return bytes
  }

  /**
   * Brings the Vnet to where it can be saved: what it has to say is said, and what its sockets do in answer too. Not to be
   * called from a socket's event: throws an Error.
   */
  settle(): void {
    const { vn } = this.vnet
    if (this.#driver.inTurn) throw new Error(`vnet ${this.vnet.name} cannot be saved within an event`)
    this.vnet.advance(this.now())
    this.kick()
    for (let n = 0; n < SETTLE_TURNS && (n === 0 || vn.txq.length + vn.events.size > 0); n++) this.#driver.turn(this)
  }

  /** Joins an existing interface (of a restored Vnet) to a device, which gives it its carrier. */
  bind(ifId: number, device: Device): void {
    const flags = this.vnet.state.link.ifnets.get(ifId)?.flags ?? IFF_RUNNING
    if ((flags & IFF_RUNNING) === 0) {
      this.vnet.setNow(this.now())
      ifSetFlags(this.vnet.vn, ifId, flags | IFF_RUNNING)
    }
    const ifp = this.vnet.state.link.ifnets.get(ifId)
    if (ifp !== undefined) ifp.capabilities = (device.offload & OFFLOAD_TSO) !== 0 ? IFCAP_TSO : 0
    if (this.#only === null || this.#onlyIf === ifId) {
      this.#devices.delete(ifId)
      this.#onlyIf = ifId
      this.#only = device
    } else this.#devices = tableOwn(this.#devices).set(ifId, device)
    if ((device.offload & OFFLOAD_GATHER) !== 0) this.vnet.vn.lends = true
    this.#recorder?.changed()
    device.onFrame = (f: Frame) => {
      this.vnet.input(ifId, f, this.now())
      this.#driver.mark(this)
    }
    device.onBatchEnd = this.#driver.batchEnd
    this.#driver.mark(this)
  }

  /** Closes the interface's device and destroys the interface. */
  detach(ifId: number): void {
    const device = this.deviceOf(ifId)
    if (device === null) return
    if (this.#only === device) this.#only = null
    else this.#devices.delete(ifId)
    device.close()
    this.vnet.setNow(this.now())
    ifDestroy(this.vnet.vn, ifId)
    this.changed()
  }

  detachAll(): void {
    this.#recorder?.close()
    for (const [, device] of this.#bound()) device.close()
    this.#forgetDevices()
  }

  deviceOf(ifId: number): Device | null {
    return this.#only !== null && this.#onlyIf === ifId ? this.#only : this.#devices.get(ifId) ?? null
  }

  #bound(): [number, Device][] {
    return this.#only === null ? [...this.#devices] : [[this.#onlyIf, this.#only], ...this.#devices]
  }

  #forgetDevices(): void {
    this.#only = null
    this.#devices.clear()
  }

  /**
   * Hands frames to devices (noting them in `used`, to be flushed), no more than its share, and events to watchers.
   * Returns what the frames cost. What is recorded leaves whole, as it will when it is done again.
   */
  drain(used: Set<Device>, quantum: number): number {
    const recorder = this.#recorder
    // the last frame may cost more than was left; the next share is smaller for it
    const budget = quantum + this.#deficit
    const cost = this.vnet.drainFrames((ifId, f) => {
      recorder?.output(ifId, f)
      const device = this.deviceOf(ifId)
      if (device === null) return
      used.add(device)
      if (f.lentLen !== 0 && (device.offload & OFFLOAD_GATHER) === 0) frameWhole(f)
      device.send(f)
    }, recorder === null ? budget : Infinity)
    this.#deficit = this.vnet.vn.txq.length === 0 ? 0 : budget - cost
    recorder?.drained()
    this.vnet.drainEvents((socket, what) => this.#watchers.get(socket)?.(what))
    return cost
  }
}
