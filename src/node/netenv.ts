/** What the handles of one Vnet share: who drives it, when they call back, and whether they keep the process alive. */

import type { Runner } from '../vnet/runner.ts'

/** Who calls back, where it is not the event loop itself: a simulation, which lets time pass when all has been called. */
export interface NetLoop { later(fn: () => void): void }

export class NetEnv {
  readonly runner: Runner
  /** Where reads land before they are copied to the reader's own buffer. */
  readonly scratch = new Uint8Array(65_536)
  readonly #later: (fn: () => void) => void
  readonly #every: typeof setInterval | null
  #held = 0
  #alive: NodeJS.Timeout | null = null

  /** With a `loop`, that is also what keeps the process alive. */
  constructor(runner: Runner, loop: NetLoop | null = null) {
    this.runner = runner
    // taken now: a test may put fake timers in their place, and those stand still
    const immediately = setImmediate
    this.#later = loop === null ? (fn) => { immediately(fn) } : (fn) => { loop.later(fn) }
    this.#every = loop === null ? setInterval : null
  }

  /**
   * Runs `fn` from the event loop. What a kernel reports is called back from there, one event at a time with the
   * promises and ticks of each done before the next; so is this.
   */
  later(fn: () => void): void {
    this.#later(fn)
  }

  /** `delta` more handles (or requests) for which the process stays alive. */
  hold(delta: number): void {
    const was = this.#held
    this.#held += delta
    if (this.#every === null) return
    if (was === 0 && this.#held > 0) {
      this.#alive ??= this.#every(() => undefined, 0x7fffffff)
      this.#alive.ref()
    } else if (was > 0 && this.#held === 0) this.#alive?.unref()
  }

  /** How many keep the process alive. */
  get held(): number {
    return this.#held
  }
}
