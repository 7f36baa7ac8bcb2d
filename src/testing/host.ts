/** A host of a simulation: a Vnet, and the programs that run on it. */

import { createRandom } from '../kern/random.ts'
import { addrParsePrefix } from '../lib/addr6.ts'
import { assert } from '../lib/assert.ts'
import { ifAddAddr, ifCreate, ifSetFlags } from '../link/ifnet.ts'
import { IFF_RUNNING, IFF_UP, IFT_ETHER } from '../link/state.ts'
import { NetEnv } from '../node/netenv.ts'
import { DnsResolver } from '../node/resolver.ts'
import type { ResolverOptions } from '../node/resolver.ts'
import type { SimHost } from '../sim/host.ts'
import { sysctlAssign } from '../vimage/sysctls.ts'
import { ManageError } from '../vimage/error.ts'
import { interfaceSetMtu } from '../vimage/interfaces.ts'
import { routeInsert } from '../vimage/routes.ts'
import type { RouteSpec } from '../vimage/routes.ts'
import type { Runner, Watcher } from '../vnet/runner.ts'
import { soDropConnections } from '../vnet/so.ts'
import { Vnet } from '../vnet/vnet.ts'
import type { EventLoop } from './loop.ts'
import type { Names } from './names.ts'
import { hostMs, NoHostError } from './scope.ts'
import type { HostClock, Life, Scope, Scopes } from './scope.ts'

export interface HostOptions {
  /** Addresses of its first interface, as "10.1.0.5/24" (one, or one of each family); by default they are given in order. */
  address?: string | readonly string[]
  /** More names under which the others find it. */
  names?: readonly string[]
  /** Tunables of its stack, as { 'net.inet.tcp.keepidle': 60000 }. */
  sysctl?: Readonly<Record<string, number | string | boolean>>
  /** Its clock: how far it is ahead of the world's, ms, and how much it gains, parts per million. */
  clock?: { skewMs?: number; driftPpm?: number }
  /** Resolver; the names of the world are asked after those of `hosts`. */
  resolver?: ResolverOptions
}

/** An interface of a host and what it was given. */
export interface HostPort { ifName: string; ifId: number; mac: number; mtu: number; mtuMax: number; addresses: string[]; segment: number }

/** The least that IPv6 allows (RFC 8200 §5). */
const MTU_MIN = 1280

/** What a host needs of its simulation. */
export interface HostSide {
  readonly scopes: Scopes
  readonly loop: EventLoop
  readonly names: Names
  /** Routes and names are in place from here on. */
  settle(): void
  note(text: string): void
  freshSeed(what: string): number[]
  /** A name that nothing else in this process has. */
  freshName(): string
  nowUs(): number
}

export class TestHost {
  readonly name: string
  readonly options: HostOptions
  readonly sim: SimHost
  readonly ports: HostPort[] = []
  readonly routes: RouteSpec[] = []
  readonly clock: HostClock
  /** Forwards what is for others. */
  readonly forwards: boolean
  #life: Life
  #scope: Scope
  readonly #side: HostSide
  readonly #programs: (() => unknown)[] = []
  #boots = 0

  constructor(side: HostSide, sim: SimHost, options: HostOptions, forwards: boolean) {
    this.#side = side
    this.sim = sim
    this.name = sim.name
    this.options = options
    this.forwards = forwards
    this.clock = { offsetMs: options.clock?.skewMs ?? 0, rate: 1 + (options.clock?.driftPpm ?? 0) / 1e6 }
    this.#tune(sim)
    this.#life = this.#newLife()
    this.#scope = this.#newScope()
  }

  /** Its first IPv4 address. */
  get address(): string {
    return this.#addressOf(false)
  }

  /** Its first IPv6 address. */
  get address6(): string {
    return this.#addressOf(true)
  }

  /** Every address, without prefix lengths. */
  get addresses(): string[] {
    return this.ports.flatMap((p) => p.addresses.map((a) => a.replace(/\/.*$/, '')))
  }

  get alive(): boolean {
    return this.#life.alive
  }

  get vnet(): Vnet {
    return this.sim.vnet
  }

  /** Where code of this host runs. */
  get scope(): Scope {
    return this.#scope
  }

