/** Time travel: any moment of a world again, from checkpoints or from its start, and the event with which something began. */

import { describe, expect, it } from 'vitest'
import { RECEIVER, SENDER } from '../../src/sim/programs.ts'
import type { ReceiverData } from '../../src/sim/programs.ts'
import { createTimeline } from '../../src/sim/timeline.ts'
import type { World } from '../../src/sim/world.ts'
import { startTcpSink, startTcpSource } from './apps.ts'

const CABLE = { delayUs: 5000, jitterUs: 500, lossRate: 0.03, reorderRate: 0.02, rateBps: 10e6 }
const PROGRAMS = [SENDER, RECEIVER]

function plain(world: World): void {
  const [a, b] = [world.addVnet('a'), world.addVnet('b')]
  world.cable(a.addPort({ address: '10.0.0.1/24' }), b.addPort({ address: '10.0.0.2/24' }), CABLE)
  world.start(b, RECEIVER)
  world.start(a, SENDER, { to: '10.0.0.2', bytes: 200_000 })
}

/** The same in callbacks, which nobody can save. */
function code(world: World): void {
  const [a, b] = [world.addVnet('a'), world.addVnet('b')]
  world.cable(a.addPort({ address: '10.0.0.1/24' }), b.addPort({ address: '10.0.0.2/24' }), CABLE)
  startTcpSink(b, 9)
  startTcpSource(a, '10.0.0.2', 9, 200_000)
}

const dumps = (world: World): string => JSON.stringify([world.now(), world.hosts.map((host) => host.vnet.dump())])
const retransmitted = (world: World): number => world.hosts[0].vnet.state.tcp.stats.sndrexmitpack

const KINDS = [['plain data, from checkpoints', plain], ['JavaScript, from the start', code]] as const

describe.each(KINDS)('a timeline of %s', (_name, build) => {
  it('goes to a time and back: the same state, to the bit', () => {
    const line = createTimeline(build, { every: 25, programs: PROGRAMS })
    const times = [300_000, 100_000, 200_000, 0, 300_000, 250_000, 100_000]
    const seen = new Map<number, string>()
    for (const t of times) {
      const now = dumps(line.at(t))
      expect(line.world.now()).toBe(t)
      expect(now).toBe(seen.get(t) ?? now)
      seen.set(t, now)
    }
    expect(new Set(seen.values()).size).toBe(5)
    expect(line.checkpoints > 3).toBe(build === plain)
    expect(line.rebuilt === 1).toBe(build === plain)
  })

  it('steps forth and back by events', () => {
    const line = createTimeline(build, { every: 64, programs: PROGRAMS })
    const there = dumps(line.goTo(250))
    const before = dumps(line.step(-1))
    expect(before).not.toBe(there)
    expect(dumps(line.step(1))).toBe(there)
    line.step(-150)
    expect(line.event).toBe(100)
    expect(dumps(line.goTo(250))).toBe(there)
    line.step(-10_000)
    expect(line.event).toBe(0)
  })

  it('bisect finds the very event: the first retransmission, the third', () => {
    const line = createTimeline(build, { every: 100, programs: PROGRAMS })
    for (const count of [1, 3]) {
      const found = line.bisect((world) => retransmitted(world) >= count, 5e6)
      // the plain way: one event after the other
      const slow = createTimeline(build, { every: 1e6, programs: PROGRAMS })
      while (retransmitted(slow.world) < count && slow.event < 5000) slow.step(1)
      expect(found).toMatchObject({ event: slow.event, timeUs: slow.world.now() })
      expect(retransmitted(line.step(-1))).toBeLessThan(count)
    }
    expect(line.bisect((world) => retransmitted(world) > 1e6, 5e6)).toBeNull()
    expect(line.bisect(() => true, 5e6)).toBeNull()
  })
})

describe('checkpoints', () => {
  it('are bounded: there are never more than wanted, and every moment can still be reached', () => {
    const line = createTimeline(plain, { every: 10, keep: 8, programs: PROGRAMS })
    const early = dumps(line.goTo(37))
    line.goTo(400)
    expect(line.checkpoints).toBeLessThanOrEqual(8)
    expect(dumps(line.goTo(37))).toBe(early)
  })

  it('a fork of the past leaves the timeline as it was', () => {
    const line = createTimeline(plain, { every: 100, programs: PROGRAMS })
    line.at(5e6)
    const end = dumps(line.world)
    const fork = line.at(100_000).clone({ reseed: 9 })
    fork.run({ untilUs: 5e6 })
    expect(dumps(line.at(5e6))).toBe(end)
    const { data } = fork.programs[0] as unknown as { data: ReceiverData }
    expect([data.bytes, data.wrong]).toEqual([200_000, 0])
    expect(dumps(fork)).not.toBe(end)
  })
})
