/**
 * A cable between threads: a pair (device/pair.ts) whose two ends share memory, a ring for each way.
 *
 *   const [left, right] = createRingCable()
 *   host.attach(openRing(left, driver), 'eth0')                  // here
 *   new VnetWorker({ cables: { right }, … })                     // and there
 *
 * While both ends are busy nothing but the rings is touched. An end that has found nothing for a while sleeps in
 * Atomics.waitAsync, where nothing polls, and whoever sends next wakes it. As with a pair, super-segments stay whole, and
 * what finds no room is dropped and counted.
 */

import { randomUUID } from 'node:crypto'
import { BroadcastChannel } from 'node:worker_threads'
import { createDeviceStats, framePacketBytes, ignoreFrame, LINK_ETHER, OFFLOAD_GATHER, OFFLOAD_TSO } from '../device/device.ts'
import type { Device, DeviceStats } from '../device/device.ts'
import { macFromName } from '../device/mac.ts'
import type { Mac } from '../lib/addr.ts'
import { frameRelease } from '../lib/frame.ts'
import type { Frame, FramePool } from '../lib/frame.ts'
import { ETHERMTU } from '../wire/ethernet.ts'
import {
  RING_CONTROL_BYTES, RING_SLEEPS, ringClaimWake, ringDone, ringIsEmpty, ringOpen, ringPublish, ringRead, ringSleep, ringWrite,
} from './ring.ts'
import type { Ring } from './ring.ts'

export interface RingCableOptions {
  /** Names of the two ends (default 'ring0a' and 'ring0b'). */
  names?: readonly [string, string]
  /** LINK_*; Ethernet by default. */
  link?: number
  macs?: readonly [Mac, Mac]
  mtu?: number
  /** Super-segments stay whole (default); otherwise frames of the MTU pass. */
  offload?: boolean
  /** Octets of each ring, a power of two (default 4 MiB). What is not used is not resident. */
  bytes?: number
  /** How a sleeping end is woken (default: 'wait' where Node has Atomics.waitAsync, else 'channel', a BroadcastChannel). */
  wake?: 'wait' | 'channel'
}

/** One end of a cable: plain data that postMessage takes to any thread, to be opened in one at a time. */
export interface RingEnd {
  readonly name: string
  readonly link: number
  readonly mac: Mac
  readonly mtu: number
  readonly offload: number
  readonly buffer: SharedArrayBuffer
  readonly side: 0 | 1
  /** The cable's; what shares memory cannot be compared otherwise. */
  readonly id: string
  readonly wake: 'wait' | 'channel'
}

/** A driver will do: it has the pool. */
export interface RingOptions {
  readonly pool: FramePool
  /** How long the end looks for more, between rounds of the event loop, before it sleeps (default 0.05). */
  readonly awakeMs?: number
}

/** Words of the cable in front of its rings: whether each end is open, and whether the cable is unplugged. */
const CABLE_BYTES = 64
const OPEN = 0
const UNPLUGGED = 2
/** setInterval's longest. */
const LONGEST_MS = 0x7fffffff
const SMALLEST = 2 ** 17
const LARGEST = 2 ** 29
/** Octets delivered before the stack answers; frames delivered, each costing as much as this. */
const BATCH_BYTES = 2 ** 18
const FRAME_COST = 2048
const AWAKE_MS = 0.05

/** The two ends of a new cable. RangeError for a size that is none. */
export function createRingCable(options: RingCableOptions = {}): [RingEnd, RingEnd] {
  const names = options.names ?? ['ring0a', 'ring0b']
  const size = options.bytes ?? 2 ** 22
  if (size < SMALLEST || size > LARGEST || (size & (size - 1)) !== 0) {
    throw new RangeError(`a ring has a power of two between ${SMALLEST} and ${LARGEST} octets, not ${size}`)
  }
  const link = options.link ?? LINK_ETHER
  const buffer = new SharedArrayBuffer(CABLE_BYTES + 2 * (RING_CONTROL_BYTES + size))
  const wake = options.wake ?? (waitAsync() === null ? 'channel' : 'wait')
  const id = randomUUID()
  const end = (side: 0 | 1): RingEnd => ({
    name: names[side], link, mac: link === LINK_ETHER ? options.macs?.[side] ?? macFromName(names[side]) : 0,
    mtu: options.mtu ?? ETHERMTU, offload: options.offload === false ? 0 : OFFLOAD_TSO, buffer, side, id, wake,
  })
  return [end(0), end(1)]
}

