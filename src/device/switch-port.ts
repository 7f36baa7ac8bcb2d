/** The ports of a switch: a device plugged in from outside, or one that the switch offers to a stack. */

import type { Mac } from '../lib/addr.ts'
import type { Frame } from '../lib/frame.ts'
import { createDeviceStats, frameHandOver, ignoreFrame, LINK_ETHER, OFFLOAD_TSO } from './device.ts'
import type { Device, DeviceStats } from './device.ts'

/** Counters of one port; `in` is into the switch. */
export interface SwitchPortStats {
  inFrames: number
  inBytes: number
  outFrames: number
  outBytes: number
  /** Frames that came in here and went to every other port. */
  flooded: number
  /** Frames for an address on the port that they came from: nothing to do. */
  filtered: number
  /** Addresses that were known on another port before. */
  moved: number
  /** In: shorter than an Ethernet header. */
  runts: number
  /** In: from a group address, or from none. */
  badSource: number
  /** In: for an address that bridges keep to themselves (IEEE 802.1D §7.12.6). */
  reserved: number
  /** In: sent while the switch was busy, and its queue was full: the network has a loop. */
  overflow: number
  /** In or out while the port was switched off. */
  down: number
  /** Out: longer than the port's MTU. */
  tooLong: number
}

export interface SwitchPort {
  readonly id: number
  readonly name: string
  readonly stats: SwitchPortStats
  /** The device's when it was plugged in (asking a TAP costs a system call); to be set when the device's changes. */
  mtu: number
  /** False: nothing passes. */
  up: boolean
  /** Has been given frames since its last flush. */
  dirty: boolean
  /** The device plugged in, or the one offered. */
  readonly device: Device
  /** Frames that leave by this port. Borrowed. */
  readonly output: (f: Frame) => void
  readonly flush: () => void
  readonly unplug: () => void
}

/** What a port needs of its switch. */
export interface SwitchSide {
  input(port: SwitchPort, f: Frame): void
  /** The end of a batch of inputs. */
  flush(): void
}

export interface OfferedPortOptions {
  /** Hardware address that the device suggests to its stack. */
  mac: Mac
  mtu: number
}

/** A port with a device plugged into it. RangeError unless the device carries Ethernet. */
export function createPluggedPort(side: SwitchSide, id: number, name: string, device: Device): SwitchPort {
  if (device.link !== LINK_ETHER) throw new RangeError(`${device.name} does not carry Ethernet frames`)
  const port: SwitchPort = {
    id, name, stats: createSwitchPortStats(), mtu: device.mtu, up: true, dirty: false, device,
    output: (f) => device.send(f),
    flush: () => device.flush(),
    unplug: () => {
      device.onFrame = ignoreFrame
      device.onBatchEnd = ignoreFrame
    },
  }
  device.onFrame = (f) => side.input(port, f)
  device.onBatchEnd = () => side.flush()
  return port
}

/** A port that a stack can be bound to: `port.device` is its end of the cable. */
export function createOfferedPort(
  side: SwitchSide, id: number, name: string, options: OfferedPortOptions,
): SwitchPort {
  const device = new OfferedDevice(name, options)
  const port: SwitchPort = {
    id, name, stats: createSwitchPortStats(), mtu: options.mtu, up: true, dirty: false, device,
    output: (f) => device.receive(f),
    flush: () => device.onBatchEnd(),
    unplug: () => device.close(),
  }
  device.plug(side, port)
  return port
}

class OfferedDevice implements Device {
  readonly name: string
  readonly link = LINK_ETHER
  readonly mac: Mac
  readonly mtu: number
  /** The switch cuts super-segments up where they leave by a device that does not take them. */
  readonly offload = OFFLOAD_TSO
  readonly stats: DeviceStats = createDeviceStats()
  onFrame: (f: Frame) => void = ignoreFrame
  onBatchEnd: () => void = ignoreFrame
  #side: SwitchSide | null = null
  #port: SwitchPort | null = null

  constructor(name: string, options: OfferedPortOptions) {
    this.name = name
    this.mac = options.mac
    this.mtu = options.mtu
  }

  plug(side: SwitchSide, port: SwitchPort): void {
    this.#side = side
    this.#port = port
  }

  send(f: Frame): void {
    if (this.#side === null || this.#port === null) {
      this.stats.txDropped++
      return
    }
    this.stats.txFrames++
    this.stats.txBytes += f.len
    this.#side.input(this.#port, f)
  }

  flush(): void {
    this.#side?.flush()
  }

  receive(f: Frame): void {
    this.stats.rxFrames++
    this.stats.rxBytes += f.len
    frameHandOver(f)
    this.onFrame(f)
  }

  /** Unplugs the stack's end; the port stays with the switch until it is removed. */
  close(): void {
    this.#side = null
    this.#port = null
    this.onFrame = ignoreFrame
    this.onBatchEnd = ignoreFrame
  }
}

export function createSwitchPortStats(): SwitchPortStats {
  return {
    inFrames: 0, inBytes: 0, outFrames: 0, outBytes: 0, flooded: 0, filtered: 0, moved: 0, runts: 0, badSource: 0,
    reserved: 0, overflow: 0, down: 0, tooLong: 0,
  }
}
