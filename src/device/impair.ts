/** Impairment: a device, or one direction of a cable, that behaves like a bad link (impair-plan.ts decides how). */

import { frameRelease } from '../lib/frame.ts'
import type { Frame, FramePool } from '../lib/frame.ts'
import {
  ETHER_HDR_LEN, ETHER_TYPE, ETHERTYPE_IP, ETHERTYPE_IPV6, ETHERTYPE_VLAN, VLAN_TAG_LEN,
} from '../wire/ethernet.ts'
import { framePacketBytes, LINK_ETHER } from './device.ts'
import type { Device, DeviceClock, ResumableClock } from './device.ts'
import { CodelLine } from './codel-line.ts'
import type { CodelLineData } from './codel-line.ts'
import { frameHold, frameThaw, heldFinish } from './held.ts'
import type { HeldFrame } from './held.ts'
import { createImpairState, impairEnter, impairLeave, impairPlan } from './impair-plan.ts'
import type { ImpairConfig, ImpairPlan, ImpairState } from './impair-plan.ts'
import { WrappedDevice } from './wrapped.ts'

export interface ImpairOptions {
  clock: DeviceClock
  pool: FramePool
  /** Same seed, same frames, same times: same fate. */
  seed: readonly number[]
  /** From the user to the medium, and from the medium to the user. Can be changed as it runs (`device.tx.config`). */
  tx?: Partial<ImpairConfig>
  rx?: Partial<ImpairConfig>
}

/** A super-segment counts as one frame: open a TAP without `offload` and with `merge: false` to lose single segments. */
export function impairDevice(inner: Device, options: ImpairOptions): ImpairedDevice {
  return new ImpairedDevice(inner, options)
}

/** Words that keep the two directions' random numbers apart. */
const SEED_TX = 1
const SEED_RX = 2

export class ImpairedDevice extends WrappedDevice {
  readonly #tx: DelayLine
  readonly #rx: DelayLine

  constructor(inner: Device, options: ImpairOptions) {
    super(inner)
    const { clock, pool, seed } = options
    const tx = createImpairState([...seed, SEED_TX], options.tx)
    const rx = createImpairState([...seed, SEED_RX], options.rx)
    this.#tx = new DelayLine(tx, clock, pool, inner.link, false, {
      frame: (f) => inner.send(f),
      end: () => inner.flush(),
    })
    this.#rx = new DelayLine(rx, clock, pool, inner.link, false, {
      frame: (f) => this.onFrame(f),
      end: () => this.onBatchEnd(),
    })
    inner.onFrame = (f) => this.#rx.send(f)
  }

  /** Configuration and counters of the direction to the medium. */
  get tx(): ImpairState {
    return this.#tx.state
  }

  get rx(): ImpairState {
    return this.#rx.state
  }

  override send(f: Frame): void {
    this.#tx.send(f)
  }

  /** Frames under way are lost. */
  override close(): void {
    this.#tx.close()
    this.#rx.close()
    super.close()
  }
}

/** Where a delay line ends. */
export interface LineEnd {
  /** Borrowed. */
  frame(f: Frame): void
  /** After a frame that came later than it was sent. */
  end(): void
}

/** A frame under way, and the alarm at which it arrives. */
export interface FlyingFrame { token: number; frame: HeldFrame }

/** What a delay line holds besides its `state`. */
export interface DelayLineData {
  flying: FlyingFrame[]
  codel: CodelLineData
}

/** One direction of an impaired link: frames go in with `send` and come out at `to`, some of them, some time. */
export class DelayLine {
  readonly state: ImpairState
  readonly #clock: DeviceClock
  readonly #pool: FramePool
  readonly #link: number
  readonly #always: boolean
  readonly #to: LineEnd
  /** Frames under way, by the token of the alarm at which they arrive. */
  readonly #flying = new Map<number, HeldFrame>()
  readonly #plan: ImpairPlan = { copies: 0, at: 0, flipBit: -1 }
  readonly #codel: CodelLine

