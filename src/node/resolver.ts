/**
 * Names on a Vnet: a table of hosts, `localhost`, and DNS with a search list and a cache (RFC 1034 §5, RFC 2308).
 */

import { AsyncResource } from 'node:async_hooks'
import { hostname } from 'node:os'
import type { Answer, DecodedPacket } from 'dns-packet'
import { addrIsLoopback, addrParse, addrPrint } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { resolverSearch, resolverServers } from '../resolver/resolver.ts'
import type { Runner } from '../vnet/runner.ts'
import type { Vnet } from '../vnet/vnet.ts'
import { UV_EAI_AGAIN, UV_EAI_NODATA, UV_EAI_NONAME } from './binding.ts'
import { dnsExchange } from './dns-exchange.ts'
import type { DnsServer, QueryType } from './dns-exchange.ts'

export interface ResolverOptions {
  /** Names and their addresses, as /etc/hosts. */
  hosts?: Readonly<Record<string, string | readonly string[]>>
  /** "10.0.0.53", "10.0.0.53:5353", "[fd00::53]:53". */
  servers?: readonly string[]
  /** Domains that are tried behind names with fewer than `ndots` dots. */
  search?: readonly string[]
  ndots?: number
  /** For the first try with each server; it doubles with each round (default 5000). */
  timeoutMs?: number
  attempts?: number
}

export interface AskOptions { servers: readonly DnsServer[]; timeoutMs: number; attempts: number; localAddress: string | null }

export interface Records { code: string; answers: Answer[] }

/** A question under way, and who waits for its answer. */
interface Asking { told: Set<(records: Records) => void>; stop: () => void }

interface Cached extends Records { until: number }

const CACHE_MAX = 1000
const RCODES: Readonly<Record<string, string>> = Object.freeze({
  FORMERR: 'EFORMERR', SERVFAIL: 'ESERVFAIL', NXDOMAIN: 'ENOTFOUND', NOTIMP: 'ENOTIMP', REFUSED: 'EREFUSED',
})

export class DnsResolver {
  readonly runner: Runner
  readonly hosts = new Map<string, string[]>()
  readonly #ask: AskOptions
  readonly #search: readonly string[]
  readonly #ndots: number
  readonly #cache = new Map<string, Cached>()
  readonly #asking = new Map<string, Asking>()

  constructor(runner: Runner, options: ResolverOptions = {}) {
    this.runner = runner
    for (const [name, to] of Object.entries(options.hosts ?? {})) {
      this.hosts.set(canonical(name), typeof to === 'string' ? [to] : [...to])
    }
    const servers = (options.servers ?? []).map(parseServer)
    this.#ask = { servers, timeoutMs: options.timeoutMs ?? 5000, attempts: options.attempts ?? 4, localAddress: null }
    this.#search = options.search ?? []
    this.#ndots = options.ndots ?? 1
  }