  /** Its clock's date, ms since 1970 without the world's beginning. */
  get elapsedMs(): number {
    return hostMs(this.clock, this.#side.nowUs()) + this.clock.offsetMs
  }

  /** Runs `fn` on this host: `net`, `http`, `fetch`, `dgram` and `dns` in it, and in all that it starts, are this host's. */
  run<T>(fn: () => T): T {
    this.#side.settle()
    if (!this.#life.alive) throw new NoHostError(`host ${this.name} is down: it runs nothing until restart()`)
    return this.#side.scopes.run(this.#scope, fn)
  }

  /** As `run`, now and after every restart: what the host does whenever it is switched on. */
  start<T>(fn: () => T): T {
    this.#programs.push(fn)
    return this.run(fn)
  }

  /**
   * Its power fails: programs end without a word, nothing is sent any more, what is under way to it is lost. Until
   * `restart` nobody answers at its addresses.
   */
  crash(): void {
    if (!this.#life.alive) return
    this.#side.note(`${this.name} crashes`)
    this.#end()
    this.#boot(false)
  }

  /** Its programs are killed; the machine stays up and resets their connections, as a kernel does, and new ones. */
  kill(): void {
    if (!this.#life.alive) return
    this.#side.note(`the programs of ${this.name} are killed`)
    this.#end()
    for (const id of this.sim.watched()) this.sim.unwatch(id)
    soDropConnections(this.sim.vnet, this.sim.now())
    this.sim.drain()
    this.#boot(true)
  }

  /** Switches it on again, with nothing left of what it knew, and runs what was given to `start`. */
  restart(): void {
    if (this.#life.alive) this.crash()
    this.#side.note(`${this.name} starts again`)
    this.#boot(true)
    this.#life = this.#newLife()
    this.#scope = this.#newScope()
    for (const program of this.#programs) this.#side.loop.later(() => { this.run(program) }, this.#scope)
  }

  /** Also for the times after a restart. RangeError for what no interface can have. */
  setMtu(port: HostPort, bytes: number): void {
    if (!Number.isInteger(bytes) || bytes < MTU_MIN || bytes > port.mtuMax) {
      throw new RangeError(`an MTU of ${bytes} is not within ${MTU_MIN} and ${port.mtuMax}, which the link was made for`)
    }
    port.mtu = bytes
    if (this.#life.alive) interfaceSetMtu(this.sim, port.ifName, bytes)
  }

  addRoute(spec: RouteSpec): void {
    if (this.routes.some((r) => r.to === spec.to)) return
    this.routes.push(spec)
    if (this.#life.alive) route(this.sim, spec)
  }

  #end(): void {
    const { scope } = this
    this.#life.alive = false
    this.#side.loop.timers.forget((of) => of.life === scope.life)
  }

  /** A Vnet that knows nothing, at the same cables; up or not. */
  #boot(up: boolean): void {
    const was = this.sim.vnet
    const name = this.name
    const fresh = new Vnet({ name, seed: this.#side.freshSeed(`${name} ${++this.#boots}`), pool: was.vn.pool })
    fresh.setNow(this.sim.now())
    for (const port of this.ports) {
      const ifp = ifCreate(fresh.vn, port.ifName, IFT_ETHER, port.mac, port.mtu)
      assert(ifp.id === port.ifId, `interface ${port.ifName} has another number after a restart`)
      ifSetFlags(fresh.vn, ifp.id, up ? ifp.flags | IFF_UP | IFF_RUNNING : ifp.flags & ~IFF_UP)
      if (up) for (const address of port.addresses) addAddress(fresh, ifp.id, address)
    }
    for (const id of this.sim.watched()) this.sim.unwatch(id)
    was.setNow(this.sim.now())
    was.drainFrames(() => undefined)
    was.drainEvents(() => undefined)
    this.sim.replaceVnet(fresh)
    this.#tune(this.sim)
    if (up) for (const spec of this.routes) route(this.sim, spec)
  }

  #tune(runner: Runner): void {
    if (this.forwards) {
      sysctlAssign(runner, 'net.inet.ip.forwarding', '1')
      sysctlAssign(runner, 'net.inet6.ip6.forwarding', '1')
    }
    for (const [name, value] of Object.entries(this.options.sysctl ?? {})) {
      sysctlAssign(runner, name, typeof value === 'boolean' ? String(Number(value)) : String(value))
    }
  }

  #newLife(): Life {
    const runner = new LifeRunner(this.sim, this.#side)
    const env = new NetEnv(runner, { later: (fn) => { this.#side.loop.later(fn, runner.scope) } })
    const resolver = new DnsResolver(runner, this.#side.names.optionsFor(this.options.resolver))
    if (this.options.resolver?.servers === undefined) this.#side.names.serve(this.sim, this.name)
    const life: Life = { host: this.name, alive: true, place: { env, resolver, tag: `:${this.#side.freshName()}` } }
    return life
  }

  #newScope(): Scope {
    const random = createRandom(this.#side.freshSeed(`programs of ${this.name} ${this.#boots}`))
    const scope: Scope = { life: this.#life, clock: this.clock, random }
    ;(this.#life.place.env.runner as LifeRunner).scope = scope
    return scope
  }

  #addressOf(six: boolean): string {
    this.#side.settle()
    const found = this.addresses.find((a) => a.includes(':') === six)
    if (found === undefined) throw new Error(`host ${this.name} has no IPv${six ? 6 : 4} address: it has no link`)
    return found
  }
}

/** The Vnet of a host for the programs of one life: they are called in its context, and never again after a crash. */
class LifeRunner implements Runner {
  readonly vnet: Vnet
  scope: Scope | null = null
  readonly #sim: SimHost
  readonly #side: HostSide

  constructor(sim: SimHost, side: HostSide) {
    this.#sim = sim
    this.#side = side
    this.vnet = sim.vnet
  }

  now(): number {
    return this.#sim.now()
  }

  kick(): void {
    if (this.#sim.vnet === this.vnet) this.#sim.kick()
  }

  watch(id: number, fn: Watcher): void {
    if (this.#sim.vnet !== this.vnet) return
    this.#sim.watch(id, (what) => {
      if (this.scope?.life?.alive !== true) return
      this.#side.loop.touch()
      this.#side.scopes.run(this.scope, fn, what)
    })
  }

  unwatch(id: number): void {
    if (this.#sim.vnet === this.vnet) this.#sim.unwatch(id)
  }
}

function addAddress(vnet: Vnet, ifId: number, text: string): void {
  const prefix = addrParsePrefix(text)
  if (prefix === null) throw new RangeError(`${text} is not an address such as 10.0.0.1/24`)
  ifAddAddr(vnet.vn, ifId, prefix.addr, prefix.prefixLen, { probe: false })
}

function route(sim: SimHost, spec: RouteSpec): void {
  try {
    routeInsert(sim, spec)
  } catch (error) {
    if (!(error instanceof ManageError) || error.code !== 'EEXIST') throw error
  }
}
