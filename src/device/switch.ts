/**
 * A learning switch (IEEE 802.1D §7): joins any number of devices, and offers ports to stacks.
 *
 *   const sw = new Switch({ name: 'bridge0', clock: driver, pool: driver.pool })
 *   sw.addDevice(tap)                      // a TAP is a port
 *   host.attach(sw.addPort('a').device)    // so is a Vnet
 *
 * A frame that is flooded is one frame for all receivers: nobody changes what he is lent (see device.ts), and who sends
 * later keeps a reference. With a pool that poisons, the switch checks that the receivers hold to it.
 * There is no spanning tree: two switches joined twice make a storm, which the bounded queue keeps finite.
 */

import type { Mac } from '../lib/addr.ts'
import { macIsMulticast, macRead } from '../lib/addr.ts'
import { assert } from '../lib/assert.ts'
import { checksumAdd } from '../lib/checksum.ts'
import { frameRelease, frameRetain } from '../lib/frame.ts'
import type { Frame, FramePool } from '../lib/frame.ts'
import { ETHERMTU, ETHER_DST, ETHER_HDR_LEN, ETHER_SRC, etherHeaderLen } from '../wire/ethernet.ts'
import { gsoCount, gsoSegment } from '../wire/gso.ts'
import { framePacketBytes, LINK_ETHER, OFFLOAD_TSO } from './device.ts'
import type { Device } from './device.ts'
import { macFromName } from './mac.ts'
import { createMacTable, macForgetPort, macLearn, macList, macLookup } from './mactable.ts'
import type { MacListing, MacTable } from './mactable.ts'
import { createOfferedPort, createPluggedPort } from './switch-port.ts'
import type { SwitchPort } from './switch-port.ts'

export interface SwitchOptions {
  name: string
  clock: { now(): number }
  /** The pool that all frames on its ports come from. */
  pool: FramePool
  /** Most addresses remembered (default 8192); the oldest makes room. */
  macLimit?: number
  /** µs after which an address that was not seen is forgotten (default 300 s, IEEE 802.1D table 7-5). */
  ageUs?: number
}

export interface SwitchPortOptions {
  /** Address suggested to the stack (default: follows from the names of switch and port). */
  mac?: Mac
  mtu?: number
}

const DEFAULT_MACS = 8192
const DEFAULT_AGE_US = 300_000_000
/** Frames that come in while another is being forwarded; more are dropped. */
const QUEUE_LIMIT = 1024
/** 01:80:c2:00:00:00 … 0f: protocols between neighbouring bridges. */
const RESERVED_FIRST = 0x0180c2000000
const RESERVED_LAST = 0x0180c200000f

export class Switch {
  readonly name: string
  /** By port id, from 1. */
  readonly ports = new Map<number, SwitchPort>()
  readonly macs: MacTable
  readonly #clock: { now(): number }
  readonly #pool: FramePool
  readonly #queue: { port: SwitchPort; f: Frame }[] = []
  readonly #dirty: SwitchPort[] = []
  #busy = false
  #nextId = 1

  constructor(options: SwitchOptions) {
    this.name = options.name
    this.#clock = options.clock
    this.#pool = options.pool
    this.macs = createMacTable(options.macLimit ?? DEFAULT_MACS, options.ageUs ?? DEFAULT_AGE_US)
  }

  /** Plugs a device in; the switch is now its user. RangeError unless it carries Ethernet. */
  addDevice(device: Device, name: string = device.name): SwitchPort {
    return this.#add(createPluggedPort(this.#side(), this.#nextId, name, device))
  }

  /** A port for a stack; `device` of the result is what to bind it to. */
  addPort(name: string, options: SwitchPortOptions = {}): SwitchPort {
    const mac = options.mac ?? macFromName(`${this.name}/${name}`)
    return this.#add(createOfferedPort(this.#side(), this.#nextId, name, { mac, mtu: options.mtu ?? ETHERMTU }))
  }

  /** The id of the port that is added next. */
  get nextId(): number {
    return this.#nextId
  }

