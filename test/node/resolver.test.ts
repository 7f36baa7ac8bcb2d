/** The resolver's own duties, counted at a server: servers and domains learnt, search order, cache, EDNS, TCP, giving up. */

import { decode, encode } from 'dns-packet'
import type { Packet } from 'dns-packet'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeModules } from '../../src/node/modules.ts'
import { DnsResolver } from '../../src/node/resolver.ts'
import type { ResolverOptions } from '../../src/node/resolver.ts'
import { resolverSet } from '../../src/resolver/resolver.ts'
import { RESOLVER_DHCP4 } from '../../src/resolver/state.ts'
import { dnsAnswer } from '../../src/service/dns-answer.ts'
import { parseZones } from '../../src/service/dns-zone.ts'
import { startService } from '../../src/service/service.ts'
import { UdpSocket } from '../../src/socket/udp.ts'
import type { Runner } from '../../src/vnet/runner.ts'
import { addrParse } from '../../src/lib/addr.ts'
import { B, createTwo } from '../socket/two.ts'
import type { Two } from '../socket/two.ts'

const ZONES = {
  'corp.test': ['@ SOA ns host 1 2 3 4 20', 'www 10 A 10.0.0.1', 'a.b 10 A 10.0.0.2', 'long 40 CNAME short', 'short 5 A 10.0.0.3'],
  'other.test': ['www A 10.0.0.9', 'only A 10.0.0.8'],
}

let two: Two
let asked: Packet[]
let server: UdpSocket
/** Seconds that the clock of the resolver has been put forward. */
let late = 0

beforeEach(() => {
  two = createTwo()
  asked = []
  late = 0
  const zones = parseZones(ZONES)
  server = new UdpSocket(two.b)
  server.bind(53)
  server.on('message', (bytes: Buffer, from: { address: string; port: number }) => {
    asked.push(decode(bytes))
    server.send(dnsAnswer(zones, bytes, false) ?? bytes, from.port, from.address)
  })
})
afterEach(() => {
  server.close()
  two.driver.close()
})

function resolver(options: ResolverOptions = { servers: [B] }): DnsResolver {
  const { a } = two
  const runner: Runner = {
    vnet: a.vnet, now: () => a.now() + late * 1_000_000, kick: () => { a.kick() }, watch: (...args) => { a.watch(...args) },
    unwatch: (id) => { a.unwatch(id) },
  }
  return new DnsResolver(runner, options)
}

const find = async (r: DnsResolver, name: string): Promise<string> => new Promise((resolve) => {
  r.addresses(name, 4, (error, addresses) => { resolve(error === 0 ? addresses.join() : String(error)) })
})
const names = (): (string | undefined)[] => asked.map((q) => q.questions?.[0]?.name)

