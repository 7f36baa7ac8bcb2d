import { describe, expect, it } from 'vitest'
import { AF_INET6 } from '../../src/inet/state.ts'
import { pmtu6Get } from '../../src/ip6/pmtu.ts'
import { ip4Parse } from '../../src/lib/addr.ts'
import { parseCapture } from '../../src/pcap/reader.ts'
import { PACKET_OUT } from '../../src/pcap/record.ts'
import type { CableOptions } from '../../src/sim/cable.ts'
import type { SimHost } from '../../src/sim/host.ts'
import { createWorld } from '../../src/sim/world.ts'
import type { World } from '../../src/sim/world.ts'
import { printFrame } from '../../src/wire/print.ts'
import { address, startPinger, startTcpSink, startTcpSource, startUdp } from '../sim/apps.ts'
import { FAMILIES, IDLE_US } from '../sim/families.ts'
import type { Family } from '../sim/families.ts'
import { cleanAfterEach } from '../support/plain.ts'

const watch = cleanAfterEach()

/** a, network 1, r1, network 2, r2, network 3, b; `mtu` and `middle` belong to the link between the routers. */
function chain(f: Family, middle: CableOptions = {}, mtu = 1500): Record<'a' | 'r1' | 'r2' | 'b', SimHost> & { world: World } {
  const world = watch(createWorld({ seed: 1 }))
  const [a, r1, r2, b] = ['a', 'r1', 'r2', 'b'].map((name) => world.addVnet(name))
  for (const r of [r1, r2]) f.forward(r)
  world.cable(a.addPort({ address: f.cidr(1, 1) }), r1.addPort({ address: f.cidr(1, 254) }))
  world.cable(r1.addPort({ address: f.cidr(2, 1), mtu }), r2.addPort({ address: f.cidr(2, 2), mtu }), middle)
  world.cable(r2.addPort({ address: f.cidr(3, 254) }), b.addPort({ address: f.cidr(3, 1) }))
  f.defaultRoute(a, f.host(1, 254))
  f.defaultRoute(b, f.host(3, 254))
  f.route(r1, 3, f.host(2, 2))
  f.route(r2, 1, f.host(2, 1))
  world.runUntilQuiet()
  return { world, a, r1, r2, b }
}

function six(f: Family): boolean {
  return f.family === AF_INET6
}

/** TTL or hop limit of an echo message or a fragment of one, else -1. */
function echoTtl({ data }: { data: Uint8Array }): number {
  if (data[12] === 8 && data[13] === 0) return data[22]
  const echo = data[20] === 44 || (data[20] === 58 && (data[54] === 128 || data[54] === 129))
  return data[12] === 0x86 && echo ? data[21] : -1
}

/** Lengths of the packets of TCP that host 1 of its network has sent. */
function tcpLengths(records: readonly { data: Uint8Array }[], six: boolean): number[] {
  const at = six ? { proto: 20, source: 37, length: 18, more: 40 } : { proto: 23, source: 29, length: 16, more: 0 }
  return records.map((r) => r.data).filter((d) => d[12] === (six ? 0x86 : 8) && d[at.proto] === 6 && d[at.source] === 1)
    .map((d) => (d[at.length] << 8) + d[at.length + 1] + at.more)
}

describe.each(FAMILIES)('a path over two routers, $name (RFC 1812, RFC 8200)', (f) => {
  it('carries pings, of one packet and in fragments, and lowers the TTL by two', () => {
    const { world, a, b } = chain(f, { delayUs: 5000 })
    const capture = world.capture(b)
    const pinger = startPinger(a, 1, f.family)
    for (const [seq, size] of [56, 1472, 9000].entries()) pinger.ping(f.host(3, 1), seq, size)
    world.runFor(1e6)
    expect(pinger.replies.map((r) => [r.seq, r.bytes])).toEqual([[0, 56], [1, 1472], [2, 9000]])
    const ttls = parseCapture(capture.bytes()).records.map((r) => [r.flags === PACKET_OUT, echoTtl(r)])
      .filter(([, ttl]) => ttl !== -1)
    expect(new Set(ttls.filter(([out]) => out === false).map(([, ttl]) => ttl))).toEqual(new Set([62]))
    expect(new Set(ttls.filter(([out]) => out === true).map(([, ttl]) => ttl))).toEqual(new Set([64]))
  })

  it('carries a TCP transfer both ways at once, under loss', () => {
    const { world, a, b } = chain(f, { delayUs: 5000, rateBps: 50e6, lossRate: 0.01 })
    const sinks = [startTcpSink(a, 9, f.family), startTcpSink(b, 9, f.family)]
    const sources = [startTcpSource(b, f.host(1, 1), 9, 300_000), startTcpSource(a, f.host(3, 1), 9, 300_000)]
    world.run({ untilUs: 300e6, until: () => sinks.every((s) => s.ended === 1) && sources.every((s) => s.closed) })
    expect(sinks.map((s) => [s.bytes, s.wrongAt])).toEqual([[300_000, -1], [300_000, -1]])
    for (const sink of sinks) sink.close()
    world.runUntilIdle(IDLE_US)
  })

  it('a network that nobody knows a way to: the sender is told (RFC 1812 §4.3.3.1)', () => {
    const { world, a, r1 } = chain(f)
    const capture = world.capture(a)
    startUdp(a, 0, f.family).send(f.host(99, 1), 7, new Uint8Array(10))
    world.runFor(1e6)
    const { ip, ip6 } = r1.vnet.state
    expect((six(f) ? ip6 : ip).stats.noroute).toBe(1)
    const words = parseCapture(capture.bytes()).records.map((r) => printFrame(r.data, 0, r.data.length, r.linkType))
    expect(words.find((w) => w.includes('unreachable'))).toMatch(six(f)
      ? /^IP6 2001:db8:0:1::fe > 2001:db8:0:1::1: ICMP6, destination unreachable/
      : /^IP 10\.0\.1\.254 > 10\.0\.1\.1: ICMP (net|10\.0\.99\.1) .*unreachable/)
  })
})

