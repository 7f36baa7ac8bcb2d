/**
 * Two Vnets joined in memory by a path that delays, loses, reorders and duplicates packets as its seeded generator
 * says: one heap of packets under way, one virtual clock, the two Vnets' own deadlines.
 */

import { expect } from 'vitest'
import { createRandom, randomBelow } from '../../src/kern/random.ts'
import type { RandomState } from '../../src/kern/random.ts'
import { createFramePool, frameBytes, frameFrom, frameRelease } from '../../src/lib/frame.ts'
import type { Frame, FramePool } from '../../src/lib/frame.ts'
import { ifAddAddr, ifCreate } from '../../src/link/ifnet.ts'
import { IFT_IP } from '../../src/link/state.ts'
import { sysctlSet } from '../../src/vnet/sysctl.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { assertVnetClean } from '../support/plain.ts'
import { addr } from './harness.ts'

export interface PathOptions {
  /** One-way delay and its random extra, µs. */
  delayUs: number
  jitterUs: number
  /** Per thousand. */
  loss: number
  duplicate: number
  corrupt: number
  /** Larger packets vanish, and nobody says so. */
  mtu: number
}

interface Packet { at: number; tie: number; to: number; bytes: Uint8Array }

export class Pair {
  readonly pool: FramePool = createFramePool({ poison: true, smallLimit: 4096 })
  readonly vnets: readonly [Vnet, Vnet]
  readonly ifIds: [number, number] = [0, 0]
  readonly random: RandomState
  readonly path: PathOptions
  now = 0
  lost = 0
  /** Told of socket events: side, socket id, EV_* bits. */
  onEvent: (side: number, id: number, what: number) => void = () => { /* none */ }
  /** Told of every packet as it leaves: side, its octets. */
  onFrame: (side: number, packet: Uint8Array) => void = () => { /* none */ }
  readonly #packets: Packet[] = []
  #tie = 0

  constructor(seed: number, path: Partial<PathOptions> = {}, sysctls: Record<string, number> = {}, mtu = 1500) {
    this.random = createRandom([seed, 77])
    this.path = { delayUs: 1000, jitterUs: 0, loss: 0, duplicate: 0, corrupt: 0, mtu: Infinity, ...path }
    const make = (side: number): Vnet => {
      const v = new Vnet({ name: `v${side}`, seed: [seed, side], pool: this.pool })
      for (const [name, value] of Object.entries(sysctls)) {
        expect(sysctlSet(v.state, name, String(value)), name).toBe(0)
      }
      const ifp = ifCreate(v.vn, 'tun0', IFT_IP, 0, mtu)
      expect(ifAddAddr(v.vn, ifp.id, addr(`10.0.0.${side + 1}`), 24)).toBe(0)
      this.ifIds[side] = ifp.id
      return v
    }
    this.vnets = [make(0), make(1)]
  }

  /** Takes away what the Vnets produced; to be called after each call into one of them. */
  settle(): void {
    for (let side = 0; side < 2; side++) {
      const v = this.vnets[side]
      v.drainFrames((_ifId, f) => { this.#send(1 - side, f) })
      v.drainEvents((id, what) => { this.onEvent(side, id, what) })
      // what the event handlers caused
      v.drainFrames((_ifId, f) => { this.#send(1 - side, f) })
    }
  }

  /** Runs the earliest event (packet or timer); false when there is none before `until`. */
  step(until = Infinity): boolean {
    const packet = this.#packets[0]
    const deadline = Math.min(this.vnets[0].nextDeadline(), this.vnets[1].nextDeadline())
    const next = Math.min(packet?.at ?? Infinity, deadline)
    if (next > until || next === Infinity) return false
    this.now = Math.max(this.now, next)
    if (packet !== undefined && packet.at <= deadline) {
      this.#packets.shift()
      const f = frameFrom(this.pool, packet.bytes) as Frame
      const to = this.vnets[packet.to]
      to.input(this.ifIds[packet.to], f, this.now)
      frameRelease(this.pool, f)
    } else {
      this.vnets[0].advance(this.now)
      this.vnets[1].advance(this.now)
    }
    this.settle()
    return true
  }

  /** Runs events until `done`, or fails after `maxUs` of virtual time. */
  runUntil(done: () => boolean, maxUs: number): void {
    const until = this.now + maxUs
    while (!done()) {
      if (!this.step(until)) throw new Error(`not done by ${until / 1e6} s of virtual time`)
    }
  }

  /** Lets every packet arrive and every timer run out. */
  runOut(maxSteps = 1_000_000): void {
    let n = 0
    while (this.step()) if (++n > maxSteps) throw new Error('timers never run out')
  }

  assertClean(): void {
    for (const v of this.vnets) assertVnetClean(v)
  }

  #send(to: number, f: Frame): void {
    const { path, random } = this
    this.onFrame(1 - to, frameBytes(f))
    if (f.len > path.mtu || randomBelow(random, 1000) < path.loss) {
      this.lost++
      return
    }
    const copies = randomBelow(random, 1000) < path.duplicate ? 2 : 1
    for (let i = 0; i < copies; i++) {
      const bytes = frameBytes(f).slice()
      if (randomBelow(random, 1000) < path.corrupt) {
        const at = randomBelow(random, bytes.length)
        bytes[at] = (bytes[at]) ^ (1 << randomBelow(random, 8))
      }
      const at = this.now + path.delayUs + (path.jitterUs > 0 ? randomBelow(random, path.jitterUs) : 0)
      this.#insert({ at, tie: this.#tie++, to, bytes })
    }
  }

  #insert(p: Packet): void {
    let i = this.#packets.length
    while (i > 0 && after(this.#packets[i - 1], p)) i--
    this.#packets.splice(i, 0, p)
  }
}

function after(a: Packet, b: Packet): boolean {
  return a.at > b.at || (a.at === b.at && a.tie > b.tie)
}