describe('servers and domains of DHCP and router advertisements', () => {
  it('are used as soon as they are there, by lookup, resolve and getServers, and no longer when they are gone', async () => {
    const { dns } = nodeModules(two.a)
    await expect(dns.promises.lookup('www')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    expect(dns.getServers()).toEqual(['127.0.0.1'])
    const server4 = addrParse(B)
    if (server4 === null) throw new Error('address')
    resolverSet(two.a.vnet.vn, RESOLVER_DHCP4, 1, [server4], ['corp.test'])
    expect((await dns.promises.lookup('www', 4)).address).toBe('10.0.0.1')
    expect(await dns.promises.resolve4('www.other.test')).toEqual(['10.0.0.9'])
    expect(dns.getServers()).toEqual([B])
    resolverSet(two.a.vnet.vn, RESOLVER_DHCP4, 1, [], [])
    await expect(dns.promises.lookup('only')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    expect(dns.getServers()).toEqual(['127.0.0.1'])
  })

  it('what is configured comes in their place', () => {
    const server4 = addrParse('10.1.0.99')
    if (server4 === null) throw new Error('address')
    resolverSet(two.a.vnet.vn, RESOLVER_DHCP4, 1, [server4], ['dhcp.test'])
    const r = resolver({ servers: [B], search: ['corp.test'] })
    expect([r.ask.servers, r.search]).toEqual([[{ address: B, port: 53 }], ['corp.test']])
  })
})

describe('the search list', () => {
  it('a short name is tried behind each domain in turn, then alone', async () => {
    expect(await find(resolver({ servers: [B], search: ['corp.test', 'other.test'] }), 'only')).toBe('10.0.0.8')
    expect(names()).toEqual(['only.corp.test', 'only.other.test'])
    asked = []
    await find(resolver({ servers: [B], search: ['corp.test'] }), 'none')
    expect(names()).toEqual(['none.corp.test', ...Array.from({ length: 4 }, () => 'none')])
  })

  it('with as many dots as ndots says the name goes alone first; with a dot at its end it goes alone only', async () => {
    const r = resolver({ servers: [B], search: ['corp.test'], attempts: 1 })
    expect(await find(r, 'a.b')).toBe('10.0.0.2')
    expect(names()).toEqual(['a.b', 'a.b.corp.test'])
    asked = []
    expect(await find(resolver({ servers: [B], search: ['corp.test'], ndots: 2 }), 'a.b')).toBe('10.0.0.2')
    expect(names()).toEqual(['a.b.corp.test'])
    asked = []
    expect(await find(resolver({ servers: [B], search: ['corp.test'], attempts: 1 }), 'www.')).not.toBe('10.0.0.1')
    expect(names()).toEqual(['www'])
  })
})

describe('the cache', () => {
  it('an answer is kept for its TTL, and asked for again after it (RFC 1035 §3.2.1)', async () => {
    const r = resolver()
    for (const at of [0, 0, 9, 10.5, 11]) {
      late = at
      expect(await find(r, 'WWW.corp.test')).toBe('10.0.0.1')
    }
    expect(asked).toHaveLength(2)
  })

  it('a chain is kept as long as the shortest-lived part of it', async () => {
    const r = resolver()
    for (const at of [0, 4, 6]) {
      late = at
      expect(await find(r, 'long.corp.test')).toBe('10.0.0.3')
    }
    expect(asked).toHaveLength(2)
  })

  it('denials are kept for what their SOA says (RFC 2308 §5)', async () => {
    const r = resolver()
    for (const at of [0, 19, 21]) {
      late = at
      expect(await find(r, 'nobody.corp.test')).toBe('-3008')
    }
    expect(asked).toHaveLength(2)
  })
})

describe('the exchange', () => {
  it('every query has an OPT record that offers 1,232 octets (RFC 6891 §6.2.5), and asks for recursion', async () => {
    await find(resolver(), 'www.corp.test')
    const [query] = asked
    expect(query.additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: 1232 }])
    expect((query as { flag_rd?: boolean }).flag_rd).toBe(true)
  })

  it('an answer that was cut off is fetched over TCP (RFC 7766 §5)', async () => {
    server.close()
    const many = Array.from({ length: 100 }, (_, i) => `many A 10.3.0.${i + 1}`)
    const service = startService(two.b, 'dns', { zones: { 'corp.test': many } })
    const before = two.b.vnet.state.tcp.stats.accepts
    expect((await find(resolver(), 'many.corp.test')).split(',')).toHaveLength(100)
    expect(two.b.vnet.state.tcp.stats.accepts).toBe(before + 1)
    service.stop()
  })

  it('an answer with another id or to another question is passed over (RFC 5452 §9.1); silence ends after all attempts', async () => {
    server.removeAllListeners('message')
    server.on('message', (bytes: Buffer, from: { address: string; port: number }) => {
      const query = decode(bytes)
      asked.push(query)
      const answers = [{ type: 'A' as const, name: 'www.corp.test', ttl: 9, data: '10.6.6.6' }]
      const forged = (id: number, name: string): Buffer => encode({ type: 'response', id, questions: [{ name, type: 'A' }], answers })
      server.send(forged((query.id ?? 0) ^ 1, 'www.corp.test'), from.port, from.address)
      server.send(forged(query.id ?? 0, 'else.corp.test'), from.port, from.address)
    })
    const r = resolver({ servers: [B], timeoutMs: 20, attempts: 3 })
    expect(await find(r, 'www.corp.test')).toBe('-3001')
    expect(asked).toHaveLength(3)
  })
})
