/** Cables: what goes in at one end comes out at the other, later, some of it. */

import type { Mac } from '../lib/addr.ts'
import type { Frame, FramePool } from '../lib/frame.ts'
import { createDeviceStats, frameHandOver, ignoreFrame, LINK_ETHER } from '../device/device.ts'
import type { Device, DeviceClock, DeviceStats, ResumableClock } from '../device/device.ts'
import { DelayLine } from '../device/impair.ts'
import type { DelayLineData } from '../device/impair.ts'
import { createImpairState } from '../device/impair-plan.ts'
import type { ImpairConfig, ImpairState } from '../device/impair-plan.ts'
import { ETHERMTU } from '../wire/ethernet.ts'

/** Both directions are the same unless `aToB` or `bToA` says otherwise. */
export interface CableOptions extends Partial<ImpairConfig> {
  aToB?: Partial<ImpairConfig>
  bToA?: Partial<ImpairConfig>
  /** LINK_*; Ethernet by default. */
  link?: number
  /** MTU of interfaces and switch ports made for the cable. (`mtu` is the black hole: longer packets vanish.) */
  ifMtu?: number
}

/** 2 km of fibre. Even without delay a frame arrives in an event after the one that sent it. */
export const DEFAULT_CABLE_DELAY_US = 10

export interface Cable {
  readonly name: string
  readonly a: Device
  readonly b: Device
  /** Configuration (may be changed while it runs) and counters of each direction. */
  readonly aToB: ImpairState
  readonly bToA: ImpairState
  /** Frames under way in each direction, as plain data (not copied); null when the cable is closed. */
  save(): CableFlight | null
  /** A fresh cable, whose `aToB`, `bToA` and devices' counters have been filled in, goes on from `save`. */
  resume(flight: CableFlight, clock: ResumableClock): void
  /** Frames under way are lost, and nothing passes any more. */
  close(): void
}

export interface CableFlight { aToB: DelayLineData; bToA: DelayLineData }

export interface CableSide {
  readonly clock: DeviceClock
  readonly pool: FramePool
}

const SEED_A_TO_B = 1
const SEED_B_TO_A = 2

export function createCable(side: CableSide, name: string, seed: readonly number[], options: CableOptions): Cable {
  const { aToB, bToA, link = LINK_ETHER, ifMtu = ETHERMTU, ...both } = options
  const common = { delayUs: DEFAULT_CABLE_DELAY_US, ...both }
  const a = new CableEnd(`${name}.a`, link, ifMtu)
  const b = new CableEnd(`${name}.b`, link, ifMtu)
  const forward = createImpairState([...seed, SEED_A_TO_B], { ...common, ...aToB })
  const back = createImpairState([...seed, SEED_B_TO_A], { ...common, ...bToA })
  a.line = new DelayLine(forward, side.clock, side.pool, link, true, b)
  b.line = new DelayLine(back, side.clock, side.pool, link, true, a)
  const close = (): void => {
    a.close()
    b.close()
  }
  const save = (): CableFlight | null =>
    a.line === null || b.line === null ? null : { aToB: a.line.save(), bToA: b.line.save() }
  const resume = (flight: CableFlight, clock: ResumableClock): void => {
    a.line?.resume(flight.aToB, clock)
    b.line?.resume(flight.bToA, clock)
  }
  return { name, a, b, aToB: forward, bToA: back, save, resume, close }
}

class CableEnd implements Device {
  readonly name: string
  readonly link: number
  readonly mac: Mac = 0
  readonly mtu: number
  readonly offload = 0
  readonly stats: DeviceStats = createDeviceStats()
  onFrame: (f: Frame) => void = ignoreFrame
  onBatchEnd: () => void = ignoreFrame
  /** Where frames sent from this end go. */
  line: DelayLine | null = null

  constructor(name: string, link: number, mtu: number) {
    this.name = name
    this.link = link
    this.mtu = mtu
  }

  send(f: Frame): void {
    this.stats.txFrames++
    this.stats.txBytes += f.len
    this.line?.send(f)
  }

  flush(): void {
    // nothing is queued: the line has copied what it keeps
  }

  /** A frame has come out of the cable here. */
  frame(f: Frame): void {
    this.stats.rxFrames++
    this.stats.rxBytes += f.len
    frameHandOver(f)
    this.onFrame(f)
  }

  end(): void {
    this.onBatchEnd()
  }

  close(): void {
    this.line?.close()
    this.line = null
    this.onFrame = ignoreFrame
    this.onBatchEnd = ignoreFrame
  }
}
