/**
 * Time travel. A world is deterministic, so any moment of it can be had again: from a checkpoint where everything in the
 * world is plain data (program.ts), and else by building it anew and running it from its start. Either way the same
 * events happen, to the bit.
 */

import { assert } from '../lib/assert.ts'
import type { AnyProgramKind } from './program.ts'
import { WorldCodeError } from './world-save.ts'
import { createWorld, World } from './world.ts'

export interface TimelineOptions {
  seed?: number
  /** Events between checkpoints (default 1000). */
  every?: number
  /** Checkpoints kept (default 64): when there are more, every second one goes, and `every` doubles. */
  keep?: number
  programs?: readonly AnyProgramKind[]
}

/** What `bisect` found: the predicate holds after event number `event` (from 1), and did not before it. */
export interface Found {
  event: number
  timeUs: number
  world: World
}

interface Checkpoint { bytes: Uint8Array; timeUs: number }

/** More events are taken for a world that has no end. */
const STEP_LIMIT = 50_000_000

/**
 * `build` makes the world: hosts, cables, programs. It is called again whenever the world is run from its start, so it
 * must do the same each time, and what its callbacks keep must be made in it.
 */
export function createTimeline(build: (world: World) => void, options: TimelineOptions = {}): Timeline {
  return new Timeline(build, options)
}

export class Timeline {
  /** The present of this timeline. Looking at it is free; who changes it makes another past: fork it with `clone`. */
  world: World
  /** Events that have happened. */
  event = 0
  /** Times that the world was run from its start. */
  rebuilt = 0
  readonly #build: (world: World) => void
  readonly #seed: number
  readonly #programs: readonly AnyProgramKind[]
  readonly #keep: number
  /** Event number → the world after it, and its time. */
  readonly #checkpoints = new Map<number, Checkpoint>()
  #every: number
  /** False once it turned out that the world cannot be saved. */
  #plain = true

  constructor(build: (world: World) => void, options: TimelineOptions) {
    const { seed = 1, every = 1000, keep = 64, programs = [] } = options
    if (!(every >= 1 && keep >= 2)) throw new RangeError('a checkpoint every event at most, and two at least')
    this.#build = build
    this.#seed = seed
    this.#every = every
    this.#keep = keep
    this.#programs = programs
    this.world = this.#start()
    this.#checkpoint()
  }

  /** Checkpoints held now. */
  get checkpoints(): number {
    return this.#checkpoints.size
  }

  /** Goes to a time (µs), forth or back: everything up to then has happened, that of this very time included. */
  at(timeUs: number): World {
    if (timeUs < this.world.now()) this.#back((_event, time) => time <= timeUs)
    while (this.world.clock.next() <= timeUs) this.#forward()
    this.world.run({ untilUs: timeUs })
    return this.world
  }

  /** Goes so many events forth, or back (negative). Stops at the first, and at the last if nothing more will happen. */
  step(events: number): World {
    return this.goTo(Math.max(0, this.event + events))
  }

  /** Goes to the moment after event number `event`, counted from 1; 0 is the beginning. */
  goTo(event: number): World {
    if (event < this.event) this.#back((at) => at <= event)
    while (this.event < event && this.#forward());
    return this.world
  }

  /**
   * The first event after which `predicate` holds, up to `untilUs`; null when it does not hold at the end, or does so from
   * the beginning. Exact for something that stays true. If it comes and goes, an event is found with which it comes.
   */
  bisect(predicate: (world: World) => boolean, untilUs: number): Found | null {
    this.goTo(0)
    if (predicate(this.world)) return null
    if (this.#plain) this.#nearBefore(predicate, untilUs)
    while (this.world.clock.next() <= untilUs) {
      this.#forward()
      if (predicate(this.world)) return { event: this.event, timeUs: this.world.now(), world: this.world }
    }
    return null
  }

  /** Goes to the last checkpoint at which the predicate does not hold yet. */
  #nearBefore(predicate: (world: World) => boolean, untilUs: number): void {
    while (this.world.clock.next() <= untilUs) this.#forward()
    const events = [...this.#checkpoints.keys()].filter((event) => event <= this.event).sort((x, y) => x - y)
    let [low, high] = [0, events.length]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      this.#load(events[middle])
      if (predicate(this.world)) high = middle
      else low = middle
    }
    this.#load(events[low])
  }

  /** One event; false when nothing is left to happen. */
  #forward(): boolean {
    assert(this.event < STEP_LIMIT, 'a timeline without end')
    if (this.world.run({ maxEvents: 1 }).events === 0) return false
    this.event++
    if (this.event % this.#every === 0) this.#checkpoint()
    return true
  }

  /** To the last checkpoint that is early enough, or to the beginning. */
  #back(early: (event: number, timeUs: number) => boolean): void {
    const events = [...this.#checkpoints].filter(([event, { timeUs }]) => early(event, timeUs)).map(([event]) => event)
    if (events.length > 0) this.#load(Math.max(...events))
    else {
      this.world = this.#start()
      this.event = 0
    }
  }

  #load(event: number): void {
    this.world = World.restore((this.#checkpoints.get(event) as Checkpoint).bytes, { programs: this.#programs })
    this.event = event
  }

  #start(): World {
    this.rebuilt++
    const world = createWorld({ seed: this.#seed })
    this.#build(world)
    // timers that the building has set stand in the clock from now on
    world.run({ maxEvents: 0 })
    return world
  }

  #checkpoint(): void {
    if (!this.#plain || this.#checkpoints.has(this.event)) return
    try {
      this.#checkpoints.set(this.event, { bytes: this.world.snapshot(), timeUs: this.world.now() })
    } catch (e) {
      if (!(e instanceof WorldCodeError)) throw e
      this.#plain = false
      this.#checkpoints.clear()
      return
    }
    if (this.#checkpoints.size <= this.#keep) return
    this.#every *= 2
    for (const event of [...this.#checkpoints.keys()]) if (event % this.#every !== 0) this.#checkpoints.delete(event)
  }
}
