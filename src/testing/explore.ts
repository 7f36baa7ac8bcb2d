/** `explore`: one scenario under many seeds and fault schedules; of a schedule that breaks it, the smallest that still does. */

import { createRandom, randomBelow } from '../kern/random.ts'
import type { RandomState } from '../kern/random.ts'
import type { Fault } from './faults.ts'
import { shrink } from './shrink.ts'
import { simulate } from './simulate.ts'
import type { SimulateOptions } from './simulate.ts'
import { durationUs } from './units.ts'
import type { Duration, LinkConditions } from './units.ts'
import type { TestWorld } from './world.ts'

export type FaultKind = Fault['do']

export interface ExploreOptions extends Omit<SimulateOptions, 'seed' | 'faults'> {
  /** How many seeds are tried (default 100). */
  seeds?: number
  /** The first of them (default 1). */
  first?: number
  /** What may go wrong (default: partitions, cut links, bad links). */
  kinds?: readonly FaultKind[]
  /** Most faults in one run (default 4; 0 tries seeds alone). */
  most?: number
  /** Faults begin within this time (default: as long as the scenario takes without any). */
  within?: Duration
  /** How long a fault lasts at most (default 30 s). */
  lasting?: Duration
  /** Where the result is told (default: console.error). */
  print?: (text: string) => void
}

export interface Explored { runs: number; failures: 0 }

/** What faults may be about. */
interface Targets { hosts: string[]; links: [string, string][]; nats: string[]; ms: number }

const KINDS: readonly FaultKind[] = Object.freeze(['partition', 'cut', 'link'])

/**
 * Runs `fn` for each seed with faults drawn from it. The first failure is shrunk, printed as code that does it again, written to the
 * folder of failures, and thrown.
 */
export async function explore(options: ExploreOptions, fn: (world: TestWorld) => unknown): Promise<Explored> {
  const { seeds = 100, first = 1, kinds = KINDS, most = 4, within, lasting = '30s', print = console.error, ...rest } = options
  const targets: Targets = { hosts: [], links: [], nats: [], ms: 0 }
  await simulate(async (world) => {
    await fn(world)
    Object.assign(targets, targetsOf(world))
  }, { ...rest, seed: first })
  const span = within === undefined ? targets.ms : durationUs(within) / 1000
  let runs = 1
  const fails = async (seed: number, faults: readonly Fault[]): Promise<Error | null> => {
    runs++
    const run = simulate(async (world) => { await fn(world) }, { ...rest, seed, faults, output: null })
    return run.then(() => null, (error: Error) => error)
  }
  for (let seed = first; seed < first + seeds; seed++) {
    const faults = draw(createRandom([seed, 0x5eed]), targets, kinds, most, span, durationUs(lasting) / 1000)
    const error = await fails(seed, faults)
    if (error === null) continue
    const smallest = await shrink(faults, async (fewer) => await fails(seed, fewer) !== null)
    const text = code(seed, smallest, rest.name)
    const which = `seed ${seed} fails (${seed - first + 1} of ${seeds})`
    print(`explore: ${which}, with ${smallest.length} of ${faults.length} faults left:\n${text}`)
    // once more, for its capture and timeline
    await simulate(async (world) => { await fn(world) }, { ...rest, seed, faults: smallest }).catch((last: unknown) => {
      if (last instanceof Error) last.message += `\n  the smallest faults that do it:\n${text}`
      throw last
    })
    throw error
  }
  return { runs, failures: 0 }
}

/** A call of `simulate` that does the same. */
export function code(seed: number, faults: readonly Fault[], name?: string): string {
  const lines = faults.map((f) => `    ${literal(f)},\n`).join('')
  const list = faults.length === 0 ? '' : `\n  faults: [\n${lines}  ],`
  return `await simulate(scenario, {\n  seed: ${seed},${name === undefined ? '' : `\n  name: ${literal(name)},`}${list}\n})`
}

function targetsOf(world: TestWorld): Targets {
  return {
    hosts: [...world.hosts.values()].filter((h) => !h.forwards).map((h) => h.name),
    links: world.links.map((l) => [l.a, l.b]), nats: world.natNames, ms: world.now,
  }
}

function draw(
  random: RandomState, { hosts, links, nats }: Targets, kinds: readonly FaultKind[], most: number, span: number, lasting: number,
): Fault[] {
  const one = <T>(list: readonly T[]): T => list[randomBelow(random, list.length)]
  const upTo = (n: number): number => Math.round(randomBelow(random, 1 + Math.max(0, Math.floor(n))))
  const faults: Fault[] = []
  const needs = { rebind: nats.length > 0, partition: hosts.length > 1, cut: links.length > 0, link: links.length > 0 }
  const possible = kinds.filter((k) => k in needs ? needs[k as keyof typeof needs] : hosts.length > 0)
  if (possible.length === 0) return []
  for (let n = upTo(most); n > 0; n--) {
    const at = upTo(span)
    const duration = 1 + upTo(lasting)
    const kind = one(possible)
    switch (kind) {
      case 'partition': {
        const a = one(hosts)
        const b = one(hosts.filter((h) => h !== a))
        faults.push({ at, do: kind, between: [a, b], ...(upTo(2) === 0 ? { oneWay: true } : {}), for: duration })
        break
      }
      case 'cut': faults.push({ at, do: kind, link: one(links), for: duration }); break
      case 'link': faults.push({ at, do: kind, link: one(links), conditions: one(BAD)(random), for: duration }); break
      case 'crash': case 'kill': faults.push({ at, do: kind, host: one(hosts), for: duration }); break
      case 'skew': faults.push({ at, do: kind, host: one(hosts), ms: upTo(20_000) - 10_000 }); break
      case 'rebind': faults.push({ at, do: kind, nat: one(nats) }); break
      case 'dns': faults.push({ at, do: kind, how: one(['timeout', 'servfail', 'nxdomain'] as const), for: duration }); break
    }
  }
  return faults.sort((x, y) => x.at - y.at)
}

const BAD: readonly ((random: RandomState) => LinkConditions)[] = Object.freeze([
  (r) => ({ loss: (1 + randomBelow(r, 30)) / 100 }),
  (r) => ({ burst: { enter: 0.02, leave: (5 + randomBelow(r, 40)) / 100 } }),
  (r) => ({ delay: 50 + randomBelow(r, 950) }),
  (r) => ({ jitter: 10 + randomBelow(r, 300) }),
  (r) => ({ reorder: (1 + randomBelow(r, 30)) / 100, reorderBy: 1 + randomBelow(r, 50) }),
  (r) => ({ duplicate: (1 + randomBelow(r, 30)) / 100 }),
  (r) => ({ corrupt: (1 + randomBelow(r, 10)) / 100 }),
  (r) => ({ rate: 20_000 * (1 + randomBelow(r, 50)), queue: 8000 }),
])

/** As one writes it in JavaScript. */
function literal(value: unknown): string {
  if (typeof value === 'string') return `'${value.replace(/['\\]/g, '\\$&')}'`
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (value !== null && typeof value === 'object') {
    return `{ ${Object.entries(value).map(([k, v]) => `${k}: ${literal(v)}`).join(', ')} }`
  }
  return String(value)
}
