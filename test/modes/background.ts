/** A second life beside the one under test: a world of its own, which goes on by one event whenever it is told to. */

import { createHash } from 'node:crypto'
import { createWorld } from '../../src/sim/world.ts'
import type { World } from '../../src/sim/world.ts'
import { startPinger, startTcpSink, startTcpSource, startUdp } from '../sim/apps.ts'

/** Transfers, datagrams in fragments and pings over a bad cable, one round after the other. */
export class Background {
  /** Steps that were made, and events that happened in them. */
  steps = 0
  events = 0
  /** True while it has its turn. */
  running = false
  #world: World
  #finish: () => Uint8Array[]
  #round = 0
  readonly #digest = createHash('sha256')

  constructor() {
    [this.#world, this.#finish] = this.#start()
  }

  /** One event. */
  step(): void {
    this.running = true
    this.steps++
    try {
      const { events } = this.#world.run({ maxEvents: 1 })
      this.events += events
      if (events === 0) this.#next()
    } finally {
      this.running = false
    }
  }

  /** Of everything that was sent, up to now. Ends it. */
  digest(): string {
    this.#next()
    return this.#digest.digest('hex')
  }

  #next(): void {
    for (const bytes of this.#finish()) this.#digest.update(bytes)
    const next = this.#start()
    this.#world = next[0]
    this.#finish = next[1]
  }

  #start(): [World, () => Uint8Array[]] {
    const world = createWorld({ seed: 1000 + this.#round++ })
    const [a, b] = [world.addVnet('a'), world.addVnet('b')]
    world.cable(a.addPort({ address: '10.0.0.1/24' }), b.addPort({ address: '10.0.0.2/24', probe: true }), {
      delayUs: 3000, jitterUs: 900, lossRate: 0.05, reorderRate: 0.05, duplicateRate: 0.02, corruptRate: 0.02,
    })
    const captures = [world.capture(a), world.capture(b)]
    startTcpSink(b, 9)
    for (const total of [100, 20_000, 90_000]) startTcpSource(a, '10.0.0.2', 9, total)
    const [udp, pinger] = [startUdp(a, 8), startPinger(b)]
    for (let i = 0; i < 20; i++) {
      world.at(20e6 + i * 10_000, () => {
        // an error of an earlier one may be pending; it is the same error every time
        attempt(() => { udp.send('10.0.0.2', 7, new Uint8Array(i * 300)) })
        attempt(() => { pinger.ping('10.0.0.1', i, i * 200) })
      })
    }
    return [world, () => captures.map((c) => c.bytes())]
  }
}

/** What a background sends that nobody disturbs, in `steps` steps. */
export function undisturbed(steps: number): string {
  const alone = new Background()
  while (alone.steps < steps) alone.step()
  return alone.digest()
}

function attempt(send: () => void): void {
  try {
    send()
  } catch (e) {
    if (!/ECONNREFUSED|EHOSTUNREACH|EHOSTDOWN|ENOBUFS/.test(String(e))) throw e
  }
}
