/** Virtual time: events in a heap of plain numbers, equal times in the order of making. It moves only when told. */

import type { ResumableClock } from '../device/device.ts'
import { createTimerHeap, heapPop, heapPush, heapTop, NEVER } from '../kern/timer.ts'
import type { TimerHeap } from '../kern/timer.ts'
import { assert } from '../lib/assert.ts'

/** Kind of a heap entry made by `at`; its owner is the token. Other kinds belong to the world. */
export const EVENT_CALL = 1

/** A clock as plain data: its calls are named by their tokens. */
export interface ClockData {
  now: number
  nextToken: number
  heap: TimerHeap
}

export class SimClock implements ResumableClock {
  readonly heap: TimerHeap = createTimerHeap()
  readonly #calls = new Map<number, () => void>()
  #now = 0
  #nextToken = 1

  /** µs since the world began. */
  now(): number {
    return this.#now
  }

  /** Calls `fn` at `at`, or as the next event when that has passed. */
  at(at: number, fn: () => void): number {
    const token = this.#nextToken++
    this.#calls.set(token, fn)
    this.push(at, EVENT_CALL, token)
    return token
  }

  cancel(token: number): void {
    this.#calls.delete(token)
  }

  /** Between events. Calls that are cancelled are left out. */
  save(): ClockData {
    const { at, tie, kind, owner, nextTie } = this.heap
    return {
      now: this.#now, nextToken: this.#nextToken,
      heap: { at: [...at], tie: [...tie], kind: [...kind], owner: [...owner], nextTie },
    }
  }

  /** A fresh clock goes on from `save`; each call must be given again with `resume`. */
  load({ now, nextToken, heap }: ClockData): void {
    this.#now = now
    this.#nextToken = nextToken
    Object.assign(this.heap, heap)
  }

  resume(token: number, fn: () => void): void {
    assert(token > 0 && token < this.#nextToken && !this.#calls.has(token), `no call ${token} was saved`)
    this.#calls.set(token, fn)
  }

  /** Tokens of the calls that wait. */
  tokens(): number[] {
    return [...this.#calls.keys()]
  }

  /** Calls that are waiting: frames under way and what the test has planned. */
  get pending(): number {
    return this.#calls.size
  }

  /** An event of any kind; never before now. */
  push(at: number, kind: number, owner: number): void {
    assert(at < NEVER, 'an event without a time')
    heapPush(this.heap, Math.max(at, this.#now), kind, owner)
  }

  /** When the next event is due, or Infinity. */
  next(): number {
    this.#dropCancelled()
    return heapTop(this.heap)
  }

  /** Takes the next event off the heap and moves the time to it; calls what `at` was given. */
  take(): { kind: number; owner: number; at: number } {
    const { heap } = this
    const event = { kind: heap.kind[0], owner: heap.owner[0], at: heap.at[0] }
    heapPop(heap)
    this.#now = event.at
    if (event.kind !== EVENT_CALL) return event
    const fn = this.#calls.get(event.owner)
    this.#calls.delete(event.owner)
    fn?.()
    return event
  }

  /** Lets time pass up to `to`; no event may be due before. */
  moveTo(to: number): void {
    assert(to <= this.next(), 'time would jump over an event')
    if (to > this.#now) this.#now = to
  }

  /** A cancelled call is no reason to go on. */
  #dropCancelled(): void {
    const { heap } = this
    while (heap.at.length > 0 && heap.kind[0] === EVENT_CALL && !this.#calls.has(heap.owner[0])) heapPop(heap)
  }
}
