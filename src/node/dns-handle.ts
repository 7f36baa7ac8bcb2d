/** Node's native side of `dns` over a Vnet: getaddrinfo, getnameinfo and c-ares' channel. */

import { addrIsLoopback, addrIsV4, addrParse } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { UV_EAI_NONAME, UV_EINVAL } from './binding.ts'
import type { Req } from './binding.ts'
import { answerOf } from './dns-answers.ts'
import type { DnsServer, QueryType } from './dns-exchange.ts'
import type { NetEnv } from './netenv.ts'
import { ownAddresses } from './resolver.ts'
import type { DnsResolver } from './resolver.ts'

const AI_V4MAPPED = 8
const AI_ALL = 16
const AI_ADDRCONFIG = 32
const ORDER_IPV4_FIRST = 1
const ORDER_IPV6_FIRST = 2
/** setServers while queries are under way. */
const ESETSRVPENDING = -1000
/** Names of the ports that a service may be asked for. */
const SERVICES: Readonly<Record<number, string>> = Object.freeze({
  7: 'echo', 9: 'discard', 19: 'chargen', 21: 'ftp', 22: 'ssh', 23: 'telnet', 25: 'smtp', 53: 'domain', 80: 'http',
  110: 'pop3', 123: 'ntp', 143: 'imap2', 443: 'https', 993: 'imaps', 995: 'pop3s', 3306: 'mysql', 5432: 'postgresql',
})

export interface NameCalls {
  getaddrinfo(req: Req, name: string, family: number, hints: number, order: number | boolean): number
  getnameinfo(req: Req, address: string, port: number): number
}

/** getaddrinfo and getnameinfo; `current` says on which Vnet. */
export function createNameCalls(current: () => { env: NetEnv; resolver: DnsResolver }): NameCalls {
  return {
    getaddrinfo(req, name, family, hints, order): number {
      const { env, resolver } = current()
      const mapped = family === 6 && (hints & AI_V4MAPPED) !== 0
      env.hold(1)
      resolver.addresses(name, mapped ? 0 : family, (error, found) => {
        const addresses = mapped ? mapInto6(found, (hints & AI_ALL) !== 0)
          : sort(family === 0 && (hints & AI_ADDRCONFIG) !== 0 ? configured(resolver, found) : found, orderOf(order), resolver)
        env.later(() => {
          env.hold(-1)
          if (addresses.length > 0) req.oncomplete?.(null, addresses)
          else req.oncomplete?.(error !== 0 ? error : UV_EAI_NONAME)
        })
      })
      return 0
    },

    getnameinfo(req, address, port): number {
      const { env, resolver } = current()
      const service = SERVICES[port] ?? String(port)
      const name = resolver.nameOf(address)
      env.hold(1)
      const done = (found: string | null): void => {
        env.later(() => {
          env.hold(-1)
          if (found === null) req.oncomplete?.(UV_EAI_NONAME)
          else req.oncomplete?.(null, found, service)
        })
      }
      if (name !== null) done(name)
      else resolver.records(reverseName(address), 'PTR', resolver.ask, ({ code, answers }) => {
        const { result } = answerOf('PTR', answers)
        done(code === '' ? (result as string[])[0] ?? null : null)
      })
      return 0
    },
  }
}

const QUERIES: Readonly<Record<string, QueryType>> = Object.freeze({
  queryAny: 'ANY', queryA: 'A', queryAaaa: 'AAAA', queryCaa: 'CAA', queryCname: 'CNAME', queryMx: 'MX', queryNs: 'NS',
  queryTxt: 'TXT', queryTlsa: 'TLSA', querySrv: 'SRV', queryPtr: 'PTR', queryNaptr: 'NAPTR', querySoa: 'SOA',
})

export interface Channel {
  getServers(): [string, number][]
  setServers(servers: [number, string, number][]): number
  setLocalAddress(ipv4: string, ipv6?: string): void
  cancel(): void
  getHostByAddr(req: Req, address: string): number
}

