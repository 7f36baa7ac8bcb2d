/** The stack under test: a Vnet with one interface of bare IP packets, driven on virtual time; what it sends is queued. */

import { createAddr } from '../lib/addr.ts'
import { assert } from '../lib/assert.ts'
import { errnoName } from '../lib/errno.ts'
import { createFramePool, frameBytes, frameFrom, frameRelease } from '../lib/frame.ts'
import { routeAdd } from '../ip/route.ts'
import { route6Add } from '../ip6/route.ts'
import { RTF_GATEWAY, RTF_STATIC, RTF_UP } from '../ip/state.ts'
import { ifAddAddr, ifCreate } from '../link/ifnet.ts'
import { IFT_IP } from '../link/state.ts'
import { Vnet } from '../vnet/vnet.ts'
import type { Config } from './config.ts'
import { unsupported } from './error.ts'

/** The script's time 0 in the Vnet's time: late enough that no clock in it stands at zero. */
const EPOCH_US = 1_000_000_000

export interface SentPacket {
  /** Script time. */
  at: number
  bytes: Uint8Array
}

export class Stack {
  readonly vnet: Vnet
  /** Sent and not yet looked at, oldest first. */
  readonly sent: SentPacket[] = []
  /** Sockets that something has happened to, for edge-triggered waits. */
  readonly touched = new Set<number>()
  readonly #ifId: number
  /** Called after every event: what waits for something looks whether it happened. */
  onEvent: () => void = nothing
  /** Sees every packet on the wire. */
  onPacket: (at: number, bytes: Uint8Array, out: boolean) => void = nothing
  /** When `onEvent` wants to be called at the latest (script time). */
  wakeAt = Infinity
  #now = 0

  constructor(config: Config, seed: number) {
    this.vnet = new Vnet({ name: 'script', seed: [seed], pool: createFramePool({ smallLimit: 8192, largeLimit: 64 }) })
    const { vn } = this.vnet
    this.vnet.advance(EPOCH_US)
    const ifp = ifCreate(vn, 'tun0', IFT_IP, 0, config.mtu)
    const added = ifAddAddr(vn, ifp.id, config.local, config.prefixLen, { probe: false })
    const how = RTF_UP | RTF_GATEWAY | RTF_STATIC
    const routed = config.v6 ? route6Add(vn, createAddr(), 0, config.gateway, ifp.id, how)
      : routeAdd(vn, 0, 0, config.gateway.w3, ifp.id, how)
    if (added !== 0 || routed !== 0) throw unsupported(`addresses that an interface refuses (${errnoName(added || routed)})`)
    this.#ifId = ifp.id
    this.#collect()
    this.sent.length = 0
  }

  /** Script time, µs. */
  get now(): number {
    return this.#now
  }

  /** The Vnet's time. */
  get vnetNow(): number {
    return this.#now + EPOCH_US
  }

  /** Lets time pass until `at`; timers fire at their exact times. */
  advance(at: number): void {
    for (;;) {
      const next = this.#nextEvent()
      if (next > at) break
      this.#step(next)
    }
    if (at > this.#now) this.#step(at)
  }

  /** Lets time pass until a packet has been sent, at the latest until `limit`; false without one. */
  awaitPacket(limit: number): boolean {
    return this.awaitThat(() => this.sent.length > 0, limit)
  }

  /** Lets time pass until something holds, at the latest until `limit`. */
  awaitThat(holds: () => boolean, limit: number): boolean {
    while (!holds()) {
      const next = this.#nextEvent()
      if (next > limit || next === Infinity) return false
      this.#step(next)
    }
    return true
  }

  /** A packet arrives now. */
  inject(bytes: Uint8Array): void {
    const { vn } = this.vnet
    this.onPacket(this.#now, bytes, false)
    const f = frameFrom(vn.pool, bytes)
    assert(f !== null, 'script: no frame')
    this.vnet.input(this.#ifId, f, this.vnetNow)
    frameRelease(vn.pool, f)
    this.settle()
  }

  /** To be called after each call into the Vnet. */
  settle(): void {
    this.#collect()
    this.onEvent()
    this.#collect()
  }

  #nextEvent(): number {
    return Math.max(this.#now, Math.min(this.vnet.nextDeadline() - EPOCH_US, this.wakeAt))
  }

  #step(at: number): void {
    this.#now = at
    this.vnet.advance(this.vnetNow)
    this.settle()
  }

  #collect(): void {
    for (;;) {
      this.vnet.drainFrames((ifId, f) => {
        if (ifId !== this.#ifId) return
        const bytes = frameBytes(f).slice()
        this.sent.push({ at: this.#now, bytes })
        this.onPacket(this.#now, bytes, true)
      })
      // loopback frames are delivered by a timer that is due at once
      if (this.vnet.nextDeadline() > this.vnetNow) break
      this.vnet.advance(this.vnetNow)
    }
    this.vnet.drainEvents((id) => this.touched.add(id))
  }
}

function nothing(): void {
  // nobody waits
}
