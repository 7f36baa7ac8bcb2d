/** The simulated internet as a test sees it: hosts, links, faults, and the time. */

import type { Switch } from '../device/switch.ts'
import type { Jack } from '../sim/host.ts'
import type { World } from '../sim/world.ts'
import { Names } from './names.ts'
import type { DnsFailure } from './names.ts'
import { Gate } from './gate.ts'
import { TestHost } from './host.ts'
import type { HostOptions, HostSide } from './host.ts'
import { TestLink } from './link.ts'
import type { EventLoop } from './loop.ts'
import { Nat, NAT_FIRST_PORT } from './nat.ts'
import type { NatOptions } from './nat.ts'
import type { Recorder } from './recorder.ts'
import type { Scopes } from './scope.ts'
import { Topology } from './topology.ts'
import type { Segment } from './topology.ts'
import { cableOptions, durationUs } from './units.ts'
import type { Duration, LinkOptions } from './units.ts'

export interface PartitionOptions { oneWay?: boolean; for?: Duration }

/** A switch of a simulation: everybody on it shares one network. */
export class TestSwitch {
  readonly name: string
  readonly segment: Segment
  readonly sw: Switch

  constructor(name: string, segment: Segment, sw: Switch) {
    this.name = name
    this.segment = segment
    this.sw = sw
  }
}

/** Names of hosts may stand for them. */
export type Node = TestHost | TestSwitch | Nat | string

/** What a world needs of the simulation that it is in. */
export interface WorldSide {
  readonly seed: number
  readonly world: World
  readonly loop: EventLoop
  readonly scopes: Scopes
  readonly recorder: Recorder
  freshName(): string
  /** A capture that is written when the simulation ends. */
  capture(file: string, which: (host: string, ifName: string) => boolean): void
}

export class TestWorld implements HostSide {
  readonly seed: number
  readonly hosts = new Map<string, TestHost>()
  readonly links: TestLink[] = []
  readonly names: Names
  readonly scopes: Scopes
  readonly loop: EventLoop
  readonly recorder: Recorder
  readonly #side: WorldSide
  readonly #world: World
  readonly #topology = new Topology()
  readonly #switches = new Map<string, TestSwitch>()
  readonly #nats = new Map<string, Nat>()
  /** What each partition keeps apart: 'from>to', of hosts. */
  #apart: Set<string>[] = []
  readonly #conditions: { holds: () => boolean; fn: () => void }[] = []
  #changed = true

  constructor(side: WorldSide) {
    this.#side = side
    this.seed = side.seed
    this.#world = side.world
    this.scopes = side.scopes
    this.loop = side.loop
    this.recorder = side.recorder
    this.names = new Names({
      ofHost: (name, asker) => this.#addressesFor(name, asker), now: () => this.now, note: (text) => { this.note(text) },
    })
  }

  /** Simulated time, ms since the beginning. */
  get now(): number {
    return this.#world.now() / 1000
  }

  /** The world underneath (docs/time.md). */
  get sim(): World {
    return this.#world
  }

  /** The host of this name; made when there is none yet. */
  host(name: string, options?: HostOptions): TestHost {
    const known = this.hosts.get(name)
    if (known !== undefined && options === undefined) return known
    return this.#addHost(name, options ?? {}, false)
  }

  /** A host that forwards between its links. */
  router(name: string, options: HostOptions = {}): TestHost {
    return this.hosts.get(name) ?? this.#addHost(name, options, true)
  }