  /** `always`: a frame never comes out during `send`, not even without delay. */
  constructor(
    state: ImpairState, clock: DeviceClock, pool: FramePool, link: number, always: boolean, to: LineEnd,
  ) {
    this.state = state
    this.#clock = clock
    this.#pool = pool
    this.#link = link
    this.#always = always
    this.#to = to
    this.#codel = new CodelLine(state, clock, (held, frameBytes, packetBytes, sentAt) => {
      impairLeave(state, clock.now(), sentAt, frameBytes, packetBytes, this.#plan)
      this.#leave(held, this.#plan)
    })
  }

  /** Borrowed. */
  send(f: Frame): void {
    const plan = this.#plan
    const now = this.#clock.now()
    const packetBytes = carriesIp(f, this.#link) ? framePacketBytes(f, this.#link) : 0
    const { config } = this.state
    // a queue that CoDel has begun is served to its end in order, whatever has become of the configuration meanwhile
    if (this.#codel.waiting || (config.codel && config.on)) {
      if (impairEnter(this.state, packetBytes)) this.#codel.enqueue(frameHold(f), f.len, packetBytes)
      return
    }
    impairPlan(this.state, now, f.len, packetBytes, plan)
    const { copies, at, flipBit } = plan
    if (copies === 0) return
    if (flipBit < 0 && at <= now && !this.#always) {
      for (let i = 0; i < copies; i++) this.#to.frame(f)
      return
    }
    this.#leave(frameHold(f), plan)
  }

  /** Frames under way and in the queue; they are not copied. */
  save(): DelayLineData {
    return { flying: Array.from(this.#flying, ([token, frame]) => ({ token, frame })), codel: this.#codel.save() }
  }

  /** Goes on with what `save` gave. The line is a fresh one, and its `state` has been filled in. */
  resume({ flying, codel }: DelayLineData, clock: ResumableClock): void {
    for (const { token, frame } of flying) {
      this.#flying.set(token, frame)
      clock.resume(token, () => { this.#arrive(token) })
    }
    this.#codel.resume(codel, clock)
  }

  /** Frames under way are lost. */
  close(): void {
    for (const token of this.#flying.keys()) this.#clock.cancel(token)
    this.#flying.clear()
    this.#codel.close()
    this.state.held = 0
  }

  #leave(held: HeldFrame, { copies, at, flipBit }: ImpairPlan): void {
    if (flipBit >= 0) corrupt(held, flipBit)
    for (let i = 0; i < copies; i++) {
      if (at <= this.#clock.now() && !this.#always) this.#thaw(held)
      else this.#schedule(held, at)
    }
  }

  #schedule(held: HeldFrame, at: number): void {
    const { state } = this
    state.held++
    const token = this.#clock.at(at, () => { this.#arrive(token) })
    this.#flying.set(token, held)
  }

  #arrive(token: number): void {
    const held = this.#flying.get(token) as HeldFrame
    this.#flying.delete(token)
    this.state.held--
    this.#thaw(held)
    this.#to.end()
  }

  #thaw(held: HeldFrame): void {
    const f = frameThaw(this.#pool, held)
    if (f === null) {
      this.state.stats.noBuffer++
      return
    }
    this.#to.frame(f)
    frameRelease(this.#pool, f)
  }
}

/** Damage that the receiver's checksum shall find, so it must be complete and nobody may vouch for it. */
function corrupt(held: HeldFrame, bit: number): void {
  heldFinish(held)
  held.gsoSize = 0
  const at = bit >> 3
  held.bytes[at] = (held.bytes[at]) ^ (1 << (bit & 7))
}

function carriesIp(f: Frame, link: number): boolean {
  if (link !== LINK_ETHER) return true
  if (f.len < ETHER_HDR_LEN + VLAN_TAG_LEN) return false
  let type = f.view.getUint16(f.off + ETHER_TYPE)
  if (type === ETHERTYPE_VLAN) type = f.view.getUint16(f.off + ETHER_TYPE + VLAN_TAG_LEN)
  return type === ETHERTYPE_IP || type === ETHERTYPE_IPV6
}
