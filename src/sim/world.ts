/**
 * A world: Vnets, cables and switches on a virtual clock. One event after the other:
 *
 *   take the next event (a frame arrives, a Vnet's timer is due, a planned call) → the Vnets it touched are drained
 *   → their frames go into cables, their socket events to watchers → what that touched is drained, too
 *
 * A frame is delivered in a later event than the one that sent it, so nothing recurses. Equal times keep their order,
 * and all random numbers follow from the seed: the same world does the same things, to the bit.
 */

import { Switch } from '../device/switch.ts'
import type { SwitchOptions } from '../device/switch.ts'
import { alarmDue, alarmSet, NEVER } from '../kern/timer.ts'
import { assert } from '../lib/assert.ts'
import { createFramePool } from '../lib/frame.ts'
import type { FramePool, FramePoolOptions } from '../lib/frame.ts'
import type { CaptureFormat } from '../pcap/record.ts'
import { Vnet } from '../vnet/vnet.ts'
import { LINKTYPE_ETHERNET } from '../wire/print.ts'
import { createCable } from './cable.ts'
import type { Cable, CableOptions } from './cable.ts'
import { MemoryCapture } from './capture.ts'
import { EVENT_CALL, SimClock } from './clock.ts'
import { SimHost } from './host.ts'
import type { Jack } from './host.ts'
import { Program } from './program.ts'
import type { AnyProgramKind, ProgramData, ProgramKind } from './program.ts'
import { worldDecode, worldEncode, worldFill, worldReseed } from './world-save.ts'

export interface WorldOptions {
  /** Everything random in the world follows from it (default 1). */
  seed?: number
  /** Limits of the shared pool; released frames are overwritten unless `poison` is false. */
  pool?: FramePoolOptions
}

export interface RunOptions {
  /** Stop at this time (µs); events at that very time still happen. */
  untilUs?: number
  /** Stop after so many events. */
  maxEvents?: number
  /** Stop as soon as this holds; asked before every event. */
  until?: () => boolean
}

/** Why `run` came back: nothing more will ever happen, or one of the limits. */
export type RunEnd = 'idle' | 'time' | 'events' | 'until'

export interface RunResult {
  end: RunEnd
  /** Events that happened. */
  events: number
  /** World time, µs. */
  now: number
}

/** Events of a `run` without any limit; more is an error, for the world may never end. */
const EVENT_LIMIT = 20_000_000
/** Drains after one event: Vnets (or watchers) that keep waking each other without letting time pass are a bug. */
const SETTLE_LIMIT = 1_000_000
const IDLE_LIMIT_US = 24 * 3600 * 1e6
const EVENT_VNET = 2

export function createWorld(options: WorldOptions = {}): World {
  return new World(options)
}

export class World {
  readonly clock = new SimClock()
  readonly pool: FramePool
  readonly seed: number
  readonly hosts: SimHost[] = []
  readonly cables: Cable[] = []
  readonly switches: Switch[] = []
  readonly programs: Program<never>[] = []
  readonly #dirty: SimHost[] = []
  #settling = false
  #running = false

  constructor(options: WorldOptions) {
    this.seed = options.seed ?? 1
    this.pool = createFramePool({ poison: true, ...options.pool })
  }

  /**
   * The world that `snapshot` saved, which goes on as if nothing had happened. `programs` are the kinds of programs that
   * may run in it. Throws a SnapshotError.
   */
  static restore(bytes: Uint8Array, options: { programs?: readonly AnyProgramKind[] } = {}): World {
    const data = worldDecode(bytes)
    const world = new World({ seed: data.seed, pool: data.pool })
    worldFill(world, data, options.programs ?? [])
    return world
  }

