/** Whole worlds saved, cloned and forked: what they do afterwards is, to the bit, what they would have done. */

import { describe, expect, it } from 'vitest'
import type { CableOptions } from '../../src/sim/cable.ts'
import { RECEIVER, SENDER } from '../../src/sim/programs.ts'
import type { ReceiverData } from '../../src/sim/programs.ts'
import { createWorld, World } from '../../src/sim/world.ts'
import { createPair } from '../../src/device/pair.ts'
import { createRandom, randomBelow } from '../../src/kern/random.ts'
import { SnapshotError } from '../../src/snapshot/fault.ts'
import { SNAPSHOT_HEADER, snapshotSign } from '../../src/snapshot/snapshot.ts'
import { filesDiffer } from '../support/bytes.ts'
import { startTcpSink } from './apps.ts'

const PROGRAMS = [SENDER, RECEIVER]
const ROUGH: CableOptions = {
  delayUs: 9000, jitterUs: 1500, lossRate: 0.02, burstEnterRate: 0.01, burstLeaveRate: 0.4, reorderRate: 0.05,
  duplicateRate: 0.02, corruptRate: 0.01,
}

/** Two senders on a switch, a receiver behind a bottleneck. */
function network(options: CableOptions, seed = 3): World {
  const world = createWorld({ seed })
  const sw = world.addSwitch('hub')
  const [a, b, c] = ['a', 'b', 'c'].map((name) => world.addVnet(name))
  for (const [i, host] of [a, b].entries()) world.cable(host.addPort({ address: `10.0.0.${i + 1}/24`, probe: i === 1 }), sw, ROUGH)
  world.cable(sw, c.addPort({ address: '10.0.0.3/24' }), options)
  world.start(c, RECEIVER)
  world.start(a, SENDER, { to: '10.0.0.3', bytes: 150_000 })
  world.start(b, SENDER, { to: '10.0.0.3', bytes: 90_000, after: 8e6 })
  return world
}

const TAIL: CableOptions = { delayUs: 2000, rateBps: 2e6, queueBytes: 9000 }
const CODEL: CableOptions = { delayUs: 2000, rateBps: 1e6, codel: true, codelTargetUs: 2000, codelIntervalUs: 20_000 }

function goOn(world: World, untilUs: number): { captures: Uint8Array[]; end: Uint8Array } {
  const captures = world.hosts.map((host) => world.capture(host))
  world.run({ untilUs })
  return { captures: captures.map((c) => c.bytes()), end: world.snapshot() }
}

function received(world: World): ReceiverData {
  return (world.programs[0] as unknown as { data: ReceiverData }).data
}

