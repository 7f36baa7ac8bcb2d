/**
 * Node's timers in virtual time. Every timer, of a program or of Node's own (of sockets, HTTP, AbortSignal.timeout, timers/promises), is a
 * Timeout, and async_hooks tells of each when it is made. Those of a simulation are given a delay that never ends
 * in the real world, and called when the simulated time has come. So nothing needs to be replaced, wherever it was imported
 * from, and who is not part of the simulation keeps real time.
 */

import { AsyncResource } from 'node:async_hooks'
import { clearTimeout, setTimeout } from 'node:timers'
import { createTimerHeap, heapPop, heapPush, heapTop, NEVER } from '../kern/timer.ts'
import type { Patches } from '../node/patches.ts'
import type { Scope, Scopes } from './scope.ts'

/** Node's Timeout, as far as all versions have it. */
interface Timeout {
  _idleTimeout: number
  _onTimeout: ((...args: unknown[]) => void) | null
  _timerArgs: unknown[] | undefined
  _repeat: number | null
  _destroyed: boolean
  hasRef(): boolean
  refresh(): this
  unref(): this
}

interface Entry {
  readonly timer: Timeout
  readonly scope: Scope
  readonly ms: number
  readonly context: AsyncResource
  /** The heap's entry that counts. */
  id: number
  at: number
}

/** A call of the simulation's own: `world.at`. */
interface Planned { fn: () => void }

/** The longest that Node takes: 24 days and 20 hours. */
const FAR_MS = 0x7fffffff
/** Node's cache of the Date header, which outlives us. */
const NOT_OURS = 'resetCache'

export interface TimersSide {
  /** World time, µs. */
  now(): number
  /** Runs `fn` soon, as the event loop would. */
  later(fn: () => void, scope: Scope | null): void
}

export class VirtualTimers {
  readonly #side: TimersSide
  readonly #scopes: Scopes
  readonly #entries = new Map<Timeout, Entry>()
  readonly #byId = new Map<number, Entry | Planned>()
  readonly #heap = createTimerHeap()
  #nextId = 1

  constructor(side: TimersSide, scopes: Scopes) {
    this.#side = side
    this.#scopes = scopes
  }