/** c-ares' ChannelWrap: what a dns.Resolver asks. */
export function createChannelClass(
  current: () => { env: NetEnv; resolver: DnsResolver },
): new (timeoutMs: number, tries: number) => Channel {
  class ChannelWrap implements Channel {
    readonly #env: NetEnv
    readonly #resolver: DnsResolver
    readonly #pending = new Map<Req, () => void>()
    readonly #timeoutMs: number
    readonly #tries: number
    /** Set by the program; until then the resolver's, whatever it has learnt meanwhile. */
    #own: readonly DnsServer[] | null = null
    #local: string | null = null

    constructor(timeoutMs: number, tries: number) {
      const { env, resolver } = current()
      this.#env = env
      this.#resolver = resolver
      this.#timeoutMs = timeoutMs > 0 ? timeoutMs : resolver.ask.timeoutMs
      this.#tries = tries > 0 ? tries : resolver.ask.attempts
    }

    get #servers(): readonly DnsServer[] {
      if (this.#own !== null) return this.#own
      const { servers } = this.#resolver.ask
      return servers.length > 0 ? servers : [{ address: '127.0.0.1', port: 53 }]
    }

    getServers(): [string, number][] {
      return this.#servers.map((s) => [s.address, s.port])
    }

    setServers(servers: [number, string, number][]): number {
      if (this.#pending.size > 0) return ESETSRVPENDING
      this.#own = servers.map(([, address, port]) => ({ address, port }))
      return 0
    }

    setLocalAddress(ipv4: string, ipv6?: string): void {
      for (const text of ipv6 === undefined ? [ipv4] : [ipv4, ipv6]) {
        if (addrParse(text) === null) throw Object.assign(new TypeError('Invalid IP address.'), { code: 'ERR_INVALID_ARG_VALUE' })
      }
      const addr = addrParse(ipv4)
      this.#local = addr !== null && addrIsV4(addr) ? ipv4 : null
    }

    cancel(): void {
      for (const [req, stop] of [...this.#pending]) {
        stop()
        this.#finish(req, 'ECANCELLED', undefined, undefined)
      }
    }

    getHostByAddr(req: Req, address: string): number {
      if (addrParse(address) === null) return UV_EINVAL
      const name = this.#resolver.nameOf(address)
      if (name === null) return this.query(req, reverseName(address), 'PTR')
      this.#env.hold(1)
      this.#pending.set(req, () => undefined)
      queueMicrotask(() => { this.#finish(req, '', [name], undefined) })
      return 0
    }

    query(req: Req, name: string, type: QueryType): number {
      const ask = { servers: this.#servers, timeoutMs: this.#timeoutMs, attempts: this.#tries, localAddress: this.#local }
      this.#env.hold(1)
      this.#pending.set(req, this.#resolver.records(name, type, ask, ({ code, answers }) => {
        const { result, ttls } = answerOf(type, answers)
        const none = code === '' && (result === undefined || (Array.isArray(result) && result.length === 0))
        this.#finish(req, none ? 'ENODATA' : code, result, ttls)
      }))
      return 0
    }

    #finish(req: Req, code: string, result: unknown, ttls: number[] | undefined): void {
      if (!this.#pending.delete(req)) return
      this.#env.later(() => {
        this.#env.hold(-1)
        if (code !== '') req.oncomplete?.(code)
        else req.oncomplete?.(0, result, ttls)
      })
    }
  }
  for (const [method, type] of Object.entries(QUERIES)) {
    Object.defineProperty(ChannelWrap.prototype, method, {
      configurable: true,
      writable: true,
      value(this: ChannelWrap, req: Req, name: string): number {
        return this.query(req, name, type)
      },
    })
  }
  return ChannelWrap
}

/** The name under in-addr.arpa or ip6.arpa (RFC 1035 §3.5, RFC 3596 §2.5). */
export function reverseName(address: string): string {
  const addr = addrParse(address)
  if (addr === null) return address
  if (addrIsV4(addr)) return `${address.split('.').reverse().join('.')}.in-addr.arpa`
  const hex = [addr.w0, addr.w1, addr.w2, addr.w3].map((w) => (w >>> 0).toString(16).padStart(8, '0')).join('')
  return `${[...hex].reverse().join('.')}.ip6.arpa`
}

/** Node 20 gives `verbatim`, later versions an order. */
function orderOf(order: number | boolean): number {
  return typeof order === 'boolean' ? (order ? 0 : ORDER_IPV4_FIRST) : order
}

/** As the C library's getaddrinfo: by RFC 6724 §6; an order of families that was asked for comes first. */
function sort(addresses: string[], order: number, resolver: DnsResolver): string[] {
  const { vnet } = resolver.runner
  const byAddr = new Map(addresses.map((text) => [addrParse(text), text]))
  const known = [...byAddr.keys()].filter((addr): addr is Addr => addr !== null)
  const sorted = vnet.sortDestinations(known).map((addr) => byAddr.get(addr) ?? '')
  if (order !== ORDER_IPV4_FIRST && order !== ORDER_IPV6_FIRST) return sorted
  const [six, four] = [sorted.filter((a) => a.includes(':')), sorted.filter((a) => !a.includes(':'))]
  return order === ORDER_IPV6_FIRST ? [...six, ...four] : [...four, ...six]
}

/** AI_ADDRCONFIG: only families of which this host has an address that is not its loopback; loopback itself is spared. */
function configured(resolver: DnsResolver, addresses: string[]): string[] {
  const kept = addresses.filter((a) => isLoopback(a) || hasFamily(resolver, a.includes(':') ? 6 : 4))
  return kept.length > 0 ? kept : addresses
}

function hasFamily(resolver: DnsResolver, family: number): boolean {
  return ownAddresses(resolver.runner.vnet).some((addr) =>
    !addrIsLoopback(addr) && !isLinkLocal(addr) && addrIsV4(addr) === (family === 4))
}

/** fe80::/10: such an address reaches no farther than its link. */
function isLinkLocal(addr: Addr): boolean {
  return (addr.w0 >>> 22) === 0x3fa
}

function isLoopback(text: string): boolean {
  const addr = addrParse(text)
  return addr !== null && addrIsLoopback(addr)
}

function mapInto6(addresses: string[], all: boolean): string[] {
  const six = addresses.filter((a) => a.includes(':'))
  const mapped = addresses.filter((a) => !a.includes(':')).map((a) => `::ffff:${a}`)
  return all || six.length === 0 ? [...six, ...mapped] : six
}
