/**
 * Invariant 1: there is no state outside a Vnet. Two Vnets interleaved event by event send, to the bit, what each sends
 * when it is alone; and what a Vnet does follows from its seed and its inputs alone (invariant 2).
 */

import { describe, expect, it } from 'vitest'
import type { CableOptions } from '../../src/sim/cable.ts'
import type { MemoryCapture } from '../../src/sim/capture.ts'
import { createWorld } from '../../src/sim/world.ts'
import type { World } from '../../src/sim/world.ts'
import { startPinger, startTcpSink, startTcpSource, startUdp } from '../sim/apps.ts'
import { filesDiffer } from '../support/bytes.ts'
import { cleanAfterEach } from '../support/plain.ts'

const watch = cleanAfterEach()

interface Life {
  captures: MemoryCapture[]
  /** Interleaving has to be real: when things happened. */
  done: () => boolean
}

type Scenario = (world: World, name: string) => Life

const ROUGH: CableOptions = {
  delayUs: 7000, jitterUs: 900, rateBps: 30e6, lossRate: 0.03, reorderRate: 0.02, duplicateRate: 0.02,
  corruptRate: 0.01,
}

/** A Vnet and its peer over a bad link, each with a name of its own; several TCP transfers. */
const transfer: Scenario = (world, name) => {
  const [a, b] = [world.addVnet(`${name}-a`), world.addVnet(`${name}-b`)]
  world.cable(a.addPort({ address: '10.0.0.1/24' }), b.addPort({ address: '10.0.0.2/24' }), ROUGH)
  const captures = [world.capture(a), world.capture(b)]
  const sink = startTcpSink(b, 9)
  const sources = [1000, 60_000, 150_000].map((total) => startTcpSource(a, '10.0.0.2', 9, total))
  return { captures, done: () => sources.every((s) => s.closed) && sink.ended === sources.length }
}

/** Everything else: fragments, unreachable ports, echo, lost resolution. */
const chatter: Scenario = (world, name) => {
  const [a, b] = [world.addVnet(`${name}-a`), world.addVnet(`${name}-b`)]
  world.cable(a.addPort({ address: '10.0.0.1/24', probe: true }), b.addPort({ address: '10.0.0.2/24' }), ROUGH)
  const captures = [world.capture(a), world.capture(b)]
  const [udp, pinger] = [startUdp(b, 7), startPinger(a)]
  let client: ReturnType<typeof startUdp> | null = null
  for (let i = 0; i < 40; i++) {
    world.at(12e6 + i * 3000, () => {
      client ??= startUdp(a)
      pinger.ping('10.0.0.2', i, i * 150)
      client.send('10.0.0.2', 7, new Uint8Array(i * 100))
      // a pending error of an earlier datagram is what the third kind is for
      try {
        client.send('10.0.0.2', 70, new Uint8Array(10))
        pinger.ping('10.0.0.77', i)
      } catch (e) {
        expect(String(e)).toMatch(/ECONNREFUSED|EHOSTUNREACH|ENOBUFS|EHOSTDOWN/)
      }
    })
  }
  return { captures, done: () => world.now() > 20e6 && udp.got.length > 0 }
}

function run(seed: number, lives: [Scenario, string][]): Uint8Array[][] {
  const world = watch(createWorld({ seed }))
  const started = lives.map(([scenario, name]) => scenario(world, name))
  const result = world.run({ untilUs: 600e6, until: () => started.every((x) => x.done()) })
  expect(result.end).toBe('until')
  world.runFor(30e6)
  return started.map((x) => x.captures.map((c) => c.bytes()))
}

describe('twins: two Vnets in one process', () => {
  it('two that transfer over bad links, interleaved event by event, send what each sends alone', () => {
    const together = run(5, [[transfer, 'left'], [transfer, 'right']])
    expect(filesDiffer(together[0], run(5, [[transfer, 'left']])[0])).toBe('')
    expect(filesDiffer(together[1], run(5, [[transfer, 'right']])[0])).toBe('')
    // or the comparison would prove nothing
    expect(filesDiffer(together[0], together[1])).not.toBe('')
    for (const capture of together.flat()) expect(capture.length).toBeGreaterThan(100_000)
  })

  it('two with different lives, and with an order of making that differs', () => {
    const together = run(5, [[chatter, 'left'], [transfer, 'right']])
    const swapped = run(5, [[transfer, 'right'], [chatter, 'left']])
    const alone = run(5, [[chatter, 'left']])
    expect(filesDiffer(together[0], swapped[1])).toBe('')
    expect(filesDiffer(together[1], swapped[0])).toBe('')
    expect(filesDiffer(together[0], alone[0])).toBe('')
  })

  it('bites: two that secretly share their random numbers, or their neighbours, are found out', () => {
    const leak = (scenario: Scenario, share: (from: World['hosts'][0], to: World['hosts'][0]) => void): string => {
      const world = createWorld({ seed: 5 })
      const lives = [scenario(world, 'left'), scenario(world, 'right')]
      share(world.hosts[0], world.hosts[2])
      world.run({ untilUs: 600e6, until: () => lives.every((x) => x.done()) })
      world.runFor(30e6)
      return filesDiffer(lives[1]?.captures.map((c) => c.bytes()) ?? [], run(5, [[scenario, 'right']])[0] ?? [])
    }
    expect(leak(transfer, () => undefined)).toBe('')
    expect(leak(chatter, () => undefined)).toBe('')
    // address probes wait for random times; a transfer draws nothing, for its numbers are hashes under a key of its own
    expect(leak(chatter, (from, to) => { to.vnet.state.random = from.vnet.state.random })).not.toBe('')
    expect(leak(transfer, (from, to) => { to.vnet.state.arp.tables = from.vnet.state.arp.tables })).not.toBe('')
  })

  it('really interleaves: frames of one lie between frames of the other', () => {
    const world = watch(createWorld({ seed: 5 }))
    const lives = [transfer(world, 'left'), transfer(world, 'right')]
    let changes = 0
    let last = -1
    let counts = lives.map(() => 0)
    world.run({
      untilUs: 600e6,
      until: () => {
        const now = lives.map((x) => x.captures.reduce((n, c) => n + c.packets, 0))
        const active = now.findIndex((n, i) => n > (counts[i]))
        if (active >= 0 && active !== last) changes++
        if (active >= 0) last = active
        counts = now
        return lives.every((x) => x.done())
      },
    })
    expect(changes).toBeGreaterThan(100)
    world.runFor(30e6)
  })
})

describe('determinism: time and chance come from outside', () => {
  it('same seed and inputs: byte-identical captures', () => {
    expect(filesDiffer(run(11, [[transfer, 'x']])[0], run(11, [[transfer, 'x']])[0])).toBe('')
    expect(filesDiffer(run(11, [[chatter, 'x']])[0], run(11, [[chatter, 'x']])[0])).toBe('')
  })

  it('another seed: other captures', () => {
    expect(filesDiffer(run(11, [[transfer, 'x']])[0], run(12, [[transfer, 'x']])[0])).not.toBe('')
  })
})