  /** For async_hooks: a Timeout is being made. */
  made(timer: object): void {
    const scope = this.#scopes.getStore()
    if (scope !== undefined && !this.#entries.has(timer as Timeout)) this.#adopt(timer as Timeout, scope)
  }

  patch(patches: Patches): void {
    const probe = setTimeout(() => undefined, FAR_MS)
    clearTimeout(probe)
    patches.method(Object.getPrototypeOf(probe) as object, 'refresh', (original: () => Timeout) => {
      const timers = this.#entries
      const again = (timer: Timeout): boolean => this.#again(timer)
      return function (this: Timeout) {
        const known = timers.has(this)
        if (!again(this)) return original.call(this)
        return known ? this : original.call(this)
      }
    })
  }

  /** World time of the next timer that somebody still waits for, or Infinity. */
  next(): number {
    while (heapTop(this.#heap) < NEVER && !this.#counts(this.#heap.owner[0])) heapPop(this.#heap)
    return heapTop(this.#heap)
  }

  /** Calls what is due; it is 'later' that calls. True when one of them was more than an interval that keeps nobody alive. */
  fire(): boolean {
    let matters = false
    while (this.next() <= this.#side.now()) {
      const id = this.#heap.owner[0]
      heapPop(this.#heap)
      const one = this.#byId.get(id) as Entry | Planned
      this.#byId.delete(id)
      if ('fn' in one) {
        matters = true
        this.#side.later(one.fn, null)
        continue
      }
      if (!isIdle(one)) matters = true
      this.#side.later(() => { this.#call(one, id) }, one.scope)
    }
    return matters
  }

  /** Plans a call of the simulation's own. */
  plan(at: number, fn: () => void): void {
    this.#push(at, { fn })
  }

  /** Timers of a host that is down are gone. Undici has one for all connections of the process. */
  forget(which: (scope: Scope) => boolean): void {
    for (const { timer, scope } of [...this.#entries.values()]) {
      if (which(scope) && timer._onTimeout?.name !== 'onTick') this.#release(timer)
    }
  }

  /** Gives all timers back to Node: they are not called any more, and work as any other if somebody starts them again. */
  close(): void {
    for (const timer of [...this.#entries.keys()]) this.#release(timer)
    this.#byId.clear()
  }

  /** False when only intervals are left that keep nobody alive: Node's own housekeeping. */
  get waiting(): boolean {
    for (const [id, one] of this.#byId) if (('fn' in one || !isIdle(one)) && this.#counts(id)) return true
    return false
  }

  /** How many were ever made or started again. */
  get count(): number {
    return this.#nextId
  }

  /** Timers that somebody waits for, in words. */
  describe(): string[] {
    return [...this.#byId.entries()].filter(([id]) => this.#counts(id)).map(([, one]) => {
      if ('fn' in one) return 'a call planned with world.at'
      const { timer, ms, scope: { life } } = one
      return `${timer._repeat === null ? 'a timer' : 'an interval'} of ${ms} ms${life === null ? '' : ` on ${life.host}`}`
    })
  }

  #adopt(timer: Timeout, scope: Scope): void {
    const ms = timer._idleTimeout
    if (ms < 0 || timer._onTimeout?.name === NOT_OURS) return
    timer._idleTimeout = FAR_MS
    const entry: Entry = { timer, scope, ms, context: new AsyncResource('VIMAGETIMER'), id: 0, at: 0 }
    this.#entries.set(timer, entry)
    this.#start(entry, ms)
  }

  /** `refresh`: false when the timer is none of ours. */
  #again(timer: Timeout): boolean {
    const entry = this.#entries.get(timer)
    if (entry !== undefined) {
      if (timer._onTimeout !== null) this.#start(entry, entry.ms)
      return true
    }
    const scope = this.#scopes.getStore()
    if (scope === undefined || timer._onTimeout === null || timer._idleTimeout < 0) return false
    this.#adopt(timer, scope)
    return true
  }

  #start(entry: Entry, ms: number): void {
    this.#byId.delete(entry.id)
    entry.at = this.#side.now() + Math.max(1, Math.trunc(ms)) * 1000 / entry.scope.clock.rate
    entry.id = this.#push(entry.at, entry)
  }

  #push(at: number, one: Entry | Planned): number {
    const id = this.#nextId++
    this.#byId.set(id, one)
    heapPush(this.#heap, at, 0, id)
    return id
  }

  #counts(id: number): boolean {
    const one = this.#byId.get(id)
    if (one === undefined) return false
    if ('fn' in one || one.timer._onTimeout !== null && !one.timer._destroyed) return true
    this.#byId.delete(id)
    this.#entries.delete(one.timer)
    return false
  }

  #call(entry: Entry, id: number): void {
    const { timer } = entry
    const fn = timer._onTimeout
    if (fn === null || timer._destroyed || entry.id !== id) return
    try {
      entry.context.runInAsyncScope(fn, timer, ...timer._timerArgs ?? [])
    } finally {
      // stopped, or started again, by what was called?
      if (timer._onTimeout !== null && entry.id === id && this.#entries.get(timer) === entry) {
        if (timer._repeat !== null) this.#start(entry, timer._repeat)
        else this.#release(timer)
      }
    }
  }

  /** Out of Node's lists, as a timer that has fired: `refresh` starts it again. */
  #release(timer: Timeout): void {
    const entry = this.#entries.get(timer)
    if (entry === undefined) return
    this.#entries.delete(timer)
    this.#byId.delete(entry.id)
    const fn = timer._onTimeout
    clearTimeout(timer as unknown as NodeJS.Timeout)
    timer._onTimeout = fn
    timer._idleTimeout = entry.ms
  }
}

/** An interval that keeps nobody alive. */
function isIdle({ timer }: Entry): boolean {
  return timer._repeat !== null && !timer.hasRef()
}