  /** Whom to ask now, and how: the servers that were configured, else those that the Vnet has learnt (DHCP, router advertisements). */
  get ask(): AskOptions {
    if (this.#ask.servers.length > 0) return this.#ask
    const learnt = resolverServers(this.runner.vnet.state.resolver)
    return { ...this.#ask, servers: learnt.map((a) => ({ address: addrPrint(a), port: 53 })) }
  }

  /** The search list: configured, else learnt. */
  get search(): readonly string[] {
    return this.#search.length > 0 ? this.#search : resolverSearch(this.runner.vnet.state.resolver)
  }

  /** Addresses of `family` (0: both), or a number of getaddrinfo's (UV_EAI_*). Returns how to give up. */
  addresses(name: string, family: number, done: (error: number, addresses: string[]) => void): () => void {
    const own = this.#own(name)
    if (own !== null) {
      const of = own.filter((a) => family === 0 || (a.includes(':') ? 6 : 4) === family)
      queueMicrotask(() => { done(of.length > 0 ? 0 : UV_EAI_NODATA, of) })
      return () => undefined
    }
    if (this.ask.servers.length === 0 || name.length > 255) {
      queueMicrotask(() => { done(UV_EAI_NONAME, []) })
      return () => undefined
    }
    const types: QueryType[] = family === 4 ? ['A'] : family === 6 ? ['AAAA'] : ['AAAA', 'A']
    return this.#tryAll(this.#candidates(name), types, done)
  }

  /**
   * Records of one name and type with their CNAMEs, from the cache or the servers; `done` is called in the asynchronous context
   * of the caller. Who asks for the same meanwhile waits for the same answer. Returns how to give up.
   */
  records(name: string, type: QueryType, ask: AskOptions, done: (records: Records) => void): () => void {
    const key = `${type} ${canonical(name)} ${ask.servers.map((s) => `${s.address}:${s.port}`).join()}`
    const cached = this.#cache.get(key)
    if (cached !== undefined && cached.until > this.runner.now()) {
      queueMicrotask(() => { done(cached) })
      return () => undefined
    }
    if (ask.servers.length === 0) {
      queueMicrotask(() => { done({ code: 'ECONNREFUSED', answers: [] }) })
      return () => undefined
    }
    const same = `${key} ${ask.timeoutMs} ${ask.attempts} ${ask.localAddress ?? ''}`
    const told = AsyncResource.bind(done)
    const asking = this.#asking.get(same) ?? this.#exchange(name, type, ask, key, same)
    asking.told.add(told)
    return () => {
      if (!asking.told.delete(told) || asking.told.size > 0) return
      this.#asking.delete(same)
      asking.stop()
    }
  }

  /** Asks one server after the other until one knows, and tells everybody who waits. */
  #exchange(name: string, type: QueryType, ask: AskOptions, key: string, same: string): Asking {
    const asking: Asking = { told: new Set(), stop: () => undefined }
    this.#asking.set(same, asking)
    const finish = (records: Records): void => {
      this.#asking.delete(same)
      for (const told of asking.told) told(records)
      asking.told.clear()
    }
    let tries = 0
    const next = (code: string, answer: DecodedPacket | null): void => {
      if (answer !== null) {
        const records = read(answer)
        if (records.code === '' || records.code === 'ENOTFOUND' || records.code === 'ENODATA') {
          this.#keep(key, records, lifetimeS(answer))
          finish(records)
          return
        }
        code = records.code
      }
      if (code === 'EBADNAME' || tries >= ask.attempts * ask.servers.length) finish({ code, answers: [] })
      else again()
    }
    const again = (): void => {
      const server = ask.servers[tries % ask.servers.length]
      const round = Math.floor(tries++ / ask.servers.length)
      asking.stop = dnsExchange(this.runner, server, { name: canonical(name), type },
        { timeoutMs: ask.timeoutMs * 2 ** round, localAddress: ask.localAddress }, next)
    }
    again()
    return asking
  }

  /** The name of an address in the table of hosts, or null. */
  nameOf(address: string): string | null {
    const addr = addrParse(address)
    if (addr === null) return null
    for (const [name, addresses] of this.hosts) if (addresses.includes(address)) return name
    return addrIsLoopback(addr) ? 'localhost' : null
  }

  /** What needs no server: the table, `localhost` (RFC 6761 §6.3), this host's name. */
  #own(name: string): string[] | null {
    const wanted = canonical(name)
    const listed = this.hosts.get(wanted)
    if (listed !== undefined) return listed
    if (wanted === 'localhost' || wanted.endsWith('.localhost')) return this.#loopback()
    return wanted === canonical(this.runner.vnet.state.name) || wanted === canonical(hostname()) ? this.#loopback() : null
  }

