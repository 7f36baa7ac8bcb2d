/**
 * The facade: a network stack as an object. Frames, calls and times go in; frames and socket events come out.
 *
 *   host or world ── input(ifId, frame, now) ──▶ link → arp, ip → icmp, udp, tcp ──▶ state
 *                 ── so*(…) calls ─────────────▶                                      │
 *                 ── advance(now) ─────────────▶ timers                               ▼
 *                 ◀─ drainFrames, drainEvents ─────────────────────────── what the event produced
 *
 * Mutate, then drain: user callbacks run only while events are drained, so protocol functions are never re-entered.
 */

import { createArpState } from '../arp/state.ts'
import { createDhcpState } from '../dhcp/state.ts'
import { createDhcp6State } from '../dhcp6/state.ts'
import { createIcmpState } from '../icmp/state.ts'
import { createIcmp6State } from '../icmp6/state.ts'
import { createIgmpState } from '../igmp/state.ts'
import { inetSortDestinations } from '../inet/dest.ts'
import { createInetState } from '../inet/state.ts'
import { createIpState } from '../ip/state.ts'
import { createIp6State } from '../ip6/state.ts'
import { createLog } from '../kern/log.ts'
import { createRandom, randomInt32, randomKey } from '../kern/random.ts'
import { createTimerHeap, heapTop } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import { addrFromIp4, IP4_LOOPBACK } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6 } from '../lib/addr6.ts'
import { assert } from '../lib/assert.ts'
import { createFramePool, frameRelease } from '../lib/frame.ts'
import type { Frame, FramePool } from '../lib/frame.ts'
import { SEQ_ZERO } from '../lib/seq.ts'
import { createTable, tableIn } from '../lib/table.ts'
import { ifAddAddr, ifCreate, ifSetFlags } from '../link/ifnet.ts'
import { linkInput } from '../link/input.ts'
import { createLinkState, IFF_UP, IFT_LOOP } from '../link/state.ts'
import { createMcastState } from '../mcast/state.ts'
import { createNdState } from '../nd/state.ts'
import { createMldState } from '../mld/state.ts'
import { createRawState } from '../raw/state.ts'
import { createResolverState } from '../resolver/state.ts'
import type { Dump } from '../snapshot/dump.ts'
import { snapshotCopy, snapshotDecode, snapshotDump, snapshotEncode } from '../snapshot/snapshot.ts'
import { tcpBulkGo } from '../tcp/bulk.ts'
import { createTcpState } from '../tcp/state.ts'
import { tcpTraceList } from '../tcp/trace-read.ts'
import type { TcpTraceEvent, TcpTraceOptions } from '../tcp/trace-read.ts'
import { createUdpState } from '../udp/state.ts'
import { timerFire } from './dispatch.ts'
import { vnetReseed } from './reseed.ts'
import { restoreCheck } from './restore.ts'
import { recordsOwn, recordsShare } from './shared.ts'
import { socketInfos } from './sockets.ts'
import type { SocketInfo } from './sockets.ts'
import type { Journal } from './journal.ts'
import type { VnetState } from './state.ts'
import { SYSCTL_DEFAULTS } from './sysctl.ts'

/** Timer firings in one `advance`; past it the rest waits for the next call, so that nothing can hang a host. */
const FIRE_LIMIT = 100_000
const LOOP_MTU = 16_384
/**
 * What a frame costs beside its bytes, counted in bytes: two Vnets in memory move a super-segment of 64 KiB in the time
 * of eight frames of 1,500 (`npm run bench -- --only memory`).
 */
export const FRAME_COST = 8192

export interface VnetOptions {
  name?: string
  /** Words of entropy: 128 random bits on a real host (the default of the driver), anything in a test. */
  seed?: readonly number[]
  /** Frames are lent from here; one pool serves many Vnets. */
  pool?: FramePool
}

export interface RestoreOptions {
  /** As for a new Vnet. */
  pool?: FramePool
  /** µs that have passed outside since the snapshot and shall count; a Vnet's time stands still by default. */
  elapsed?: number
}

