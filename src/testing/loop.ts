/**
 * The event loop of a simulation: it alternates between the two worlds.
 *
 *   run JavaScript until none is left to run: microtasks, ticks, immediates, and work that really takes time
 *   → let the simulated time pass until something happens that JavaScript hears of: a frame, a timer
 *
 * Virtual time moves only while no JavaScript runs. Whatever happens at one instant happens in the order in which it was planned.
 */

import { createHook } from 'node:async_hooks'
import type { AsyncHook } from 'node:async_hooks'
import { setImmediate, setTimeout } from 'node:timers'
import type { Patches } from '../node/patches.ts'
import type { World } from '../sim/world.ts'
import { RealWork } from './realwork.ts'
import type { Scope, Scopes } from './scope.ts'
import { VirtualTimers } from './timers.ts'

/** Node's Immediate. */
interface Immediate { _destroyed: boolean }

/** Turns of the loop that look for real work, before it is looked for each millisecond only. */
const EAGER_TURNS = 200
/** Events of the world before the process may do something else. */
const EVENTS_A_TURN = 20_000
/** TCP waits for nothing longer than its keep-alive of two hours; what a Vnet plans beyond is housekeeping. */
const HORIZON_US = 3 * 3600e6
/** Rounds of intervals that keep nobody alive, after which nothing else will come. */
const IDLE_ROUNDS = 3
/** Real time for what we cannot see (a module that is being loaded, a worker's message) before a simulation is called stuck. */
const GRACE_MS = 100

export interface LoopSide {
  /** Nothing will ever happen any more. */
  stuck(): void
  /** An error that nobody caught. */
  failed(error: unknown): void
  /** Asked when all JavaScript has run: true ends the loop. */
  over(): boolean
  /** World time at which it has lasted too long, µs. */
  limitUs: number
  tooLong(): void
  /** Somebody wants to look after every event, and looks. */
  watching(): boolean
  look(): void
}

export class EventLoop {
  readonly timers: VirtualTimers
  readonly real: RealWork
  readonly #world: World
  readonly #scopes: Scopes
  readonly #side: LoopSide
  readonly #hook: AsyncHook
  readonly #immediates = new Set<Immediate>()
  #tasks = 0
  /** JavaScript has run since time moved. */
  #active = true
  #idleRounds = 0
  #eager = 0
  #turning = false
  #stopped = false
  #ended: () => void = () => undefined

  constructor(world: World, scopes: Scopes, side: LoopSide) {
    this.#world = world
    this.#scopes = scopes
    this.#side = side
    this.timers = new VirtualTimers({ now: () => world.now(), later: (fn, scope) => { this.later(fn, scope) } }, scopes)
    this.real = new RealWork(scopes, () => { this.#turnSoon() })
    this.#hook = createHook({
      init: (_id, type, _trigger, resource) => {
        if (type === 'PROMISE' || type === 'TickObject') return
        if (type === 'Timeout') this.timers.made(resource)
        else if (type === 'Immediate') this.#immediate(resource as Immediate)
        else this.real.made(type, resource)
      },
    })
  }

  patch(patches: Patches): void {
    this.timers.patch(patches)
    this.real.patch(patches)
    this.#hook.enable()
  }

  /** Runs until the side says that it is over. */
  async run(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#ended = resolve
      this.#turnSoon()
    })
    this.#hook.disable()
    this.timers.close()
  }

  /** Runs `fn` from the loop, as what a kernel reports is; not any more if its host has crashed by then. */
  later(fn: () => void, scope: Scope | null): void {
    this.#tasks++
    setImmediate(() => {
      this.#tasks--
      this.#active = true
      if (this.#stopped || scope?.life?.alive === false) return
      try {
        fn()
      } catch (error) {
        this.#side.failed(error)
      }
    })
  }

  /** What it rejects with fails the simulation. */
  caught(promise: Promise<unknown>): void {
    promise.catch((error: unknown) => { this.#side.failed(error) })
  }

  /** JavaScript runs from within the world: it is let finish before anything else happens. */
  touch(): void {
    this.#active = true
  }

  #immediate(one: Immediate): void {
    if (this.#scopes.getStore() !== undefined) this.#immediates.add(one)
  }

  #turnSoon(): void {
    if (this.#turning || this.#stopped) return
    this.#turning = true
    this.#scopes.exit(() => setImmediate(() => {
      this.#turning = false
      this.#turn()
    }))
  }

  #turn(): void {
    if (this.#stopped) return
    for (const one of this.#immediates) if (one._destroyed) this.#immediates.delete(one)
    if (this.#tasks > 0 || this.#immediates.size > 0) {
      this.#active = true
      this.#turnSoon()
    } else if (this.real.pending) this.#waitForReal()
    else if (this.#active) {
      // one turn of the real loop in which nothing happens
      this.#active = false
      this.#eager = 0
      this.#turnSoon()
    } else this.#advance()
  }

  #waitForReal(): void {
    this.#active = true
    if (this.#eager++ < EAGER_TURNS) this.#turnSoon()
    else if (!this.#turning) {
      this.#turning = true
      this.#scopes.exit(() => setTimeout(() => {
        this.#turning = false
        this.#turn()
      }, 1))
    }
  }

  #advance(): void {
    if (this.#side.over()) {
      this.#stop()
      return
    }
    const world = this.#world
    let quiet = 0
    try {
      const { limitUs } = this.#side
      const until = this.timers.next()
      const watching = this.#side.watching()
      // a Vnet's own housekeeping is nothing to wait for
      const most = this.timers.waiting ? limitUs : Math.min(limitUs, world.now() + HORIZON_US)
      const ran = world.run({
        ...(until === Infinity ? {} : { untilUs: Math.min(until, most) }), maxEvents: watching ? 1 : EVENTS_A_TURN,
        until: () => this.#tasks > 0 || this.#active || world.now() >= limitUs || this.#side.over() ||
          (until === Infinity && world.clock.next() > most),
      })
      if (watching) this.#side.look()
      if (this.#tasks > 0 || ran.events > 0 || ran.end === 'until') this.#idleRounds = 0
      if (world.now() >= limitUs) this.#side.tooLong()
      else if (ran.events === 0 && this.#tasks === 0 && !this.#active && world.clock.next() > most && until > most) {
        quiet = IDLE_ROUNDS + 1
      } else if (ran.end === 'time' || ran.end === 'idle') {
        if (this.timers.next() < Infinity) {
          world.clock.moveTo(this.timers.next())
          if (this.timers.fire()) this.#idleRounds = 0
          else quiet = this.timers.waiting ? 0 : ++this.#idleRounds
        } else quiet = IDLE_ROUNDS + 1
      }
    } catch (error) {
      this.#side.failed(error)
    }
    if (quiet > IDLE_ROUNDS) this.#stuck()
    else this.#turnSoon()
  }

  /** What we cannot see gets a moment of real time to bring something. */
  #stuck(): void {
    this.#idleRounds = 0
    this.#turning = true
    const before = this.timers.count
    this.#scopes.exit(() => setTimeout(() => {
      this.#turning = false
      const nothing = this.#tasks === 0 && this.#immediates.size === 0 && !this.real.pending && this.timers.count === before
      this.#world.run({ maxEvents: 0 })
      if (nothing && !this.#active && this.#world.clock.next() > this.#world.now() + HORIZON_US && !this.#side.over()) this.#side.stuck()
      this.#turnSoon()
    }, GRACE_MS))
  }

  #stop(): void {
    this.#stopped = true
    this.#ended()
  }
}
