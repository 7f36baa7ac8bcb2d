import { expect, it } from 'vitest'
import type { ImpairConfig } from '../../src/device/impair-plan.ts'
import { createRandom, randomBelow } from '../../src/kern/random.ts'
import { createWorld } from '../../src/sim/world.ts'
import { startTcpSink, startTcpSource } from '../sim/apps.ts'
import { FAMILIES, IDLE_US } from '../sim/families.ts'
import { assertWorldClean } from '../support/plain.ts'

/** More with ROUGH_SEEDS=1000, others with ROUGH_FIRST=5000. */
const SEEDS = Number(process.env['ROUGH_SEEDS'] ?? 40)
const FIRST = Number(process.env['ROUGH_FIRST'] ?? 1)
const HOUR_US = 3600e6

/** A link that is bad in some ways, not in all. */
function roughLink(seed: number): Partial<ImpairConfig> {
  const random = createRandom([seed, 0x726f7567])
  const maybe = (top: number): number => (randomBelow(random, 2) === 0 ? 0 : randomBelow(random, top))
  return {
    delayUs: randomBelow(random, 100_000), jitterUs: maybe(30_000), lossRate: maybe(100) / 1000,
    burstEnterRate: maybe(20) / 1000, burstLeaveRate: 0.7, reorderRate: maybe(200) / 1000, reorderUs: 1 + maybe(50_000),
    duplicateRate: maybe(100) / 1000, corruptRate: maybe(50) / 1000,
    rateBps: randomBelow(random, 2) === 0 ? Infinity : 100_000 + randomBelow(random, 50_000_000),
    queueBytes: 3000 + randomBelow(random, 100_000),
  }
}

const RUNS = FAMILIES.flatMap((f) => Array.from({ length: SEEDS }, (_, i) => ({ ...f, seed: FIRST + i })))

it.each(RUNS)(
  'TCP both ways over a rough link, $name, seed $seed: all bytes arrive, in order, and nothing is left behind',
  ({ seed, family, host, cidr }) => {
    const world = createWorld({ seed })
    const [a, b] = [world.addVnet('a'), world.addVnet('b')]
    const ports = [a.addPort({ address: cidr(0, 1) }), b.addPort({ address: cidr(0, 2) })] as const
    world.cable(...ports, { aToB: roughLink(2 * seed), bToA: roughLink(2 * seed + 1) })
    const sinks = [startTcpSink(a, 9, family), startTcpSink(b, 9, family)]
    const sources = [startTcpSource(a, host(0, 2), 9, 60_000), startTcpSource(b, host(0, 1), 9, 25_000)]
    world.run({ untilUs: HOUR_US, until: () => sources.every((s) => s.closed) && sinks.every((s) => s.ended === 1) })
    expect(sinks.map((s) => [s.bytes, s.wrongAt, s.errors])).toEqual([[25_000, -1, []], [60_000, -1, []]])
    expect(sources.map((s) => s.error)).toEqual(['', ''])
    for (const sink of sinks) sink.close()
    world.runUntilIdle(IDLE_US)
    assertWorldClean(world)
    for (const host of [a, b]) {
      const { tcp } = host.vnet.state
      expect([tcp.tcbs.size, host.vnet.state.timers.at.length]).toEqual([0, 0])
    }
  })
