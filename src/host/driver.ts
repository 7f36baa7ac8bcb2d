/**
 * The driver: runs Vnets on the real clock with real devices, one timer for all of them.
 *
 * Each turn is the same: frames, calls or the timer mutate Vnets and mark them; then every marked Vnet is drained:
 * its frames go to its devices, its socket events to their watchers. What that marks anew is drained in the same
 * turn, up to a bound; the rest gets a turn of its own, so the embedding program stays responsive. Vnets that have much
 * to send take turns (deficit round robin): one that has little waits for no more than a quantum of each of them.
 */

import { randomBytes } from 'node:crypto'
import type { Device, DeviceClock } from '../device/device.ts'
import { alarmDue, alarmSet, createTimerHeap, heapPop, heapPush, heapTop, NEVER } from '../kern/timer.ts'
import { createFramePool } from '../lib/frame.ts'
import type { FramePool } from '../lib/frame.ts'
import { framePoolIsLarge, framePoolTrim } from '../lib/frametrim.ts'
import { ifSetFlags } from '../link/ifnet.ts'
import { IFF_RUNNING, IFT_LOOP } from '../link/state.ts'
import { Vnet } from '../vnet/vnet.ts'
import { VnetHost } from './vnet-host.ts'
import type { Bindings } from './vnet-host.ts'

/** Vnets drained in one turn before the event loop gets its chance. */
const TURN_LIMIT = 1024
/**
 * What the frames sent in one turn may cost (Vnet.drainFrames): less than half a millisecond of both ends' work in
 * `npm run bench -- --only memory`. A TAP that is read has four turns in one event.
 */
export const TURN_COST = 2 ** 21
/** What a Vnet may send before the next one's turn comes. */
export const QUANTUM = 2 ** 19
/** How long a frame is free before it may be given back. */
const TRIM_MS = 1000
/** setTimeout's longest delay. */
const MAX_DELAY_MS = 0x7fffffff

const KIND_VNET = 1
const KIND_CALL = 2

export interface DriverVnetOptions {
  name?: string
  /** Words of entropy; 128 bits from the system's generator by default. */
  seed?: readonly number[]
}

export class Driver implements DeviceClock {
  readonly pool: FramePool = createFramePool()
  readonly hosts = new Set<VnetHost>()
  readonly #heap = createTimerHeap()
  readonly #byIndex = new Map<number, VnetHost>()
  readonly #calls = new Map<number, () => void>()
  readonly #dirty: VnetHost[] = []
  #nextIndex = 1
  #timer: NodeJS.Timeout | null = null
  #timerAt = NEVER
  #turnQueued = false
  /** What was sent since the event loop last had its chance, or a little longer; from TURN_COST on Vnets wait for it. */
  #spent = 0
  /** Told when the event loop has had its chance. */
  #roundQueued = false
  #inTurn = false
  #sockets = 0
  #closed = false
  #trimTimer: NodeJS.Timeout | null = null
  /** What devices call at the end of a batch: one function for all of them. */
  readonly batchEnd = (): void => { this.turn() }

  /** A new Vnet, driven from now on. */
  addVnet(options: DriverVnetOptions = {}): VnetHost {
    const seed = options.seed ?? [...new Int32Array(new Uint8Array(randomBytes(16)).buffer)]
    const vnet = new Vnet({ name: options.name ?? `vnet${this.#nextIndex}`, seed, pool: this.pool })
    return this.adoptVnet(vnet)
  }

