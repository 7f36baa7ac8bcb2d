/**
 * Two TCPs and a cable that does everything wrong, with real data both ways, each watched by its own checker: every
 * byte arrives once and in order, both ends come to an end, and nothing is left.
 */

import { LINK_IP } from '../../src/device/device.ts'
import { SHUT_WR, SOCK_STREAM, SOL_TCP, TCP_NODELAY } from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { EV_ACCEPT } from '../../src/kern/vn.ts'
import { createRandom, randomBelow } from '../../src/kern/random.ts'
import type { RandomState } from '../../src/kern/random.ts'
import { addrFromIp4, createAddr, ip4Parse } from '../../src/lib/addr.ts'
import { EAGAIN, EINPROGRESS, ENOTCONN, errnoName } from '../../src/lib/errno.ts'
import type { CableOptions } from '../../src/sim/cable.ts'
import type { SimHost } from '../../src/sim/host.ts'
import { createWorld } from '../../src/sim/world.ts'
import type { World } from '../../src/sim/world.ts'
import { soAccept, soBind, soClose, soConnect, soCreate, soListen, soRecv, soSend, soSetOpt, soShutdown,
} from '../../src/vnet/so.ts'
import { sysctlSet } from '../../src/vnet/sysctl.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { assertWorldClean } from '../support/plain.ts'
import { checkInside } from './tcp-inside.ts'
import { TcpOracle, streamBytes } from './tcp-oracle.ts'
import type { Flow } from './tcp-oracle.ts'
import { tuneRandomly } from './tune.ts'

/** What a failing run is cut down to: one thing after the other is left out. */
export interface StormConfig {
  seed: number
  /** Bytes each way, and connections at the same time. */
  bytes: number
  connections: number
  cable: CableOptions
  /** Choices of tunables of the two hosts (0: defaults), and whether readers and writers dawdle. */
  tune: number
  lazy: boolean
  /** Vnets are replaced by their snapshots now and then. */
  restore: boolean
}

export interface StormResult {
  /** Events that were checked. */
  steps: number
  retransmitted: number
}

const MTU = 1500
const PORT = 7
const LIMIT_US = 4 * 3600e6
const LOOK_EVERY = 4
const LOOK_EVERY_US = 100_000
const RESTORE_EVERY = 5000

export function stormConfig(seed: number): StormConfig {
  const r = createRandom([seed, 0x73746f72])
  const rate = (top: number): number => (randomBelow(r, 2) === 0 ? 0 : randomBelow(r, 1000) / 1000 * top)
  const bottleneck = randomBelow(r, 2) === 0
  return {
    seed, bytes: 1000 + randomBelow(r, randomBelow(r, 4) === 0 ? 600_000 : 80_000), connections: 1 + randomBelow(r, 3),
    cable: {
      delayUs: randomBelow(r, 60_000), jitterUs: randomBelow(r, 10_000), lossRate: rate(0.15), reorderRate: rate(0.2),
      reorderUs: randomBelow(r, 40_000), duplicateRate: rate(0.1), corruptRate: rate(0.05),
      ...(randomBelow(r, 4) === 0 ? { burstEnterRate: 0.02, burstLeaveRate: 0.4 } : {}),
      ...(bottleneck ? { rateBps: 1e6 + randomBelow(r, 50e6), queueBytes: 3000 + randomBelow(r, 100_000) } : {}),
      ...(bottleneck && randomBelow(r, 2) === 0 ? { codel: true, ecn: randomBelow(r, 2) === 0 } : {}),
    },
    tune: randomBelow(r, 3) === 0 ? 0 : randomBelow(r, 1e9), lazy: randomBelow(r, 2) === 0,
    restore: randomBelow(r, 4) === 0,
  }
}

/** Runs until every connection has ended; throws with the first thing that is wrong. */
export function runStorm(config: StormConfig): StormResult {
  const storm = new Storm(config)
  try {
    return storm.run()
  } catch (error) {
    throw new Error(`${(storm.world.now() / 1e6).toFixed(3)} s: ${(error as Error).message}`, { cause: error })
  }
}