describe('a saved world', () => {
  it.each([['drop-tail', TAIL], ['CoDel', CODEL]] as const)('%s: goes on as if nothing had happened, from any moment', (_name, options) => {
    const world = network(options)
    let underWay = 0
    let queued = 0
    for (let n = 0; n < 12; n++) {
      world.runFor(n === 0 ? 8.05e6 : 97_000)
      const saved = world.snapshot()
      const again = World.restore(saved, { programs: PROGRAMS })
      // there is one way to write a world
      expect(Buffer.compare(again.snapshot(), saved)).toBe(0)
      underWay = Math.max(underWay, again.clock.pending)
      queued = Math.max(queued, again.cables[2].aToB.held)
      const [plain, restored] = [world.clone(), again].map((w) => goOn(w, world.now() + 150_000))
      expect(filesDiffer(plain.captures, restored.captures)).toBe('')
      expect(Buffer.compare(plain.end, restored.end)).toBe(0)
    }
    expect(underWay).toBeGreaterThan(5)
    expect(queued).toBeGreaterThan(2)
    // the world that was saved all the time, against one that never was
    const never = network(options)
    for (const w of [world, never]) w.run({ untilUs: 120e6 })
    expect(Buffer.compare(world.snapshot(), never.snapshot())).toBe(0)
    expect(received(never)).toMatchObject({ bytes: 240_000, wrong: 0, ended: 2, open: '' })
    const { queueFull, codelDropped } = never.cables[2].aToB.stats
    expect(queueFull + codelDropped, 'the queue was full').toBeGreaterThan(3)
  })

  it('churn: saved, destroyed and restored between every two events', () => {
    const plain = network(TAIL)
    let churned = network(TAIL)
    for (const w of [plain, churned]) w.run({ untilUs: 8.2e6 })
    for (let n = 0; n < 400; n++) {
      plain.run({ maxEvents: 1 })
      churned = World.restore(churned.snapshot(), { programs: PROGRAMS })
      churned.run({ maxEvents: 1 })
    }
    expect(Buffer.compare(plain.snapshot(), churned.snapshot())).toBe(0)
    expect(received(plain).bytes).toBeGreaterThan(10_000)
  })

  it('a frame whose turn is an event of its own is saved, too: a cable without delay through a switch', () => {
    const world = createWorld()
    const sw = world.addSwitch()
    const hosts = ['a', 'b'].map((name) => world.addVnet(name))
    for (const [i, host] of hosts.entries()) {
      world.cable(host.addPort({ address: `10.0.0.${i + 1}/24` }), sw, { aToB: { on: false }, bToA: { on: false } })
    }
    world.start(hosts[1], RECEIVER)
    world.start(hosts[0], SENDER, { to: '10.0.0.2', bytes: 5000 })
    let again = world.clone()
    for (let n = 0; n < 200; n++) {
      world.run({ maxEvents: 1 })
      again = World.restore(again.snapshot(), { programs: PROGRAMS })
      again.run({ maxEvents: 1 })
    }
    expect(Buffer.compare(world.snapshot(), again.snapshot())).toBe(0)
    expect(received(world).bytes).toBe(5000)
  })

  it('a clone shares nothing; a fork with another seed has other luck, and the same data arrive', () => {
    const world = network(TAIL)
    world.run({ untilUs: 8.2e6 })
    const before = world.snapshot()
    const [same, fork, twin] = [world.clone(), world.clone({ reseed: 77 }), world.clone({ reseed: 77 })]
    const ends = [same, fork, twin].map((w) => goOn(w, 120e6))
    expect(Buffer.compare(world.snapshot(), before)).toBe(0)
    expect(filesDiffer(ends[1].captures, ends[2].captures)).toBe('')
    expect(filesDiffer(ends[0].captures, ends[1].captures)).not.toBe('')
    for (const w of [same, fork]) expect(received(w)).toMatchObject({ bytes: 240_000, wrong: 0, ended: 2 })
  })

  it('what is JavaScript is not saved behind your back: it is refused, and said', () => {
    const planned = network(TAIL)
    planned.at(1e9, () => undefined)
    expect(() => planned.snapshot()).toThrow(/1 planned calls .* are JavaScript/)
    const watched = network(TAIL)
    startTcpSink(watched.hosts[0], 9)
    expect(() => watched.snapshot()).toThrow(/1 sockets of a are watched by JavaScript/)
    const foreign = network(TAIL)
    foreign.hosts[0].addPort({ address: '10.1.0.1/24' }).plug(createPair(foreign.pool)[0])
    expect(() => foreign.snapshot()).toThrow(/is no cable of this world/)
    expect(() => World.restore(network(TAIL).snapshot())).toThrow(/no kind of programs "receiver"/)
  })

  it('forged ones are refused with a path, or are worlds that are saved to the same bytes', () => {
    const world = network(CODEL)
    world.run({ untilUs: 8.1e6 })
    const source = world.snapshot()
    const r = createRandom([5])
    let refused = 0
    for (let n = 0; n < 400; n++) {
      const bytes = source.slice()
      const at = SNAPSHOT_HEADER + randomBelow(r, bytes.length - SNAPSHOT_HEADER)
      if (n % 2 === 0) bytes[at] ^= 1 << randomBelow(r, 8)
      else bytes.fill(randomBelow(r, 256), at, at + 1 + randomBelow(r, 5))
      snapshotSign(bytes)
      try {
        World.restore(bytes, { programs: PROGRAMS }).run({ maxEvents: 20 })
      } catch (e) {
        refused++
        if (!(e instanceof SnapshotError)) expect(String(e)).toMatch(/^AssertionError/)
      }
    }
    expect(refused).toBeGreaterThan(100)
  })
})
