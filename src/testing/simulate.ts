/** `simulate`: a test inside a simulated internet, in virtual time. */

import { AsyncLocalStorage } from 'node:async_hooks'
import { syncBuiltinESMExports } from 'node:module'
import { createRandom } from '../kern/random.ts'
import { redirectModules } from '../node/ambient.ts'
import type { Place } from '../node/ambient.ts'
import { Patches } from '../node/patches.ts'
import { isDormant } from '../tcp/state-dormant.ts'
import { createWorld } from '../sim/world.ts'
import { patchClocks, scopeDateMs } from './clocks.ts'
import { applyFaults } from './faults.ts'
import type { Fault } from './faults.ts'
import { EventLoop } from './loop.ts'
import { patchRandomness } from './randomness.ts'
import { Recorder } from './recorder.ts'
import { writeCapture, writeReport } from './report.ts'
import { NoHostError } from './scope.ts'
import type { Scope } from './scope.ts'
import { durationUs } from './units.ts'
import type { Duration } from './units.ts'
import { TestWorld } from './world.ts'
import { waitingFor } from './waiting.ts'

export interface SimulateOptions {
  /** Everything random follows from it (default 1). */
  seed?: number
  /** For the folder of what is written on failure (default 'simulation'). */
  name?: string
  /** The simulated date at the beginning (default 2026-01-01T00:00:00Z). */
  date?: string | number | Date
  /** Simulated time after which it is stopped as one that does not end (default 24 h). */
  limit?: Duration
  /** Faults at their times, as `explore` prints them. */
  faults?: readonly Fault[]
  /** Where failures are written (default 'vimage-failures', or VIMAGE_FAILURES); null: nowhere. */
  output?: string | null
  /** Most bytes of frames that are kept for captures and timelines (default 32 MiB; the oldest are forgotten). */
  keepBytes?: number
  /** What code does that is not part of the simulation and opens a socket meanwhile: an error (default), or the host's network. */
  outside?: 'refuse' | 'allow'
}

const EPOCH = '2026-01-01T00:00:00Z'
const LIMIT = '24h'
const KEEP_BYTES = 33_554_432
/** After the function has returned: how long connections may take to say what they have to say. */
const SETTLE_US = 3600e6
/** One simulation at a time in a thread: they change what all share. The others wait in line. */
const LINE = Symbol.for('vimage.testing.line')
/** Agents outlive simulations, and must not mistake the host of one for that of another. */
const COUNT = Symbol.for('vimage.testing.count')

/**
 * Runs `fn` in a simulated internet of its own and resolves with what it returned, when that has settled and nothing is on the wires any
 * more. An error of `fn`, or one that nobody caught in code that it started, rejects; the seed is in its message,
 * and a capture and a timeline are in a folder.
 */
export async function simulate<T>(fn: (world: TestWorld) => T | Promise<T>, options: SimulateOptions = {}): Promise<T> {
  const shared = globalThis as unknown as Record<symbol, Promise<unknown> | undefined>
  const before = shared[LINE] ?? Promise.resolve()
  const run = before.then(() => runSimulation(fn, options))
  shared[LINE] = run.catch(() => undefined)
  return run
}

async function runSimulation<T>(fn: (world: TestWorld) => T | Promise<T>, options: SimulateOptions): Promise<T> {
  const seed = options.seed ?? 1
  const scopes = new AsyncLocalStorage<Scope>()
  const world = createWorld({ seed, pool: { poison: false, smallLimit: 65_536 } })
  const recorder = new Recorder(options.keepBytes ?? KEEP_BYTES)
  const captures: { file: string; which: (host: string, ifName: string) => boolean }[] = []
  const outcome: Outcome<T> = { done: false, failed: false, error: null, value: null, endedUs: 0 }
  const fail = (error: unknown): void => {
    if (outcome.failed) return
    Object.assign(outcome, { done: true, failed: true, error, endedUs: world.now() })
  }
  const loop: EventLoop = new EventLoop(world, scopes, {
    failed: fail,
    limitUs: durationUs(options.limit ?? LIMIT),
    tooLong: () => { fail(new Error(`the simulation still goes on at ${world.now() / 1e6} s. ${waitingFor(test)}`)) },
    stuck: () => { fail(new Error(`nothing will ever happen any more, and the function waits. ${waitingFor(test)}`)) },
    over: () => outcome.failed || (outcome.done && (quiet(test) || world.now() > outcome.endedUs + SETTLE_US)),
    look: () => { test.look() },
    watching: () => test.watching,
  })
  const shared = globalThis as unknown as Record<symbol, number | undefined>
  const freshName = (): string => `vnet${shared[COUNT] = (shared[COUNT] ?? 0) + 1}`
  const test = new TestWorld({
    freshName, seed, world, loop, scopes, recorder, capture: (file, which) => { captures.push({ file, which }) },
  })
  const clock = { offsetMs: 0, rate: 1 }
  const clocks = { now: () => world.now(), epochMs: new Date(options.date ?? EPOCH).getTime() }
  const scope: Scope = { life: null, clock, random: createRandom(test.freshSeed('the test itself')) }
  const where = (): Place | null => whereAmI(scopes.getStore(), options.outside ?? 'refuse')
  const patches = new Patches()
  try {
    redirectModules(patches, where, () => scopeDateMs(scopes.getStore() ?? scope, clocks))
    patchClocks(patches, scopes, clocks)
    patchRandomness(patches, scopes)
    loop.patch(patches)
    scopes.run(scope, () => {
      applyFaults(test, options.faults ?? [])
      new Promise<T>((resolve) => { resolve(fn(test)) }).then((value) => {
        Object.assign(outcome, { done: true, value, endedUs: world.now() })
      }, fail)
    })
    await loop.run()
  } finally {
    patches.undo()
    syncBuiltinESMExports()
  }
  for (const { file, which } of captures) writeCapture(file, recorder, which)
  if (!outcome.failed) return outcome.value as T
  throw writeReport(outcome.error, test, options)
}

interface Outcome<T> { done: boolean; failed: boolean; error: unknown; value: T | null; endedUs: number }

/** Nothing is on the wires, and no connection has anything left to say. */
function quiet(test: TestWorld): boolean {
  if (test.sim.clock.pending > 0) return false
  for (const { vnet } of test.hosts.values()) {
    for (const tcb of vnet.state.tcp.tcbs.values()) if (!isDormant(tcb) && tcb.sndNxt !== tcb.sndUna && tcb.sndUna !== tcb.iss) return false
  }
  return true
}

function whereAmI(scope: Scope | undefined, outside: 'refuse' | 'allow'): Place | null {
  if (scope === undefined) {
    if (outside === 'allow') return null
    throw new NoHostError('a network call from outside of the simulation that runs; simulate({ outside: "allow" }) lets it through')
  }
  if (scope.life === null) {
    throw new NoHostError('a network call of the test itself, which is on no host; put it into world.host("name").run(() => …)')
  }
  if (!scope.life.alive) throw new NoHostError(`host ${scope.life.host} is down`)
  return scope.life.place
}