  /** Drives a Vnet made elsewhere (a restored one); its clock goes on from where it stands. */
  adoptVnet(vnet: Vnet): VnetHost {
    const host = new VnetHost(this, vnet, this.#nextIndex++, this.now() - vnet.state.now)
    this.hosts.add(host)
    this.#byIndex.set(host.index, host)
    this.mark(host)
    return host
  }

  /**
   * Restores a snapshot and drives it. Its interfaces get the devices of `bindings` by name; one without a device has
   * no carrier. Throws a SnapshotError, or a RangeError for a name that the Vnet has not; nothing is driven then.
   */
  restoreVnet(bytes: Uint8Array, bindings: Bindings = {}, options: { elapsed?: number } = {}): VnetHost {
    const vnet = Vnet.restore(bytes, { ...options, pool: this.pool })
    const interfaces = [...vnet.state.link.ifnets.values()]
    const unknown = Object.keys(bindings).find((name) => !interfaces.some((ifp) => ifp.name === name))
    if (unknown !== undefined) throw new RangeError(`vnet ${vnet.name} has no interface ${unknown}`)
    const host = this.adoptVnet(vnet)
    for (const { id, name, type, flags } of interfaces) {
      if (Object.hasOwn(bindings, name)) host.bind(id, bindings[name])
      else if (type !== IFT_LOOP) ifSetFlags(vnet.vn, id, flags & ~IFF_RUNNING)
    }
    return host
  }

  removeVnet(host: VnetHost): void {
    if (!this.hosts.delete(host)) return
    this.#byIndex.delete(host.index)
    host.detachAll()
  }

  /** Stops the timer, closes every device bound to a Vnet and forgets the Vnets. */
  close(): void {
    this.#closed = true
    for (const host of [...this.hosts]) this.removeVnet(host)
    this.#calls.clear()
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#trimTimer !== null) clearTimeout(this.#trimTimer)
    this.#trimTimer = null
  }

  /** Monotonic µs. */
  now(): number {
    return performance.now() * 1000
  }

  at(at: number, fn: () => void): number {
    const token = this.#nextIndex++
    this.#calls.set(token, fn)
    heapPush(this.#heap, at, KIND_CALL, token)
    this.#arm()
    return token
  }

  cancel(token: number): void {
    this.#calls.delete(token)
  }

  /** The Vnet has something to drain or a new deadline; it gets its turn after the running JavaScript. */
  mark(host: VnetHost): void {
    if (!host.marked) {
      host.marked = true
      this.#dirty.push(host)
    }
    if (this.#inTurn || this.#turnQueued || this.#spent >= TURN_COST || this.#closed) return
    this.#turnQueued = true
    queueMicrotask(() => {
      this.#turnQueued = false
      this.turn()
    })
  }

  /**
   * Drains every marked Vnet now, each its share; `first` before the others, and whole. Devices call it at the end of a
   * batch; harmless when nothing is marked.
   */
  turn(first: VnetHost | null = null): void {
    if (this.#inTurn || this.#closed) return
    this.#inTurn = true
    const used = new Set<Device>()
    try {
      first?.drain(used, Infinity)
      this.#drain(used)
    } finally {
      for (const device of used) device.flush()
      this.#inTurn = false
      // here, too: when a watcher throws, the others' turn is still to come
      if (this.#dirty.length > 0) this.#spent = Math.max(this.#spent, TURN_COST)
      // little is not worth a round of the loop that does not wait
      if (this.#spent >= TURN_COST / 4) this.#queueRound()
      if (framePoolIsLarge(this.pool)) this.#trimLater()
      this.#arm()
    }
  }

  /** What users do in answer to a turn marks Vnets anew, in microtasks: without this the loop would never go round. */
  #queueRound(): void {
    if (this.#roundQueued) return
    this.#roundQueued = true
    setImmediate(() => {
      this.#roundQueued = false
      this.#spent = 0
      if (this.#dirty.length > 0) this.turn()
    })
  }

  /** Looks a second after a turn for frames that nobody has needed, and again as long as there is no such second. */
  #trimLater(): void {
    this.#trimTimer ??= setTimeout(() => {
      this.#trimTimer = null
      if (framePoolTrim(this.pool) && framePoolIsLarge(this.pool)) this.#trimLater()
    }, TRIM_MS).unref()
  }

  /** True while Vnets are drained, and sockets hear of their events. */
  get inTurn(): boolean {
    return this.#inTurn
  }

  /** An open socket keeps the process alive through its timers; a driver without sockets does not. */
  countSocket(delta: number): void {
    this.#sockets += delta
    if (this.#timer === null) return
    if (this.#sockets > 0) this.#timer.ref()
    else this.#timer.unref()
  }

  #drain(used: Set<Device>): void {
    let n = 0
    let cost = 0
    try {
      while (n < this.#dirty.length && n < TURN_LIMIT && cost < TURN_COST) {
        const host = this.#dirty[n++]
        host.marked = false
        if (this.hosts.has(host)) cost += this.#drainOne(host, used)
      }
    } finally {
      this.#dirty.splice(0, n)
      this.#spent += cost
    }
  }

  #drainOne(host: VnetHost, used: Set<Device>): number {
    let again = true
    try {
      const cost = host.drain(used, QUANTUM)
      const deadline = host.vnet.nextDeadline()
      const due = deadline <= host.now()
      // what is due already (what it sent to itself) needs no timer, whose grain is a millisecond
      if (due) host.vnet.advance(host.now())
      else if (deadline < NEVER) alarmSet(this.#heap, KIND_VNET, host.index, host, deadline + host.bootAt)
      again = due || host.vnet.vn.txq.length > 0
      return cost
    } finally {
      // so, too, when a watcher has thrown: what is left, and the timer, is for the next turn
      if (again) this.mark(host)
    }
  }

  /** Sets the one timer to the earliest deadline. */
  #arm(): void {
    const at = heapTop(this.#heap)
    if (this.#closed || at >= this.#timerAt) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timerAt = at
    const delayMs = Math.min(MAX_DELAY_MS, Math.max(0, Math.ceil((at - this.now()) / 1000)))
    this.#timer = setTimeout(() => this.#fire(), delayMs)
    if (this.#sockets === 0) this.#timer.unref()
  }

  #fire(): void {
    this.#timer = null
    this.#timerAt = NEVER
    const now = this.now()
    while (heapTop(this.#heap) <= now) {
      const at = heapTop(this.#heap)
      const kind = this.#heap.kind[0]
      const owner = this.#heap.owner[0]
      heapPop(this.#heap)
      if (kind === KIND_CALL) this.#call(owner)
      else this.#advance(owner, at, now)
    }
    // else the turn that waits for the event loop does it, in the same round of the loop
    if (this.#spent < TURN_COST) this.turn()
    this.#arm()
  }

  #call(token: number): void {
    const fn = this.#calls.get(token)
    this.#calls.delete(token)
    fn?.()
  }

  #advance(index: number, at: number, now: number): void {
    const host = this.#byIndex.get(index)
    if (host === undefined) return
    const deadline = host.vnet.nextDeadline() + host.bootAt
    if (!alarmDue(this.#heap, KIND_VNET, index, host, at, deadline, now)) return
    host.vnet.advance(now - host.bootAt)
    this.mark(host)
  }
}