/** Opens an end in this thread. Frames that were sent to it before are delivered. Error where it is open already. */
export function openRing(end: RingEnd, { pool, awakeMs = AWAKE_MS }: RingOptions): RingDevice {
  return new RingDevice(end, pool, awakeMs)
}

/** Unplugs a cable whose end may be in a thread that is gone: the other end hears of it. */
export function unplugRing(end: RingEnd): void {
  const cable = new Int32Array(end.buffer, 0, CABLE_BYTES / 4)
  if (Atomics.exchange(cable, UNPLUGGED, 1) === 1) return
  const channel = end.wake === 'wait' ? null : new BroadcastChannel(channelName(end))
  for (const side of [0, 1]) wakeUp(openWay(end, side), channel, side)
  channel?.close()
}

export class RingDevice implements Device {
  readonly end: RingEnd
  readonly stats: DeviceStats = createDeviceStats()
  onFrame: (f: Frame) => void = ignoreFrame
  onBatchEnd: () => void = ignoreFrame
  /** The other end, or whoever had it, has unplugged the cable; the device has closed itself. */
  onGone: () => void = ignoreFrame
  readonly #pool: FramePool
  readonly #cable: Int32Array
  readonly #out: Ring
  readonly #in: Ring
  readonly #channel: BroadcastChannel | null
  readonly #awakeMs: number
  /** A thread that waits for frames does not end. */
  readonly #alive = setInterval(ignoreFrame, LONGEST_MS)
  #open = true
  #awakeUntil = 0