  /** The Vnet's loopback addresses, IPv6 first. */
  #loopback(): string[] {
    return ownAddresses(this.runner.vnet).filter(addrIsLoopback).map(addrPrint)
  }

  #candidates(name: string): string[] {
    if (name.endsWith('.')) return [name]
    const searched = this.search.map((domain) => `${name}.${domain}`)
    const dots = name.split('.').length - 1
    return dots >= this.#ndots ? [name, ...searched] : [...searched, name]
  }

  /** The first candidate that has an address; all types of one are asked at once. */
  #tryAll(names: string[], types: QueryType[], done: (error: number, addresses: string[]) => void): () => void {
    const [name, ...rest] = names
    const stops: (() => void)[] = []
    const found = new Map<QueryType, Records>()
    for (const type of types) {
      stops.push(this.records(name, type, this.ask, (records) => {
        found.set(type, records)
        if (found.size < types.length) return
        const addresses = types.flatMap((t) => addressesIn(found.get(t), t))
        if (addresses.length > 0) done(0, addresses)
        else if (rest.length > 0) stops.push(this.#tryAll(rest, types, done))
        else done(failure([...found.values()].map((r) => r.code)), [])
      }))
    }
    return () => { for (const stop of stops) stop() }
  }

  #keep(key: string, records: Records, lifeS: number): void {
    if (lifeS <= 0) return
    if (this.#cache.size >= CACHE_MAX) this.#cache.delete(this.#cache.keys().next().value as string)
    this.#cache.set(key, { ...records, until: this.runner.now() + lifeS * 1_000_000 })
  }
}

/** "10.0.0.53", "10.0.0.53:5353", "fd00::53", "[fd00::53]:53". Throws a RangeError. */
export function parseServer(text: string): DnsServer {
  const m = /^(?:\[([^\]]+)\](?::(\d+))?|([\d.]+):(\d+)|(.+))$/.exec(text)
  const address = m?.[1] ?? m?.[3] ?? m?.[5] ?? ''
  if (addrParse(address) === null) throw new RangeError(`not the address of a DNS server: ${text}`)
  return { address, port: Number(m?.[2] ?? m?.[4] ?? 53) }
}

/** Every address of the Vnet, those of IPv6 first. */
export function ownAddresses(vnet: Vnet): Addr[] {
  const { link, ip6 } = vnet.state
  const six = [...ip6.local.values()].flat().map((l) => l.addr)
  return [...six, ...[...link.ifnets.values()].flatMap((i) => i.addrs.map((a) => a.addr))]
}

function canonical(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

/** The text of `rcode` is not in the types of dns-packet. */
function read(answer: DecodedPacket): Records {
  const { rcode = 'NOERROR' } = answer as { rcode?: string }
  if (rcode !== 'NOERROR') return { code: RCODES[rcode] ?? 'ESERVFAIL', answers: [] }
  const answers = answer.answers ?? []
  return { code: answers.length === 0 ? 'ENODATA' : '', answers }
}

/** How long it holds: the least TTL; of a denial what its SOA says (RFC 2308 §5). */
function lifetimeS(answer: DecodedPacket): number {
  const ttls = (answer.answers ?? []).map((a) => (a as { ttl?: number }).ttl ?? 0)
  if (ttls.length > 0) return Math.min(...ttls)
  const soa = (answer.authorities ?? []).find((a) => a.type === 'SOA')
  return soa?.type === 'SOA' ? Math.min(soa.ttl ?? 0, soa.data.minimum ?? 0) : 0
}

function addressesIn(records: Records | undefined, type: QueryType): string[] {
  return (records?.answers ?? []).filter((a) => a.type === type).map((a) => (a as { data: string }).data)
}

function failure(codes: string[]): number {
  if (codes.every((c) => c === 'ENOTFOUND')) return UV_EAI_NONAME
  return codes.some((c) => c === 'ENODATA' || c === '') ? UV_EAI_NODATA : codes.includes('ENOTFOUND') ? UV_EAI_NONAME
    : UV_EAI_AGAIN
}