export interface CloneOptions {
  /** The original's pool by default. */
  pool?: FramePool
  /**
   * New random numbers and secrets: `true` draws a seed from the original's generator, words are a seed (entropy of
   * the host, for a copy that goes into production). Without it the copy does what the original would do, to the bit.
   */
  reseed?: boolean | readonly number[]
}

export type FrameSink = (ifId: number, frame: Frame) => void
export type EventSink = (socket: number, what: number) => void

export interface VnetCore {
  input(ifId: number, frame: Frame, now: number): void
  advance(now: number): void
  nextDeadline(): number
  drainFrames(sink: FrameSink, budget?: number): number
  drainEvents(sink: EventSink): void
}

export class Vnet implements VnetCore {
  /** What protocol functions take as their first argument. */
  readonly vn: Vn
  /** Is told of every input (see host/record.ts); none of the state. */
  journal: Journal | null = null

  /** A fresh stack with a loopback interface; with `state` (see `restore` and `clone`) one that goes on from there. */
  constructor(options: VnetOptions = {}, state: VnetState | null = null) {
    this.vn = {
      state: state ?? createVnetState(options.name ?? 'vnet0', options.seed ?? [0]),
      pool: options.pool ?? createFramePool({ smallLimit: 4096, largeLimit: 64 }),
      txq: [],
      events: createTable(),
      probe: null,
      dropped: '',
      merge: { frame: null, sock: 0, from: SEQ_ZERO },
      bulk: -1,
      bulkWaits: false,
      lends: false,
    }
    if (state !== null) return
    const lo = ifCreate(this.vn, 'lo0', IFT_LOOP, 0, LOOP_MTU)
    ifSetFlags(this.vn, lo.id, lo.flags | IFF_UP)
    ifAddAddr(this.vn, lo.id, addrFromIp4(IP4_LOOPBACK), 8)
    ifAddAddr(this.vn, lo.id, addr6(0, 0, 0, 1), 128)
  }

  /**
   * The Vnet of a snapshot, connections and all. Throws a SnapshotError with the path of the first fault; nothing is
   * half restored. Interfaces want devices bound to them by name, sockets are adopted by id.
   */
  static restore(bytes: Uint8Array, options: RestoreOptions = {}): Vnet {
    const { pool, elapsed = 0 } = options
    assert(elapsed >= 0 && elapsed < Infinity, 'elapsed is not a duration')
    const state = recordsShare(snapshotDecode(bytes, recordsOwn(createVnetState('', [0]))))
    const vnet = new Vnet(pool === undefined ? {} : { pool }, state)
    restoreCheck(vnet.vn)
    state.now += elapsed
    return vnet
  }

  get state(): VnetState {
    return this.vn.state
  }

  get name(): string {
    return this.vn.state.name
  }

  /** A frame arrived on an interface at `now` (µs since boot). The frame is borrowed. */
  input(ifId: number, frame: Frame, now: number): void {
    this.journal?.input(ifId, frame, now)
    this.setNow(now)
    frame.ifId = ifId
    linkInput(this.vn, frame)
  }

  /** Fires every timer that is due at `now`. */
  advance(now: number): void {
    this.journal?.advance(now)
    this.setNow(now)
    const heap = this.vn.state.timers
    for (let n = 0; heapTop(heap) <= now && n < FIRE_LIMIT; n++) timerFire(this.vn)
  }

  /** When `advance` must be called again at the latest (µs since boot), or Infinity. May be in the past. */
  nextDeadline(): number {
    return heapTop(this.vn.state.timers)
  }

  /**
   * Hands over what is to be sent, in order, until the frames have cost `budget` (FRAME_COST and its bytes each); the rest
   * waits for the next call. Returns the cost. A frame is borrowed by the sink: retain or copy it to keep it.
   */
  drainFrames(sink: FrameSink, budget = Infinity): number {
    const { txq, pool, merge } = this.vn
    // what has left cannot be brought up to date any more, and its frame will be another's
    merge.frame = null
    if (this.vn.bulk >= 0) tcpBulkGo(this.vn)
    let cost = 0
    let n = 0
    for (; n < txq.length && cost < budget; n++) {
      const f = txq[n]
      cost += FRAME_COST + f.len
      sink(f.ifId, f)
      frameRelease(pool, f)
    }
    if (n === txq.length) txq.length = 0
    else txq.splice(0, n)
    return cost
  }