  constructor(end: RingEnd, pool: FramePool, awakeMs: number) {
    this.end = end
    this.#pool = pool
    this.#awakeMs = awakeMs
    this.#cable = new Int32Array(end.buffer, 0, CABLE_BYTES / 4)
    if (Atomics.exchange(this.#cable, OPEN + end.side, 1) === 1) {
      clearInterval(this.#alive)
      throw new Error(`${end.name} is open already, here or in another thread`)
    }
    this.#out = openWay(end, 1 - end.side)
    this.#in = openWay(end, end.side)
    this.#channel = end.wake === 'wait' ? null : this.#listen(channelName(end))
    setImmediate(() => this.#poll())
  }

  get name(): string {
    return this.end.name
  }

  get link(): number {
    return this.end.link
  }

  get mac(): Mac {
    return this.end.mac
  }

  get mtu(): number {
    return this.end.mtu
  }

  get offload(): number {
    // what a frame has on loan is copied at once
    return this.end.offload === 0 ? 0 : this.end.offload | OFFLOAD_GATHER
  }

  /** The cable alone does not keep its thread from ending. */
  unref(): this {
    this.#alive.unref()
    return this
  }

  send(f: Frame): void {
    const { end, stats } = this
    const refused = !this.#open || Atomics.load(this.#cable, UNPLUGGED) === 1 || framePacketBytes(f, end.link) > end.mtu
    if (refused || !ringWrite(this.#out, f)) {
      stats.txDropped++
      return
    }
    stats.txFrames++
    stats.txBytes += f.len
    // a sleeper comes while the rest of the batch is written
    if (this.#out.published === this.#out.tail) this.#wake()
  }

  flush(): void {
    if (!this.#open) return
    ringPublish(this.#out)
    this.#wake()
  }

  /** Unplugs the cable: nothing is delivered to either end any more. */
  close(): void {
    if (!this.#open) return
    this.release()
    unplugRing(this.end)
  }

  /** Lets go of the end, which may be opened again, in any thread; what arrives meanwhile waits in the ring. */
  release(): RingEnd {
    if (!this.#open) return this.end
    this.flush()
    this.#open = false
    clearInterval(this.#alive)
    ringDone(this.#in)
    this.onFrame = ignoreFrame
    this.onBatchEnd = ignoreFrame
    // our own wait ends: a wake-up that finds it would be lost to the end's next user
    if (ringClaimWake(this.#in)) Atomics.notify(this.#in.control, RING_SLEEPS)
    this.#channel?.close()
    Atomics.store(this.#cable, OPEN + this.end.side, 0)
    return this.end
  }

  #wake(): void {
    wakeUp(this.#out, this.#channel, 1 - this.end.side)
  }

  #listen(name: string): BroadcastChannel {
    const channel = new BroadcastChannel(name)
    channel.onmessage = (event) => {
      if ((event as { data: unknown }).data === this.end.side) this.#poll()
    }
    channel.unref()
    return channel
  }

  /** One batch; then again in the loop's next round, or to sleep. */
  #poll(): void {
    if (!this.#open) return
    let again = true
    try {
      if (this.#deliver()) this.#awakeUntil = performance.now() + this.#awakeMs
      else if (Atomics.load(this.#cable, UNPLUGGED) === 1) {
        this.release()
        this.onGone()
      } else again = performance.now() < this.#awakeUntil || !ringSleep(this.#in)
    } finally {
      // whatever a user of the stack has thrown
      if (!again) this.#sleep()
      else if (this.#open) setImmediate(() => this.#poll())
    }
  }

  #sleep(): void {
    // unplugged between the look at it and going to sleep
    const late = Atomics.load(this.#cable, UNPLUGGED) === 1 && ringClaimWake(this.#in)
    if (late) setImmediate(() => this.#poll())
    else if (this.#channel === null) {
      const waited = waitAsync()?.(this.#in.control, RING_SLEEPS, 1)
      if (waited?.async === true) void waited.value.then(() => this.#poll())
      else setImmediate(() => this.#poll())
    }
  }

  /** Delivers a batch; false when there was nothing. */
  #deliver(): boolean {
    const ring = this.#in
    const { stats } = this
    if (ringIsEmpty(ring)) return false
    for (let cost = 0; cost < BATCH_BYTES && this.#open && !ringIsEmpty(ring);) {
      const f = ringRead(ring, this.#pool)
      if (f === null) {
        stats.rxErrors++
        continue
      }
      stats.rxFrames++
      stats.rxBytes += f.len
      cost += FRAME_COST + f.len
      try {
        this.onFrame(f)
      } finally {
        frameRelease(this.#pool, f)
      }
    }
    if (this.#open) ringDone(ring)
    this.onBatchEnd()
    return true
  }
}

function channelName({ id }: RingEnd): string {
  return `vimage-ring-${id}`
}

/** The ring whose consumer is the end of this side. */
function openWay(end: RingEnd, side: number): Ring {
  const size = (end.buffer.byteLength - CABLE_BYTES) / 2 - RING_CONTROL_BYTES
  return ringOpen(end.buffer, CABLE_BYTES + side * (RING_CONTROL_BYTES + size), size)
}

function wakeUp(ring: Ring, channel: BroadcastChannel | null, side: number): void {
  if (!ringClaimWake(ring)) return
  if (channel === null) Atomics.notify(ring.control, RING_SLEEPS)
  else channel.postMessage(side)
}

type WaitAsync = (words: Int32Array, index: number, value: number) => { async: false } | { async: true; value: Promise<string> }

/** ECMAScript 2024; null in a Node without it. */
function waitAsync(): WaitAsync | null {
  const { waitAsync: found } = Atomics as unknown as { waitAsync?: WaitAsync }
  return found ?? null
}