  /** As `addDevice`, with the id that the port had in the switch whose place this one takes. RangeError for a used one. */
  resumePort(id: number, name: string, device: Device): SwitchPort {
    if (id < 1 || this.ports.has(id)) throw new RangeError(`${this.name} has a port ${id} already, or never had one`)
    const port = createPluggedPort(this.#side(), id, name, device)
    this.ports.set(id, port)
    return port
  }

  /** The ports are there again, in the order of their ids; the next one gets `nextId`. */
  resume(nextId: number): void {
    const sorted = [...this.ports].sort(([x], [y]) => x - y)
    this.ports.clear()
    for (const [id, port] of sorted) this.ports.set(id, port)
    this.#nextId = Math.max(nextId, 1 + (sorted.at(-1)?.[0] ?? 0))
  }

  /** As `addDevice`: what a cable of a simulated world calls. */
  plug(device: Device): void {
    this.addDevice(device)
  }

  /** Unplugs a port and forgets what was learned on it. The device is not closed. */
  removePort(id: number): void {
    const port = this.ports.get(id)
    if (port === undefined) return
    this.ports.delete(id)
    port.unplug()
    macForgetPort(this.macs, id)
  }

  /** Switches a port off (and forgets what was learned on it) or on. */
  setPortUp(id: number, up: boolean): void {
    const port = this.ports.get(id)
    if (port === undefined || port.up === up) return
    port.up = up
    if (!up) macForgetPort(this.macs, id)
  }

  /** The addresses known now. */
  list(): MacListing[] {
    return macList(this.macs, this.#clock.now())
  }

  /** Unplugs every port; no device is closed. */
  close(): void {
    for (const id of [...this.ports.keys()]) this.removePort(id)
  }

  #add(port: SwitchPort): SwitchPort {
    this.#nextId++
    this.ports.set(port.id, port)
    return port
  }

  #side(): { input: (port: SwitchPort, f: Frame) => void; flush: () => void } {
    return { input: (port, f) => this.#input(port, f), flush: () => this.#flush() }
  }

  /** A frame from a port. One at a time: what arrives from inside a delivery waits its turn, so nothing recurses. */
  #input(port: SwitchPort, f: Frame): void {
    if (!this.#busy) this.#run(port, f)
    else if (this.#queue.length >= QUEUE_LIMIT) port.stats.overflow++
    else {
      frameRetain(f)
      this.#queue.push({ port, f })
    }
  }

  #run(port: SwitchPort, f: Frame): void {
    const queue = this.#queue
    this.#busy = true
    try {
      this.#forward(port, f)
      // the queue only grows while this runs, so the limit also bounds the work of one call
      for (let i = 0; i < queue.length; i++) {
        const next = queue[i]
        this.#forward(next.port, next.f)
      }
    } finally {
      for (let i = 0; i < queue.length; i++) frameRelease(this.#pool, (queue[i] as { f: Frame }).f)
      queue.length = 0
      this.#busy = false
    }
  }

  #forward(port: SwitchPort, f: Frame): void {
    const { stats } = port
    stats.inFrames++
    stats.inBytes += f.len
    if (!port.up) {
      stats.down++
      return
    }
    if (f.len < ETHER_HDR_LEN) {
      stats.runts++
      return
    }
    const src = macRead(f.view, f.off + ETHER_SRC)
    if (src === 0 || macIsMulticast(src)) {
      stats.badSource++
      return
    }
    const now = this.#clock.now()
    if (macLearn(this.macs, src, port.id, now)) stats.moved++
    const dst = macRead(f.view, f.off + ETHER_DST)
    if (dst >= RESERVED_FIRST && dst <= RESERVED_LAST) stats.reserved++
    else if (macIsMulticast(dst)) this.#flood(port, f)
    else {
      const to = this.ports.get(macLookup(this.macs, dst, now))
      if (to === undefined) this.#flood(port, f)
      else if (to === port) stats.filtered++
      else this.#output(to, f)
    }
  }

  #flood(from: SwitchPort, f: Frame): void {
    from.stats.flooded++
    for (const port of this.ports.values()) if (port !== from) this.#output(port, f)
  }

  #output(port: SwitchPort, f: Frame): void {
    const { stats } = port
    if (!port.up) {
      stats.down++
      return
    }
    if (framePacketBytes(f, LINK_ETHER) > port.mtu) {
      stats.tooLong++
      return
    }
    stats.outFrames++
    stats.outBytes += f.len
    if (!port.dirty) {
      port.dirty = true
      this.#dirty.push(port)
    }
    if (f.gsoSize > 0 && (port.device.offload & OFFLOAD_TSO) === 0) this.#outputSegments(port, f)
    else if (this.#pool.poison) outputChecked(port, f)
    else port.output(f)
  }

  #outputSegments(port: SwitchPort, f: Frame): void {
    const linkLen = etherHeaderLen(f.view, f.off)
    for (let k = 0; k < gsoCount(f); k++) {
      const segment = gsoSegment(this.#pool, f, linkLen, k)
      // lost like any frame that finds no buffer
      if (segment === null) return
      port.output(segment)
      frameRelease(this.#pool, segment)
    }
  }

  /** Ends a batch: every port that was given frames passes them on. */
  #flush(): void {
    for (let port = this.#dirty.pop(); port !== undefined; port = this.#dirty.pop()) {
      // first, for what the port's user does in answer may make it dirty again
      port.dirty = false
      port.flush()
    }
  }
}

/** Debug: a receiver that changes a frame it was lent spoils it for all the others. */
function outputChecked(port: SwitchPort, f: Frame): void {
  const { off, len } = f
  const sum = checksumAdd(0, f.view, off, len)
  port.output(f)
  const same = f.off === off && f.len === len && checksumAdd(0, f.view, off, len) === sum
  assert(same, `${port.name} changed a lent frame`)
}
