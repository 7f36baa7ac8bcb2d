/** A link of a simulation: a cable whose conditions may change as it runs. */

import { checkImpairConfig } from '../device/impair-plan.ts'
import type { ImpairConfig, ImpairStats } from '../device/impair-plan.ts'
import type { Cable } from '../sim/cable.ts'
import { durationUs, impairOf } from './units.ts'
import type { Duration, LinkConditions } from './units.ts'

export type LinkDirection = 'both' | 'aToB' | 'bToA'

export interface LinkSide {
  note(text: string): void
  /** Calls `fn` after so many ms of simulated time. */
  after(ms: number, fn: () => void): void
  /** Of the interfaces at both ends. */
  setMtu(bytes: number): void
}

export class TestLink {
  /** Names of its ends. */
  readonly a: string
  readonly b: string
  readonly cable: Cable
  readonly #side: LinkSide
  /** Conditions of each direction but for passing disturbances, and these, each with its directions. */
  readonly #usual: ImpairConfig[]
  readonly #passing: { change: Partial<ImpairConfig>; direction: LinkDirection }[] = []

  constructor(side: LinkSide, a: string, b: string, cable: Cable) {
    this.#side = side
    this.a = a
    this.b = b
    this.cable = cable
    this.#usual = [{ ...cable.aToB.config }, { ...cable.bToA.config }]
  }

  /** 'a-b'. */
  get name(): string {
    return `${this.a}-${this.b}`
  }

  /** Changes some of its conditions from now on, in both directions or in one. RangeError for what makes no sense. */
  set(conditions: LinkConditions, direction: LinkDirection = 'both'): void {
    const change = impairOf(conditions)
    for (const usual of this.#usual) checkImpairConfig({ ...usual, ...change })
    this.#usual.forEach((usual, i) => { if (concerns(direction, i)) Object.assign(usual, change) })
    this.#apply()
    this.#side.note(`link ${this.#words(direction)}: ${JSON.stringify(conditions)}`)
  }

  /** Another MTU for the interfaces at both ends, as after a change of the path: senders are told (RFC 1191, RFC 8201). */
  setMtu(bytes: number): void {
    this.#side.setMtu(bytes)
    this.#side.note(`link ${this.#words('both')}: MTU ${bytes}`)
  }

  /** Other conditions for so long, and then those that `set` has made; the last of several disturbances counts. */
  disturb(conditions: LinkConditions, duration: Duration, direction: LinkDirection = 'both'): void {
    const passing = { change: impairOf(conditions), direction }
    for (const usual of this.#usual) checkImpairConfig({ ...usual, ...passing.change })
    this.#passing.push(passing)
    this.#apply()
    const words = this.#words(direction)
    this.#side.note(`link ${words}: ${JSON.stringify(conditions)} for ${durationUs(duration) / 1000} ms`)
    this.#side.after(durationUs(duration) / 1000, () => {
      this.#passing.splice(this.#passing.indexOf(passing), 1)
      this.#apply()
      this.#side.note(`link ${words}: no ${Object.keys(conditions).join(', ')} any more`)
    })
  }

  /** Nothing passes from now on; for so long, if that is said. */
  cut(direction: LinkDirection = 'both', duration?: Duration): void {
    if (duration === undefined) this.set({ cut: true }, direction)
    else this.disturb({ cut: true }, duration, direction)
  }

  /** Ends what `cut` without a duration began. */
  mend(direction: LinkDirection = 'both'): void {
    this.set({ cut: false }, direction)
  }

  /** Goes down and up so many times, each for so long. */
  flap(times: number, duration: Duration): void {
    if (times <= 0) return
    this.cut('both', duration)
    this.#side.after(2 * durationUs(duration) / 1000, () => { this.flap(times - 1, duration) })
  }

  /** What has become of packets in each direction. */
  get stats(): { aToB: Readonly<ImpairStats>; bToA: Readonly<ImpairStats> } {
    return { aToB: this.cable.aToB.stats, bToA: this.cable.bToA.stats }
  }

  #apply(): void {
    const { aToB, bToA } = this.cable
    for (const [i, { config }] of [aToB, bToA].entries()) {
      Object.assign(config, this.#usual[i])
      for (const { change, direction } of this.#passing) if (concerns(direction, i)) Object.assign(config, change)
    }
  }

  #words(direction: LinkDirection): string {
    const { a, b } = this
    return direction === 'both' ? `${a} – ${b}` : direction === 'aToB' ? `${a} → ${b}` : `${b} → ${a}`
  }
}

/** `i`: 0 from a to b, 1 back. */
function concerns(direction: LinkDirection, i: number): boolean {
  return direction === 'both' || (direction === 'aToB') === (i === 0)
}