  switch(name = `switch${this.#switches.size + 1}`, options: { subnet?: string; inside?: boolean } = {}): TestSwitch {
    const known = this.#switches.get(name)
    if (known !== undefined) return known
    const made = new TestSwitch(name, this.#topology.addSegment(options), this.#world.addSwitch(name))
    this.#switches.set(name, made)
    return made
  }

  /** A router that hides the hosts of its `inside` switch behind its own address (IPv4; NAPT, RFC 3022). */
  nat(name: string, options: NatOptions = {}): Nat {
    const known = this.#nats.get(name)
    if (known !== undefined) return known
    const inside = this.switch(`${name}-inside`, { subnet: options.subnet ?? '192.168.0.0/24', inside: true })
    // its own ports are not those that it gives away
    const host = this.#addHost(name, { sysctl: { 'net.inet.ip.portrange.last': NAT_FIRST_PORT - 1 } }, true)
    const nat = new Nat(host, inside, options, {
      now: () => this.#world.now(), pool: this.#world.pool, note: (text) => { this.note(text) },
    })
    this.#nats.set(name, nat)
    this.link(host, inside)
    return nat
  }

  /** Joins two hosts, routers or switches. Addresses of both families and routes are given by themselves. */
  link(a: Node, b: Node, options: LinkOptions = {}): TestLink {
    const [from, to] = [this.#find(a), this.#find(b)]
    const segment = this.#segmentOf(from, to, options)
    const cable = this.#world.cable(this.#jack(from, segment), this.#jack(to, segment), cableOptions(options))
    const ends = [from, to].flatMap((n) => n instanceof TestHost ? [{ host: n, port: n.ports[n.ports.length - 1] }] : [])
    const link = new TestLink({
      note: (text) => { this.note(text) }, after: (ms, fn) => { this.at(this.now + ms, fn) },
      setMtu: (bytes) => { for (const { host, port } of ends) host.setMtu(port, bytes) },
    }, from.name, to.name, cable)
    this.links.push(link)
    this.#changed = true
    return link
  }

  /** The link between two, made before. */
  between(a: Node, b: Node): TestLink {
    const names = [this.#find(a).name, this.#find(b).name]
    const found = this.links.find((l) => names.includes(l.a) && names.includes(l.b) && l.a !== l.b)
    if (found === undefined) throw new Error(`there is no link between ${names[0]} and ${names[1]}`)
    return found
  }

  /**
   * Names and their addresses, or hosts' names: { 'db.example': 'db', 'api.example': ['10.9.0.1', 'fd00::1'] }. Each host's own name
   * is known anyway. Hosts ask a name server that each has on its loopback interface.
   */
  dns(names: Readonly<Record<string, string | readonly string[]>>): void {
    this.names.add(names)
  }

  /** Name resolution fails from now on, for all names or one, on all hosts or one; `null` ends it. */
  dnsFails(how: DnsFailure | null, only: { name?: string; host?: string } = {}): void {
    this.names.fail(how, only)
  }

  /** Packets between the hosts of one side and those of the other vanish. */
  partition(one: Node | readonly Node[], other: Node | readonly Node[], options: PartitionOptions = {}): void {
    const pairs = this.#pairs(one, other, options.oneWay ?? false)
    const apart = new Set(pairs)
    this.#apart.push(apart)
    this.note(`partition: ${pairs.join(' ')}`)
    if (options.for === undefined) return
    this.at(this.now + durationUs(options.for) / 1000, () => {
      this.#apart = this.#apart.filter((a) => a !== apart)
      this.note(`healed: ${pairs.join(' ')}`)
    })
  }

  /** Ends partitions: those between two sides, or all. */
  heal(one?: Node | readonly Node[], other?: Node | readonly Node[]): void {
    const healed = one === undefined || other === undefined ? null : this.#pairs(one, other, false)
    for (const apart of this.#apart) {
      if (healed === null) apart.clear()
      else for (const pair of healed) apart.delete(pair)
    }
    this.#apart = this.#apart.filter((apart) => apart.size > 0)
    this.note('healed')
  }

  /** Calls `fn` at a time (ms since the beginning, or '2s'). What it throws fails the simulation. */
  at(time: Duration, fn: () => unknown): void {
    this.loop.timers.plan(durationUs(time), () => { this.#call(fn) })
  }

  /** Calls `fn` once, as soon as the condition holds; it is looked at after every event. */
  when(holds: () => boolean, fn: () => unknown): void {
    this.#conditions.push({ holds, fn: () => { this.#call(fn) } })
  }

  /** Resolves after so long. */
  async sleep(duration: Duration): Promise<void> {
    await new Promise<void>((resolve) => { this.at(this.now + durationUs(duration) / 1000, resolve) })
  }

  /** Time stands still until `work`, which really takes time (loading a module, a worker), is done. */
  real<T>(work: Promise<T> | (() => Promise<T>)): Promise<T> {
    return this.loop.real.until(typeof work === 'function' ? work() : work, 'world.real')
  }

  /**
   * A pcapng written when the simulation ends: of the link "a-b" (seen at a) when the file has that name, of one host or link that
   * `of` names, or of all.
   */
  capture(file: string, of?: TestHost | TestLink | string): void {
    const base = file.replace(/^.*[/\\]/, '').replace(/\.\w+$/, '')
    const wanted = of ?? (this.hosts.has(base) || this.links.some((l) => l.name === base) ? base : '')
    this.#side.capture(file, this.#filter(wanted))
  }

  /** A line in the timeline. */
  note(text: string): void {
    this.recorder.note(this.#world.now(), text)
  }

  /** True when some condition wants to be looked at after every event. */
  get watching(): boolean {
    return this.#conditions.length > 0
  }

  /** Looks at the conditions. */
  look(): void {
    for (const one of [...this.#conditions]) {
      if (!one.holds()) continue
      this.#conditions.splice(this.#conditions.indexOf(one), 1)
      this.loop.later(one.fn, null)
    }
  }

  get partitioned(): boolean {
    return this.#apart.length > 0
  }

  separated(from: string, to: string): boolean {
    const pair = `${this.#ownerOf(from)}>${this.#ownerOf(to)}`
    return this.#apart.some((apart) => apart.has(pair))
  }

  settle(): void {
    if (!this.#changed) return
    this.#changed = false
    this.#topology.route(this.hosts.values())
  }

  freshSeed(what: string): number[] {
    return [this.seed | 0, Math.floor(this.seed / 0x100000000), ...Array.from(what, (c) => c.codePointAt(0) as number)]
  }

  freshName(): string {
    return this.#side.freshName()
  }

  nowUs(): number {
    return this.#world.now()
  }

  #addHost(name: string, options: HostOptions, forwards: boolean): TestHost {
    if (this.hosts.has(name)) throw new RangeError(`there is a host ${name} already`)
    if (!/^[\w.-]+$/.test(name)) throw new RangeError(`"${name}" is no name of a host`)
    const host = new TestHost(this, this.#world.addVnet(name), options, forwards)
    this.hosts.set(name, host)
    this.recorder.watch(host.sim)
    this.names.addHost(name)
    for (const alias of options.names ?? []) this.names.add({ [alias]: name })
    return host
  }

  #find(node: Node): TestHost | TestSwitch {
    if (node instanceof Nat) return node.host
    if (typeof node !== 'string') return node
    return this.#switches.get(node) ?? this.host(node)
  }

  #segmentOf(a: TestHost | TestSwitch, b: TestHost | TestSwitch, options: LinkOptions): Segment {
    if (a instanceof TestSwitch && b instanceof TestSwitch) {
      throw new RangeError('two switches are not linked; link hosts to one of them, or put a router between')
    }
    if (a instanceof TestSwitch) return a.segment
    if (b instanceof TestSwitch) return b.segment
    return this.#topology.addSegment(options.subnet === undefined ? {} : { subnet: options.subnet })
  }

  #jack(node: TestHost | TestSwitch, segment: Segment): Jack {
    if (node instanceof TestSwitch) return { name: node.name, plug: (device) => { node.sw.plug(device) } }
    const wanted = node.ports.length === 0 ? [node.options.address ?? []].flat() : []
    const addresses = this.#topology.join(segment, node, wanted)
    const ifName = `eth${node.ports.length}`
    return {
      name: node.name,
      plug: (device) => {
        const port = node.sim.addPort({ name: ifName, mtu: device.mtu })
        const outer = this.#nats.get(node.name)?.wrap(device, segment, addresses[0].split('/')[0]) ?? device
        port.plug(new Gate(outer, this))
        for (const address of addresses) port.addAddress(address)
        node.ports.push({ ifName, ifId: port.ifId, mac: port.mac, mtu: device.mtu, mtuMax: device.mtu, addresses, segment: segment.id })
      },
    }
  }

  #pairs(one: Node | readonly Node[], other: Node | readonly Node[], oneWay: boolean): string[] {
    const names = (side: Node | readonly Node[]): string[] => (Array.isArray(side) ? side as readonly Node[] : [side as Node])
      .map((n) => this.#find(n).name)
    return names(one).flatMap((a) => names(other).flatMap((b) => oneWay ? [`${a}>${b}`] : [`${a}>${b}`, `${b}>${a}`]))
  }

  #ownerOf(address: string): string {
    for (const host of this.hosts.values()) if (host.addresses.includes(address)) return host.name
    return ''
  }

  get natNames(): string[] {
    return [...this.#nats.keys()]
  }

  /** A host that there is; an Error for a name that is nobody's. */
  existing(name: string): TestHost {
    const host = this.hosts.get(name)
    if (host === undefined) throw new Error(`there is no host ${name}`)
    return host
  }

  /** Those that `asker` can reach; all when there are none. */
  #addressesFor(name: string, asker: string): string[] | null {
    const host = this.hosts.get(name)
    if (host === undefined) return null
    const near = this.#topology.reachable(this.existing(asker))
    const some = host.ports.filter((p) => near.has(p.segment)).flatMap((p) => p.addresses.map((a) => a.replace(/\/.*$/, '')))
    return some.length > 0 ? some : host.addresses
  }

  #filter(of: TestHost | TestLink | string): (host: string, ifName: string) => boolean {
    if (of === '') return () => true
    const name = typeof of === 'string' ? of : of.name
    const link = this.links.find((l) => l.name === name)
    if (link === undefined) return (host) => host === name
    const at = this.hosts.has(link.a) ? link.a : link.b
    const nth = this.links.filter((l) => l.a === at || l.b === at).indexOf(link)
    return (host, ifName) => host === at && ifName === `eth${nth}`
  }

  /** In the test's own context, and what it throws or rejects with is the simulation's failure. */
  #call(fn: () => unknown): void {
    const result = fn()
    if (result instanceof Promise) this.loop.caught(result)
  }
}
