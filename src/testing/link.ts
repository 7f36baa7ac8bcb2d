/** A link of a simulation: a cable whose conditions may change as it runs. */

import { checkImpairConfig } from '../device/impair-plan.ts'
import type { ImpairState, ImpairStats } from '../device/impair-plan.ts'
import type { Cable } from '../sim/cable.ts'
import { durationUs, impairOf } from './units.ts'
import type { Duration, LinkConditions } from './units.ts'

export type LinkDirection = 'both' | 'aToB' | 'bToA'

export interface LinkSide {
  note(text: string): void
  /** Calls `fn` after so many ms of simulated time. */
  after(ms: number, fn: () => void): void
}

export class TestLink {
  /** Names of its ends. */
  readonly a: string
  readonly b: string
  readonly cable: Cable
  readonly #side: LinkSide

  constructor(side: LinkSide, a: string, b: string, cable: Cable) {
    this.#side = side
    this.a = a
    this.b = b
    this.cable = cable
  }

  /** 'a-b'. */
  get name(): string {
    return `${this.a}-${this.b}`
  }

  /** Changes some of its conditions from now on, in both directions or in one. RangeError for what makes no sense. */
  set(conditions: LinkConditions, direction: LinkDirection = 'both'): void {
    const change = impairOf(conditions)
    for (const { config } of this.#directions(direction)) {
      checkImpairConfig({ ...config, ...change })
      Object.assign(config, change)
    }
    this.#side.note(`link ${this.#words(direction)}: ${JSON.stringify(conditions)}`)
  }

  /** Nothing passes from now on; for so long, if that is said. */
  cut(direction: LinkDirection = 'both', duration?: Duration): void {
    this.set({ cut: true }, direction)
    if (duration !== undefined) this.#side.after(durationUs(duration) / 1000, () => { this.mend(direction) })
  }

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

  #directions(direction: LinkDirection): ImpairState[] {
    const { aToB, bToA } = this.cable
    return direction === 'both' ? [aToB, bToA] : [direction === 'aToB' ? aToB : bToA]
  }

  #words(direction: LinkDirection): string {
    const { a, b } = this
    return direction === 'both' ? `${a} – ${b}` : direction === 'aToB' ? `${a} → ${b}` : `${b} → ${a}`
  }
}