describe.each(FAMILIES)('path MTU discovery over a narrow link, $name (RFC 1191, RFC 8201)', (f) => {
  it('TCP is told once by ICMP, and sends segments that fit from then on', () => {
    // RFC 8200 §5: no link of IPv6 is narrower than 1,280
    const narrow = six(f) ? 1300 : 600
    const { world, a, b } = chain(f, { delayUs: 2000 }, narrow)
    const capture = world.capture(b)
    const sink = startTcpSink(b, 9, f.family)
    const source = startTcpSource(a, f.host(3, 1), 9, 200_000)
    world.run({ untilUs: 60e6, until: () => sink.ended === 1 && source.closed })
    expect(sink).toMatchObject({ bytes: 200_000, wrongAt: -1 })
    expect(Math.max(...tcpLengths(parseCapture(capture.bytes()).records, six(f)))).toBe(narrow)
    // whole segments, not fragments
    const known = six(f) ? pmtu6Get(a.vnet.vn, address(f.host(3, 1))) : a.vnet.state.ip.pmtu.get(ip4Parse('10.0.3.1') as number)?.mtu
    expect(known).toBe(narrow)
    expect(b.vnet.state.ip.stats.fragments + b.vnet.state.ip6.stats.fragments).toBe(0)
  })
})

// RFC 8200 §4.5: routers of IPv6 do not
describe('fragments on the way', () => {
  it('a UDP datagram without DF is fragmented by the router', () => {
    const { world, a, b } = chain(FAMILIES[0], {}, 600)
    const [client, server] = [startUdp(a), startUdp(b, 7)]
    client.send('10.0.3.1', 7, new Uint8Array(5000).map((_, i) => i & 0xff))
    world.runFor(1e6)
    expect(server.got.length).toBe(1)
    // 1500, 1500, 1500 and 548 bytes of packets, each of the long ones cut in three
    expect(b.vnet.state.ip.stats).toMatchObject({ fragments: 10, reassembled: 1 })
    expect(server.got[0]?.bytes.every((x, i) => x === (i & 0xff))).toBe(true)
    expect(server.got[0]?.bytes.length).toBe(5000)
  })
})

describe.each(FAMILIES)('peers that die, $name', (f) => {
  it('a TCP transfer over a cut cable fails after the retransmissions (RFC 9293 §3.8.3)', () => {
    const { world, a, b } = chain(f, { delayUs: 1000 })
    const sink = startTcpSink(b, 9, f.family)
    const source = startTcpSource(a, f.host(3, 1), 9, 5_000_000)
    world.run({ untilUs: 60e6, until: () => sink.bytes > 1_000_000 })
    expect(sink.bytes).toBeGreaterThan(1_000_000)
    const cutAt = world.now()
    const middle = world.cables[1]
    if (middle === undefined) throw new Error('no cable')
    middle.aToB.config.cut = true
    middle.bToA.config.cut = true
    world.run({ untilUs: 3600e6, until: () => source.closed })
    // r1 finds out that r2 is gone and says so (RFC 4861 §7.2.2); the user learns it at the end (RFC 9293 §3.9.2.2, SHLD-25)
    expect(source.error).toBe(six(f) ? 'EHOSTUNREACH' : 'ETIMEDOUT')
    // R2 corresponds to at least 100 s (RFC 1122 §4.2.3.5)
    expect(world.now() - cutAt).toBeGreaterThan(100e6)
  })

  it('a cable that comes back in time: the transfer goes on', () => {
    const { world, a, b } = chain(f, { delayUs: 1000 })
    const sink = startTcpSink(b, 9, f.family)
    const source = startTcpSource(a, f.host(3, 1), 9, 2_000_000)
    world.run({ untilUs: 60e6, until: () => sink.bytes > 500_000 })
    const middle = world.cables[1]
    if (middle === undefined) throw new Error('no cable')
    middle.aToB.config.cut = true
    world.runFor(20e6)
    middle.aToB.config.cut = false
    world.run({ untilUs: 600e6, until: () => source.closed && sink.ended === 1 })
    expect(sink).toMatchObject({ bytes: 2_000_000, wrongAt: -1, ended: 1 })
    expect(source.error).toBe('')
  })
})