/** One end of one connection. */
interface End {
  side: number
  id: number
  flow: Flow
  sent: number
  eof: boolean
  closed: boolean
}

class Storm {
  readonly config: StormConfig
  readonly world: World
  readonly hosts: SimHost[]
  readonly oracles = [0, 1].map((side) => new TcpOracle(`host ${side}`, MTU, side))
  readonly ends: End[] = []
  readonly random: RandomState
  listener = 0
  steps = 0

  constructor(config: StormConfig) {
    this.config = config
    this.random = createRandom([config.seed, 0x656e6473])
    this.world = createWorld({ seed: config.seed })
    this.hosts = ['a', 'b'].map((name) => this.world.addVnet(name))
    const ports = this.hosts.map((host, i) => host.addPort({ link: LINK_IP, address: `10.0.0.${i + 1}/24` }))
    this.world.cable(ports[0], ports[1], { ...config.cable, link: LINK_IP })
    this.hosts.forEach((host, side) => {
      if (config.tune !== 0) tuneRandomly(host.vnet, config.tune + side)
      // a storm lasts as long as it likes; and a half-open connection that is evicted is a connection refused
      for (const name of ['net.inet.tcp.retries', 'net.inet.tcp.syncache.cachelimit']) {
        if (sysctlSet(host.vnet.state, name, '100') !== 0) throw new Error(name)
      }
      host.sink = (_ifId, _at, bytes, direction) => {
        if (direction === 'out') this.oracles[side].out(bytes.slice())
        else this.oracles[side].in(bytes.slice())
      }
    })
    this.#open()
    this.#lookLater()
  }