  /** Everything as bytes: between events. Throws WorldCodeError where something in the world is JavaScript. */
  snapshot(): Uint8Array {
    assert(!this.#settling, 'a world was saved within an event')
    this.#settle()
    return worldEncode(this)
  }

  /** A copy that shares nothing with this world; with `reseed`, one that has other luck from here on. */
  clone(options: { reseed?: number } = {}): World {
    const { reseed } = options
    const data = worldDecode(this.snapshot())
    const world = new World({ seed: reseed ?? data.seed, pool: data.pool })
    worldFill(world, data, this.programs.map((p) => p.kind))
    if (reseed !== undefined) worldReseed(world, (name) => world.#seedOf(name))
    return world
  }

  /** Starts a program of plain data (program.ts) on a host; `data` changes what its kind creates. */
  start<D extends ProgramData>(host: SimHost, kind: ProgramKind<D>, data: Partial<D> = {}): Program<D> {
    const program = new Program(kind, host, { ...kind.create(), ...data }, this.clock)
    this.programs.push(program as unknown as Program<never>)
    program.start()
    return program
  }

  /** A program goes on that was saved with its host. */
  resumeProgram(kind: AnyProgramKind, host: SimHost, data: ProgramData, token: number): void {
    const program = new Program(kind as ProgramKind<never>, host, data as never, this.clock)
    this.programs.push(program)
    program.resume(token)
  }

  /** µs since the world began. */
  now(): number {
    return this.clock.now()
  }

  /** True while hosts are drained. */
  get settling(): boolean {
    return this.#settling
  }

  /** A new Vnet. Its random numbers follow from the world's seed and its name, or from `seed`. */
  addVnet(name: string, options: { seed?: readonly number[] } = {}): SimHost {
    if (this.hosts.some((h) => h.name === name)) throw new RangeError(`a Vnet ${name} exists already`)
    const vnet = new Vnet({ name, seed: options.seed ?? this.#seedOf(`vnet ${name}`), pool: this.pool })
    return this.adoptVnet(vnet)
  }

  /** Runs a Vnet made elsewhere (with this world's pool) from now on. `bootAt`: when it began, if that is not to follow. */
  adoptVnet(vnet: Vnet, bootAt?: number): SimHost {
    assert(vnet.vn.pool === this.pool, `vnet ${vnet.name} has another pool`)
    const host = new SimHost(this, vnet, this.hosts.length, bootAt)
    this.hosts.push(host)
    this.mark(host)
    return host
  }

  /** Joins two jacks: ports of hosts (a host itself gets a new interface), or switches. */
  cable(a: Jack, b: Jack, options: CableOptions = {}): Cable {
    const name = this.#freeName(`${a.name}-${b.name}`)
    const cable = createCable(this, name, this.#seedOf(`cable ${name}`), options)
    this.cables.push(cable)
    a.plug(cable.a)
    b.plug(cable.b)
    return cable
  }

  addSwitch(name = `switch${this.switches.length}`, options: Partial<SwitchOptions> = {}): Switch {
    const sw = new Switch({ ...options, name, clock: this.clock, pool: this.pool })
    this.switches.push(sw)
    return sw
  }

  /** Captures every frame of every interface of a host from now on. */
  capture(host: SimHost, format: CaptureFormat = 'pcapng'): MemoryCapture {
    const capture = new MemoryCapture(format, LINKTYPE_ETHERNET)
    const before = host.sink
    host.sink = (ifId, timeUs, bytes, direction, linkType) => {
      before?.(ifId, timeUs, bytes, direction, linkType)
      const name = host.vnet.state.link.ifnets.get(ifId)?.name ?? `if${ifId}`
      capture.add(ifId, `${host.name}/${name}`, linkType, timeUs, bytes, direction)
    }
    return capture
  }

  /** Calls `fn` at a time of the world; returns a token for `clock.cancel`. */
  at(timeUs: number, fn: () => void): number {
    return this.clock.at(timeUs, fn)
  }

  /** Lets the world go on until a limit is met or nothing is left to happen. An idle world costs nothing. */
  run(options: RunOptions = {}): RunResult {
    const { untilUs = Infinity, until } = options
    const maxEvents = options.maxEvents ?? Infinity
    assert(!this.#running, 'a world was run from inside itself')
    this.#running = true
    try {
      let events = 0
      this.#settle()
      for (;;) {
        if (until !== undefined && until()) return this.#result('until', events)
        const next = this.clock.next()
        if (next === NEVER || next > untilUs) {
          if (untilUs < NEVER) this.clock.moveTo(untilUs)
          return this.#result(next === NEVER ? 'idle' : 'time', events)
        }
        if (events >= maxEvents) return this.#result('events', events)
        if (events >= EVENT_LIMIT) throw new Error(`the world goes on after ${events} events: ${this.describe()}`)
        this.#step()
        events++
      }
    } finally {
      this.#running = false
    }
  }

  /** Runs for so long. */
  runFor(us: number): RunResult {
    return this.run({ untilUs: this.now() + us })
  }

  /**
   * Runs until nothing is left to happen: no frame under way and no timer of any Vnet. Throws when the world still goes
   * on `limitUs` later (default a day) and says what is left. The time is then that of the last event.
   */
  runUntilIdle(limitUs: number = IDLE_LIMIT_US): RunResult {
    const result = this.run({ untilUs: this.now() + limitUs, until: () => this.clock.next() === NEVER })
    if (this.clock.next() < NEVER) throw new Error(`not idle after ${limitUs / 1e6} s: ${this.describe()}`)
    this.assertIdle()
    return { ...result, end: 'idle' }
  }

  /** Runs until no frame is under way and no call is planned; timers of Vnets may be left. Throws as `runUntilIdle`. */
  runUntilQuiet(limitUs: number = IDLE_LIMIT_US): RunResult {
    const result = this.run({ untilUs: this.now() + limitUs, until: () => this.clock.pending === 0 })
    if (this.clock.pending > 0) throw new Error(`not quiet after ${limitUs / 1e6} s: ${this.describe()}`)
    return result
  }

  /** Throws unless every frame is back in the pool and nothing waits to be drained (design invariant 6). */
  assertIdle(): void {
    for (const { name, vnet } of this.hosts) {
      assert(vnet.vn.txq.length === 0, `vnet ${name}: ${vnet.vn.txq.length} frames not drained`)
      assert(vnet.vn.events.size === 0, `vnet ${name}: ${vnet.vn.events.size} socket events not drained`)
    }
    assert(this.pool.inUse === 0, `${this.pool.inUse} frames were not released`)
  }

  /** What is left to happen, in words. */
  describe(): string {
    const next = this.clock.next()
    const timers = this.hosts.filter((h) => h.vnet.nextDeadline() < NEVER).map((h) => h.name)
    const shown = timers.length > 5 ? `${timers.slice(0, 5).join(', ')} … (${timers.length})` : timers.join(', ')
    return `time ${this.now() / 1e6} s, ${this.clock.pending} frames or calls under way, ` +
      `next event ${next === NEVER ? 'never' : `at ${next / 1e6} s`}, timers in ${shown === '' ? 'no Vnet' : shown}`
  }

  /** The Vnet has something to drain or a new deadline: it gets its turn at the end of the event. */
  mark(host: SimHost): void {
    if (host.marked) return
    host.marked = true
    this.#dirty.push(host)
  }

  #step(): void {
    const { kind, owner, at } = this.clock.take()
    if (kind !== EVENT_CALL) this.#wake(owner, at)
    this.#settle()
    // design invariant 6: a frame lives for one event
    const { poison, inUse } = this.pool
    assert(!poison || inUse === 0, `${inUse} frames outlive an event`)
  }

  #wake(index: number, at: number): void {
    const host = this.hosts[index]
    const deadline = host.vnet.nextDeadline() + host.bootAt
    if (!alarmDue(this.clock.heap, EVENT_VNET, index, host, at, deadline, this.now())) return
    host.vnet.advance(host.now())
    this.mark(host)
  }

  #settle(): void {
    let n = 0
    this.#settling = true
    try {
      while (n < this.#dirty.length) {
        if (n >= SETTLE_LIMIT) throw new Error(`an event does not end: ${this.describe()}`)
        const host = this.#dirty[n++]
        host.marked = false
        host.drain()
        this.#arm(host)
      }
    } finally {
      this.#dirty.splice(0, n)
      this.#settling = false
    }
  }

  #arm(host: SimHost): void {
    const deadline = host.vnet.nextDeadline()
    if (deadline === NEVER) return
    alarmSet(this.clock.heap, EVENT_VNET, host.index, host, Math.max(deadline + host.bootAt, this.now()))
  }

  #result(end: RunEnd, events: number): RunResult {
    return { end, events, now: this.now() }
  }

  /** Words that follow from the world's seed and a name: what else is in the world does not matter. */
  #seedOf(name: string): number[] {
    return [this.seed | 0, Math.floor(this.seed / 0x100000000), ...Array.from(name, (c) => c.codePointAt(0) as number)]
  }

  #freeName(wanted: string): string {
    let name = wanted
    for (let n = 2; this.cables.some((c) => c.name === name); n++) name = `${wanted}-${n}`
    return name
  }
}
