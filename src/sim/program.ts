/**
 * Programs of a world whose whole knowledge is plain data, so that they are saved and cloned with the world. (Watchers and
 * planned calls made any other way are JavaScript: a world with such cannot be saved, only run again from its start.)
 */

import type { Runner, Watcher } from '../vnet/runner.ts'
import type { SimClock } from './clock.ts'
import type { SimHost } from './host.ts'

/** What a program knows: flat, every field there from the start. */
export type ProgramData = Record<string, number | string | boolean>

/** What a program may do; `now` and `wake` are in µs of its Vnet. */
export interface ProgramSide extends Runner {
  /** Calls `timer` at `at`; an earlier wish is forgotten. */
  wake(at: number): void
}

/** A kind of program: behaviour only. It keeps nothing but what `data` has. */
export interface ProgramKind<D extends ProgramData> {
  readonly name: string
  create(): D
  /** Once, when it is started. */
  start(side: ProgramSide, data: D): void
  /** After `start`, and after each restore: watches its sockets, and touches nothing, least of all the Vnet. */
  attach(side: ProgramSide, data: D): void
  timer(side: ProgramSide, data: D): void
}

/** As the world keeps them, whatever their data. */
export type AnyProgramKind = Omit<ProgramKind<never>, 'create'> & { create(): ProgramData }

/** A program that runs on a host. */
export class Program<D extends ProgramData> implements ProgramSide {
  readonly kind: ProgramKind<D>
  readonly host: SimHost
  readonly data: D
  /** Sockets it watches. */
  readonly sockets = new Set<number>()
  /** The call that wakes it, 0 for none. */
  token = 0
  readonly #clock: SimClock

  constructor(kind: ProgramKind<D>, host: SimHost, data: D, clock: SimClock) {
    this.kind = kind
    this.host = host
    this.data = data
    this.#clock = clock
  }

  get vnet(): Runner['vnet'] {
    return this.host.vnet
  }

  now(): number {
    return this.host.now()
  }

  kick(): void {
    this.host.kick()
  }

  watch(id: number, fn: Watcher): void {
    this.sockets.add(id)
    this.host.watch(id, fn)
  }

  unwatch(id: number): void {
    this.sockets.delete(id)
    this.host.unwatch(id)
  }

  wake(at: number): void {
    this.#clock.cancel(this.token)
    this.token = this.#clock.at(at + this.host.bootAt, () => { this.#timer() })
  }

  start(): void {
    this.kind.start(this, this.data)
    this.kind.attach(this, this.data)
    this.kick()
  }

  /** After a restore. */
  resume(token: number): void {
    this.token = token
    if (token !== 0) this.#clock.resume(token, () => { this.#timer() })
    this.kind.attach(this, this.data)
  }

  #timer(): void {
    this.token = 0
    this.kind.timer(this, this.data)
    this.kick()
  }
}