  /** Tells which sockets have news (EV_* bits), in order. The sink may call into the Vnet again. */
  drainEvents(sink: EventSink): void {
    const { events } = this.vn
    while (events.size > 0) {
      const batch = [...events]
      events.clear()
      let next = 0
      try {
        while (next < batch.length) {
          const [socket, what] = batch[next++]
          sink(socket, what)
        }
      } finally {
        // a user that throws takes nothing from the others: what they were not told is told in the next turn
        for (const [socket, what] of batch.slice(next)) tableIn(this.vn, 'events').set(socket, what | (events.get(socket) ?? 0))
      }
    }
  }

  /** All state as bytes. Between events only: everything must have been drained. */
  snapshot(): Uint8Array {
    this.#assertDrained()
    return snapshotEncode(this.vn.state)
  }

  /** A copy that shares nothing with this one but the pool. Between events only. */
  clone(options: CloneOptions = {}): Vnet {
    this.#assertDrained()
    const { reseed = false, pool = this.vn.pool } = options
    const vnet = new Vnet({ pool }, snapshotCopy(this.vn.state, recordsOwn(createVnetState('', [0]))))
    if (reseed !== false) vnetReseed(vnet.vn, reseed === true ? this.#drawSeed() : reseed)
    return vnet
  }

  /** All state as canonical JSON, for people and for `diffDumps`. Between events only. */
  dump(): Dump {
    this.#assertDrained()
    return snapshotDump(this.vn.state)
  }

  /** The sockets that a program may hold: what `adoptSocket` takes after a restore. */
  sockets(): SocketInfo[] {
    return socketInfos(this.vn.state)
  }

  /** A name's addresses in the order in which to try them (RFC 6724 §6). */
  sortDestinations(addrs: readonly Addr[]): Addr[] {
    return inetSortDestinations(this.vn, addrs)
  }

  /** The event trace of TCP (net.inet.tcp.trace, TCP_TRACE), oldest first: why was this sent, why was this dropped. */
  tcpTrace(options: TcpTraceOptions = {}): TcpTraceEvent[] {
    return tcpTraceList(this.vn, options)
  }

  #assertDrained(): void {
    const { txq, events } = this.vn
    assert(txq.length === 0 && events.size === 0, `vnet ${this.name}: not between events: frames or events not drained`)
  }

  #drawSeed(): number[] {
    return Array.from({ length: 4 }, () => randomInt32(this.vn.state.random))
  }

  /** Moves the clock of the next calls. Time never runs backwards; a host clock that does is held. */
  setNow(now: number): void {
    assert(!Number.isNaN(now), `vnet ${this.name}: time is not a number`)
    if (now > this.vn.state.now) this.vn.state.now = now
  }
}

/** The state of a fresh stack, without interfaces. */
export function createVnetState(name: string, seed: readonly number[]): VnetState {
  const random = createRandom(seed)
  return {
    name,
    now: 0,
    random,
    timers: createTimerHeap(),
    sysctl: SYSCTL_DEFAULTS,
    log: createLog(),
    link: createLinkState(),
    arp: createArpState(),
    ip: createIpState(),
    icmp: createIcmpState(),
    ip6: createIp6State(),
    icmp6: createIcmp6State(),
    nd: createNdState(),
    inet: createInetState(randomKey(random), randomKey(random)),
    mcast: createMcastState(),
    igmp: createIgmpState(),
    mld: createMldState(),
    raw: createRawState(),
    udp: createUdpState(),
    dhcp: createDhcpState(),
    dhcp6: createDhcp6State(),
    resolver: createResolverState(),
    tcp: createTcpState(randomKey(random)),
  }
}
