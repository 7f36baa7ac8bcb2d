/** One Vnet in a simulated world: its interfaces, the watchers of its sockets, its place in virtual time. */

import { captureLinkType } from '../device/capture.ts'
import type { CaptureSink } from '../device/capture.ts'
import { LINK_ETHER } from '../device/device.ts'
import type { Device } from '../device/device.ts'
import { frameHold, frameThaw, frameWireBytes } from '../device/held.ts'
import type { HeldFrame } from '../device/held.ts'
import { macFromName } from '../device/mac.ts'
import { NEVER } from '../kern/timer.ts'
import type { Alarm } from '../kern/timer.ts'
import { addrParsePrefix } from '../lib/addr6.ts'
import type { Mac } from '../lib/addr.ts'
import { assert } from '../lib/assert.ts'
import { errnoName } from '../lib/errno.ts'
import { frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { ifAddAddr, ifCreate, ifSetFlags } from '../link/ifnet.ts'
import { IFF_RUNNING, IFF_UP, IFT_ETHER, IFT_IP } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import type { Runner, Watcher } from '../vnet/runner.ts'
import type { Vnet } from '../vnet/vnet.ts'
import { ETHERMTU } from '../wire/ethernet.ts'
import type { SimClock } from './clock.ts'

/** What a cable can be plugged into: a port of a host, or a switch. */
export interface Jack {
  /** For the names of cables. */
  readonly name: string
  plug(device: Device): void
}

export interface SimPortOptions {
  /** Name of the interface (default eth0, eth1, …). */
  name?: string
  /** "10.0.0.1/24" or "2001:db8::1/64"; more can be added with `addAddress`. */
  address?: string
  /** Probe the address before use (RFC 5227, RFC 4862 §5.4); default false. */
  probe?: boolean
  /** Default: follows from the names of host and interface, so that it does not depend on the order of making. */
  mac?: Mac
  mtu?: number
  /** LINK_*; Ethernet by default. */
  link?: number
}

/** An interface of a simulated host, with or without a cable. */
export interface SimPort extends Jack {
  readonly ifId: number
  readonly mac: Mac
  /** "10.0.0.1/24". Throws when the address cannot be added. */
  addAddress(address: string, options?: { probe?: boolean }): void
}

/** What a host needs of its world. */
export interface HostSide {
  readonly clock: SimClock
  /** True while hosts are drained: a frame that arrives now has to wait for an event of its own. */
  readonly settling: boolean
  mark(host: SimHost): void
}

/** A frame that has arrived but whose turn is an event of its own, and the call that is that event. */
export interface ArrivedFrame { token: number; ifId: number; frame: HeldFrame }

/** What a host knows besides its Vnet; plain data. */
export interface SimHostData {
  bootAt: number
  alarmAt: number
  ports: number
  arrived: ArrivedFrame[]
}

export class SimHost implements Runner, Jack, Alarm {
  readonly index: number
  /** World time of the Vnet's boot. */
  readonly bootAt: number
  alarmAt = NEVER
  /** In the world's list of hosts to drain. */
  marked = false
  /** Sees every frame of every interface; set by `World.capture`. */
  sink: ((ifId: number, ...frame: Parameters<CaptureSink>) => void) | null = null
  #vnet: Vnet
  readonly #side: HostSide
  readonly #devices = new Map<number, Device>()
  readonly #watchers = new Map<number, Watcher>()
  readonly #arrived = new Map<number, ArrivedFrame>()
  #ports = 0

  /** `bootAt`: of a host that goes on; by default that of a Vnet which goes on from now. */
  constructor(side: HostSide, vnet: Vnet, index: number, bootAt = side.clock.now() - vnet.state.now) {
    this.#side = side
    this.#vnet = vnet
    this.index = index
    this.bootAt = bootAt
  }

  /** Sockets whose events somebody wants. */
  watched(): number[] {
    return [...this.#watchers.keys()]
  }

  /** Interfaces with their devices. */
  devices(): ReadonlyMap<number, Device> {
    return this.#devices
  }

  save(): SimHostData {
    const { bootAt, alarmAt } = this
    return { bootAt, alarmAt, ports: this.#ports, arrived: [...this.#arrived.values()] }
  }

  /** Goes on from `save`: nothing happens to the Vnet, whose interfaces know what they are bound to. */
  resume({ alarmAt, ports, arrived }: SimHostData): void {
    this.alarmAt = alarmAt
    this.#ports = ports
    for (const one of arrived) {
      this.#arrived.set(one.token, one)
      this.#side.clock.resume(one.token, () => { this.#turnOf(one.token) })
    }
  }

  get vnet(): Vnet {
    return this.#vnet
  }

  get name(): string {
    return this.vnet.name
  }

  /**
   * Between events: another Vnet (a restored or cloned one, of the same time, with this one's interfaces) takes this
   * one's place at its cables, and the sockets of this host hold on to it by their ids.
   */
  replaceVnet(vnet: Vnet): void {
    const [was, is] = [this.#vnet.state, vnet.state]
    const { txq, events } = this.#vnet.vn
    assert(txq.length === 0 && events.size === 0, `vnet ${this.name}: replaced within an event`)
    assert(was.now === is.now, `vnet ${this.name}: replaced by one of another time`)
    for (const ifId of this.#devices.keys()) {
      const name = is.link.ifnets.get(ifId)?.name
      assert(name === was.link.ifnets.get(ifId)?.name, `vnet ${this.name}: replaced by one without interface ${ifId}`)
    }
    vnet.vn.probe = this.#vnet.vn.probe
    this.#vnet = vnet
    this.kick()
  }

  /** µs since the Vnet's boot. */
  now(): number {
    return this.#side.clock.now() - this.bootAt
  }

  kick(): void {
    this.#side.mark(this)
  }

  watch(id: number, fn: Watcher): void {
    this.#watchers.set(id, fn)
  }

  unwatch(id: number): void {
    this.#watchers.delete(id)
  }

  /** A new interface, up, without a carrier until a cable is plugged in. */
  addPort(options: SimPortOptions = {}): SimPort {
    const { vn } = this.vnet
    const name = options.name ?? `eth${this.#ports}`
    this.#ports++
    const ether = (options.link ?? LINK_ETHER) === LINK_ETHER
    const mac = options.mac ?? (ether ? macFromName(`${this.name}/${name}`) : 0)
    this.vnet.setNow(this.now())
    const ifp = ifCreate(vn, name, ether ? IFT_ETHER : IFT_IP, mac, options.mtu ?? ETHERMTU)
    ifSetFlags(vn, ifp.id, (ifp.flags | IFF_UP) & ~IFF_RUNNING)
    const port: SimPort = {
      name: `${this.name}/${name}`, ifId: ifp.id, mac,
      plug: (device) => this.bind(ifp.id, device),
      addAddress: (address, how = {}) => this.#addAddress(ifp.id, address, how.probe ?? false),
    }
    if (options.address !== undefined) port.addAddress(options.address, { probe: options.probe ?? false })
    this.kick()
    return port
  }

  /** Plugs a cable into a new interface. */
  plug(device: Device): void {
    this.addPort({ link: device.link, mtu: device.mtu }).plug(device)
  }

  /** Makes `device` the medium of an interface, which gets its carrier. */
  bind(ifId: number, device: Device): void {
    const ifp = this.#ifnet(ifId)
    this.join(ifId, device)
    this.vnet.setNow(this.now())
    ifSetFlags(this.vnet.vn, ifId, ifp.flags | IFF_RUNNING)
    this.kick()
  }

  /** As `bind`, for an interface that has its carrier already: the Vnet hears nothing of it. */
  join(ifId: number, device: Device): void {
    this.#devices.set(ifId, device)
    device.onFrame = (f) => this.#receive(ifId, f)
    device.onBatchEnd = () => this.kick()
  }

  /** Pulls the cable out of an interface. */
  unbind(ifId: number): void {
    const device = this.#devices.get(ifId)
    if (device === undefined) return
    this.#devices.delete(ifId)
    device.close()
    this.vnet.setNow(this.now())
    ifSetFlags(this.vnet.vn, ifId, this.#ifnet(ifId).flags & ~IFF_RUNNING)
    this.kick()
  }

  /** Hands frames to cables and events to watchers: the world calls it after every event that touched the Vnet. */
  drain(): void {
    const used = new Set<Device>()
    this.vnet.drainFrames((ifId, f) => {
      const device = this.#devices.get(ifId)
      if (device === undefined) return
      this.#show(ifId, f, 'out', device)
      used.add(device)
      device.send(f)
    })
    for (const device of used) device.flush()
    this.vnet.drainEvents((socket, what) => this.#watchers.get(socket)?.(what))
  }

  #receive(ifId: number, f: Frame): void {
    const { clock } = this.#side
    if (this.#side.settling) {
      // sent by a device that does not delay: the receiver's turn is an event of its own
      const frame = frameHold(f)
      const token: number = clock.at(clock.now(), () => { this.#turnOf(token) })
      this.#arrived.set(token, { token, ifId, frame })
    } else this.#input(ifId, f)
  }

  #turnOf(token: number): void {
    const { ifId, frame } = this.#arrived.get(token) as ArrivedFrame
    this.#arrived.delete(token)
    const later = frameThaw(this.vnet.vn.pool, frame)
    if (later === null) return
    this.#input(ifId, later)
    frameRelease(this.vnet.vn.pool, later)
  }

  #input(ifId: number, f: Frame): void {
    const device = this.#devices.get(ifId)
    if (device === undefined) return
    this.#show(ifId, f, 'in', device)
    this.vnet.input(ifId, f, this.now())
    this.kick()
  }

  #show(ifId: number, f: Frame, direction: 'in' | 'out', device: Device): void {
    if (this.sink === null) return
    this.sink(ifId, this.#side.clock.now(), frameWireBytes(f), direction, captureLinkType(device))
  }

  #addAddress(ifId: number, text: string, probe: boolean): void {
    const prefix = addrParsePrefix(text)
    if (prefix === null) throw new RangeError(`${text} is not an address such as 10.0.0.1/24`)
    this.vnet.setNow(this.now())
    const errno = ifAddAddr(this.vnet.vn, ifId, prefix.addr, prefix.prefixLen, { probe })
    if (errno !== 0) throw new Error(`${this.name}: adding ${text}: ${errnoName(errno)}`)
    this.kick()
  }

  #ifnet(ifId: number): Ifnet {
    const ifp = this.vnet.state.link.ifnets.get(ifId)
    assert(ifp !== undefined, `vnet ${this.name}: no interface ${ifId}`)
    return ifp
  }
}
