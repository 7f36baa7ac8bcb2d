/** A bottleneck whose queue CoDel (RFC 8289) keeps short: frames wait in it and leave one by one at the link's rate. */

import { checksumUpdate16 } from '../lib/checksum.ts'
import { IP_SUM } from '../wire/ipv4.ts'
import { viewOf } from '../wire/layout.ts'
import { codelDequeue, createCodelState } from './codel.ts'
import type { CodelPacket, CodelQueue, CodelState } from './codel.ts'
import type { DeviceClock, ResumableClock } from './device.ts'
import type { HeldFrame } from './held.ts'
import type { ImpairState } from './impair-plan.ts'

export interface Waiting extends CodelPacket {
  held: HeldFrame
  packetBytes: number
}

/** The queue as plain data: what waits, oldest first, and the alarm of the next turn (0: none). */
export interface CodelLineData {
  state: CodelState
  list: Waiting[]
  token: number
}

/** A frame has been given to the link, which has sent its last bit at `sentAt`. */
export type CodelSink = (held: HeldFrame, frameBytes: number, packetBytes: number, sentAt: number) => void

/** Dropped places at the front of the list are given back from here on. */
const COMPACT = 256
/** RFC 3168 §5: the two low bits of the traffic class. */
const ECN_CE = 3

export class CodelLine implements CodelQueue<Waiting> {
  readonly #im: ImpairState
  readonly #clock: DeviceClock
  readonly #sink: CodelSink
  readonly #state: CodelState = createCodelState()
  #list: Waiting[] = []
  #head = 0
  #bytes = 0
  #token = 0

  /** Configuration, counters and `busyUntil` are those of `im`. */
  constructor(im: ImpairState, clock: DeviceClock, sink: CodelSink) {
    this.#im = im
    this.#clock = clock
    this.#sink = sink
  }

  get waiting(): boolean {
    return this.#list.length > 0
  }

  get bytes(): number {
    return this.#bytes
  }

  enqueue(held: HeldFrame, frameBytes: number, packetBytes: number): void {
    const { config, stats } = this.#im
    if (this.#bytes > 0 && this.#bytes + frameBytes > config.queueBytes) {
      stats.queueFull++
      return
    }
    this.#list.push({ held, at: this.#clock.now(), frameBytes, packetBytes })
    this.#bytes += frameBytes
    this.#im.held++
    if (this.#token === 0) this.#serve()
  }

  shift(): Waiting | null {
    if (this.#head === this.#list.length) return null
    const w = this.#list[this.#head++]
    this.#bytes -= w.frameBytes
    this.#im.held--
    if (this.#head === this.#list.length || this.#head >= COMPACT) {
      this.#list = this.#list.slice(this.#head)
      this.#head = 0
    }
    return w
  }

  drop(): void {
    this.#im.stats.codelDropped++
  }

  mark({ held, frameBytes, packetBytes }: Waiting): boolean {
    if (!this.#im.config.ecn || packetBytes === 0 || !markCe(held, frameBytes, packetBytes)) return false
    this.#im.stats.marked++
    return true
  }

  /** What waits is lost. */
  close(): void {
    this.#clock.cancel(this.#token)
    this.#token = 0
    this.#list = []
    this.#head = 0
    this.#bytes = 0
  }

  save(): CodelLineData {
    return { state: { ...this.#state }, list: this.#list.slice(this.#head), token: this.#token }
  }

  /** Goes on with what `save` gave. The line is a fresh one. */
  resume({ state, list, token }: CodelLineData, clock: ResumableClock): void {
    Object.assign(this.#state, state)
    this.#list = [...list]
    this.#bytes = list.reduce((sum, w) => sum + w.frameBytes, 0)
    this.#token = token
    if (token !== 0) clock.resume(token, () => { this.#turn() })
  }

  /** Gives the link its next frame as soon as it can take one; CoDel looks at a frame just then, not before. */
  #serve(): void {
    const { config } = this.#im
    const now = this.#clock.now()
    if (this.#im.busyUntil <= now) {
      const w = codelDequeue(this.#state, this, now, config.codelTargetUs, config.codelIntervalUs)
      if (w !== null) {
        this.#im.busyUntil = now + w.frameBytes * 8e6 / config.rateBps
        this.#sink(w.held, w.frameBytes, w.packetBytes, this.#im.busyUntil)
      }
    }
    if (!this.waiting) return
    this.#token = this.#clock.at(this.#im.busyUntil, () => { this.#turn() })
  }

  #turn(): void {
    this.#token = 0
    this.#serve()
  }
}

/** Congestion Experienced in an ECN-capable packet that is the frame's tail; false in one that is not. */
function markCe(held: HeldFrame, frameBytes: number, packetBytes: number): boolean {
  const view = viewOf(held.bytes)
  // of a super-segment, `packetBytes` is one segment's
  const at = held.gsoSize > 0 ? -1 : frameBytes - packetBytes
  if (at < 0) return false
  const word = view.getUint16(at)
  // IPv4 has the traffic class in the second byte, IPv6 four bits earlier (RFC 8200 §3)
  const shift = word >> 12 === 6 ? 4 : 0
  if ((word >> shift & ECN_CE) === 0) return false
  const marked = word | ECN_CE << shift
  view.setUint16(at, marked)
  if (shift === 0) view.setUint16(at + IP_SUM, checksumUpdate16(view.getUint16(at + IP_SUM), word, marked))
  return true
}