  run(): StormResult {
    const { end } = this.world.run({ untilUs: LIMIT_US, until: () => { this.#step(); return this.#done() } })
    if (end !== 'until') throw new Error(`not done (${end}): ${JSON.stringify(this.ends.map((e) => this.#describe(e)))}`)
    soClose(this.hosts[1].vnet, this.hosts[1].now(), this.listener)
    this.hosts[1].kick()
    this.world.runUntilIdle()
    for (const { vnet, name } of this.hosts) {
      const { tcp } = vnet.state
      const left = [tcp.tcbs.size, tcp.syncache.size, tcp.timewait.size, tcp.listeners.size, tcp.orphans]
      if (left.some((size) => size > 0)) throw new Error(`host ${name} keeps ${left.join(' ')}`)
    }
    assertWorldClean(this.world)
    return {
      steps: this.steps, retransmitted: this.hosts.reduce((n, { vnet }) => n + vnet.state.tcp.stats.sndrexmitpack, 0),
    }
  }

  /** Users also look when nothing happens. */
  #lookLater(): void {
    this.world.at(this.world.now() + LOOK_EVERY_US, () => {
      for (const end of this.ends) this.#use(end)
      if (!this.#done()) this.#lookLater()
    })
  }

  #done(): boolean {
    return this.ends.length === 2 * this.config.connections && this.ends.every((end) => end.closed)
  }

  #open(): void {
    const [a, b] = this.hosts
    this.listener = soCreate(b.vnet, b.now(), AF_INET, SOCK_STREAM, 0)
    soBind(b.vnet, b.now(), this.listener, createAddr(), PORT)
    soListen(b.vnet, b.now(), this.listener, 8)
    b.watch(this.listener, (what) => { if ((what & EV_ACCEPT) !== 0) this.#accept() })
    for (let i = 0; i < this.config.connections; i++) {
      const id = soCreate(a.vnet, a.now(), AF_INET, SOCK_STREAM, 0)
      if (i === 1) soSetOpt(a.vnet, a.now(), id, SOL_TCP, TCP_NODELAY, 1)
      const errno = soConnect(a.vnet, a.now(), id, addrFromIp4(ip4Parse('10.0.0.2') as number), PORT)
      if (errno !== EINPROGRESS) throw new Error(errnoName(errno))
      this.ends.push(this.#end(0, id))
    }
    a.kick()
    b.kick()
  }

  #accept(): void {
    const { vnet } = this.hosts[1]
    for (;;) {
      const id = soAccept(vnet, this.hosts[1].now(), this.listener)
      if (id < 0) return
      this.ends.push(this.#end(1, id))
    }
  }

  #end(side: number, id: number): End {
    const inp = this.hosts[side].vnet.state.tcp.tcbs.get(id)?.inp
    if (inp === undefined) throw new Error(`no socket ${id}`)
    return { side, id, flow: this.oracles[side].flow(inp.lport, inp.fport), sent: 0, eof: false, closed: false }
  }

  /** Between two events: users look in, everything is checked. */
  #step(): void {
    this.steps++
    for (const host of this.hosts) checkInside(host.vnet)
    if (!this.config.lazy || this.steps % LOOK_EVERY === 0) for (const end of this.ends) this.#use(end)
    if (this.config.restore && this.steps % RESTORE_EVERY === 0) this.#restore()
    if (this.steps % 20_000 === 0) for (const host of this.hosts) host.kick()
  }

  /** Writes and reads as much as it likes today. */
  #use(end: End): void {
    if (end.closed) return
    const { lazy, bytes } = this.config
    const host = this.hosts[end.side]
    const { vnet } = host
    const before = vnet.vn.txq.length
    if (end.sent < bytes && (!lazy || randomBelow(this.random, 3) === 0)) this.#write(host, end)
    if (!end.eof && (!lazy || randomBelow(this.random, 4) === 0)) this.#read(host, end)
    if (end.eof && end.sent === bytes) {
      soClose(vnet, host.now(), end.id)
      end.closed = true
    }
    if (vnet.vn.txq.length !== before || end.closed) host.kick()
  }

  #write(host: SimHost, end: End): void {
    const len = Math.min(this.config.bytes - end.sent, this.config.lazy ? 1 + randomBelow(this.random, 5000) : 16_384)
    const n = soSend(host.vnet, host.now(), end.id, streamBytes(end.side, end.sent, len), 0, len, 0)
    if (n < 0) {
      if (n !== -EAGAIN) throw new Error(`writing at ${end.sent}: ${errnoName(-n)}`)
      return
    }
    end.sent += n
    this.oracles[end.side].sent(end.flow, n)
    if (end.sent < this.config.bytes) return
    end.flow.closing = true
    const errno = soShutdown(host.vnet, host.now(), end.id, SHUT_WR)
    if (errno !== 0) throw new Error(`shutdown: ${errnoName(errno)}`)
  }

  #read(host: SimHost, end: End): void {
    const into = new Uint8Array(this.config.lazy ? 1 + randomBelow(this.random, 8000) : 65_536)
    const from = { addr: createAddr(), port: 0, truncated: false }
    const n = soRecv(host.vnet, host.now(), end.id, into, 0, into.length, 0, from)
    if (n < 0) {
      if (n !== -EAGAIN && n !== -ENOTCONN) throw new Error(`reading at ${end.flow.read}: ${errnoName(-n)}`)
      return
    }
    this.oracles[end.side].received(end.flow, into.subarray(0, n), n === 0)
    if (n > 0) return
    end.eof = true
    if (end.flow.read !== this.config.bytes) throw new Error(`the end after ${end.flow.read} of ${this.config.bytes}`)
  }

  #restore(): void {
    for (const host of this.hosts) {
      const { vnet } = host
      if (vnet.vn.txq.length > 0 || vnet.vn.events.size > 0) continue
      host.replaceVnet(Vnet.restore(vnet.snapshot(), { pool: this.world.pool }))
    }
  }

  #describe(end: End): string {
    const tcb = this.hosts[end.side].vnet.state.tcp.tcbs.get(end.id)
    return `side ${end.side} state ${tcb?.state ?? 'gone'} sent ${end.sent} read ${end.flow.read} eof ${end.eof}`
  }
}
