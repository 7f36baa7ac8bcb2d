/** A pair: two devices joined back to back, what is sent on one arrives on the other at once (FreeBSD's epair). */

import type { Mac } from '../lib/addr.ts'
import { frameRelease, frameRetain } from '../lib/frame.ts'
import type { Frame, FramePool } from '../lib/frame.ts'
import { ETHERMTU } from '../wire/ethernet.ts'
import { createDeviceStats, frameHandOver, framePacketBytes, ignoreFrame, LINK_ETHER, OFFLOAD_TSO } from './device.ts'
import type { Device, DeviceStats } from './device.ts'
import { macFromName } from './mac.ts'

export interface PairOptions {
  /** Names of the two ends (default 'pair0a' and 'pair0b'). */
  names?: readonly [string, string]
  /** LINK_*; Ethernet by default. */
  link?: number
  /** Suggested hardware addresses; by default they follow from the names. */
  macs?: readonly [Mac, Mac]
  mtu?: number
  /** Super-segments stay whole (default); otherwise frames of the MTU pass. */
  offload?: boolean
}

/** Frames sent while another is being delivered; more are dropped, or two ends that answer each answer never stop. */
const QUEUE_LIMIT = 1024

/** Two joined devices. `pool` is the one that the frames sent on them come from. */
export function createPair(pool: FramePool, options: PairOptions = {}): [Device, Device] {
  const [nameA, nameB] = options.names ?? ['pair0a', 'pair0b']
  const link = options.link ?? LINK_ETHER
  const [macA, macB] = options.macs ?? [macFromName(nameA), macFromName(nameB)]
  const mtu = options.mtu ?? ETHERMTU
  const cable: PairCable = { pool, queue: [], busy: false }
  const offload = options.offload === false ? 0 : OFFLOAD_TSO
  const a = new PairEnd(cable, nameA, link, link === LINK_ETHER ? macA : 0, mtu, offload)
  const b = new PairEnd(cable, nameB, link, link === LINK_ETHER ? macB : 0, mtu, offload)
  a.peer = b
  b.peer = a
  return [a, b]
}

interface PairCable {
  readonly pool: FramePool
  /** Frames with a reference, each with the end that it goes to, in the order of sending. */
  readonly queue: { to: PairEnd; f: Frame }[]
  busy: boolean
}

class PairEnd implements Device {
  readonly name: string
  readonly link: number
  readonly mac: Mac
  readonly mtu: number
  /** A super-segment stays whole: nothing is gained by cutting it between two stacks of one process. */
  readonly offload: number
  readonly stats: DeviceStats = createDeviceStats()
  onFrame: (f: Frame) => void = ignoreFrame
  onBatchEnd: () => void = ignoreFrame
  peer: PairEnd | null = null
  readonly #cable: PairCable

  constructor(cable: PairCable, name: string, link: number, mac: Mac, mtu: number, offload: number) {
    this.#cable = cable
    this.name = name
    this.link = link
    this.mac = mac
    this.mtu = mtu
    this.offload = offload
  }

  send(f: Frame): void {
    const { peer } = this
    const cable = this.#cable
    if (peer === null || framePacketBytes(f, this.link) > this.mtu || cable.queue.length >= QUEUE_LIMIT) {
      this.stats.txDropped++
      return
    }
    this.stats.txFrames++
    this.stats.txBytes += f.len
    if (!cable.busy) deliver(cable, peer, f)
    else {
      // sent from inside a delivery: in its turn, or two echoing ends would recurse without end
      frameRetain(f)
      cable.queue.push({ to: peer, f })
    }
  }

  flush(): void {
    this.peer?.onBatchEnd()
  }

  /** Unplugs the cable: nothing is delivered to either end any more. */
  close(): void {
    if (this.peer !== null) this.peer.peer = null
    this.peer = null
    this.onFrame = ignoreFrame
    this.onBatchEnd = ignoreFrame
  }
}

function deliver(cable: PairCable, to: PairEnd, f: Frame): void {
  cable.busy = true
  try {
    receive(to, f)
    for (let n = 0; n < cable.queue.length; n++) {
      const next = cable.queue[n]
      receive(next.to, next.f)
    }
  } finally {
    for (const { f: queued } of cable.queue) frameRelease(cable.pool, queued)
    cable.queue.length = 0
    cable.busy = false
  }
}

function receive(to: PairEnd, f: Frame): void {
  to.stats.rxFrames++
  to.stats.rxBytes += f.len
  frameHandOver(f)
  to.onFrame(f)
}
