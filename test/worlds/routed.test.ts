import { describe, expect, it } from 'vitest'
import { routeAdd } from '../../src/ip/route.ts'
import { ip4Parse } from '../../src/lib/addr.ts'
import { parseCapture } from '../../src/pcap/reader.ts'
import { PACKET_OUT } from '../../src/pcap/record.ts'
import type { CableOptions } from '../../src/sim/cable.ts'
import type { SimHost } from '../../src/sim/host.ts'
import { createWorld } from '../../src/sim/world.ts'
import type { World } from '../../src/sim/world.ts'
import { printFrame } from '../../src/wire/print.ts'
import { startPinger, startTcpSink, startTcpSource, startUdp } from '../sim/apps.ts'
import { cleanAfterEach } from '../support/plain.ts'

const watch = cleanAfterEach()

/** a 10.0.1.0/24 r1 10.0.2.0/24 r2 10.0.3.0/24 b; `mtu` and `middle` belong to the link between the routers. */
function chain(middle: CableOptions = {}, mtu = 1500): Record<'a' | 'r1' | 'r2' | 'b', SimHost> & { world: World } {
  const world = watch(createWorld({ seed: 1 }))
  const [a, r1, r2, b] = ['a', 'r1', 'r2', 'b'].map((name) => world.addVnet(name))
  for (const r of [r1, r2]) r.vnet.state.sysctl['net.inet.ip.forwarding'] = 1
  world.cable(a.addPort({ address: '10.0.1.1/24' }), r1.addPort({ address: '10.0.1.254/24' }))
  world.cable(r1.addPort({ address: '10.0.2.1/24', mtu }), r2.addPort({ address: '10.0.2.2/24', mtu }), middle)
  world.cable(r2.addPort({ address: '10.0.3.254/24' }), b.addPort({ address: '10.0.3.1/24' }))
  route(a, '0.0.0.0', 0, '10.0.1.254')
  route(b, '0.0.0.0', 0, '10.0.3.254')
  route(r1, '10.0.3.0', 24, '10.0.2.2')
  route(r2, '10.0.1.0', 24, '10.0.2.1')
  world.runUntilQuiet()
  return { world, a, r1, r2, b }
}

function route(host: SimHost, dst: string, prefixLen: number, gateway: string): void {
  const errno = routeAdd(host.vnet.vn, ip4Parse(dst) as number, prefixLen, ip4Parse(gateway) as number, 0, 0)
  if (errno !== 0) throw new Error(`route to ${dst}: errno ${errno}`)
}

describe('a path over two routers (RFC 1812)', () => {
  it('carries pings, of one packet and in fragments, and lowers the TTL by two', () => {
    const { world, a, b } = chain({ delayUs: 5000 })
    const capture = world.capture(b)
    const pinger = startPinger(a)
    for (const [seq, size] of [56, 1472, 9000].entries()) pinger.ping('10.0.3.1', seq, size)
    world.runFor(1e6)
    expect(pinger.replies.map((r) => [r.seq, r.bytes])).toEqual([[0, 56], [1, 1472], [2, 9000]])
    const ttls = parseCapture(capture.bytes()).records.filter((r) => r.data[12] === 8 && r.data[13] === 0)
      .map((r) => [r.flags === PACKET_OUT, r.data[22]])
    expect(new Set(ttls.filter(([out]) => out === false).map(([, ttl]) => ttl))).toEqual(new Set([62]))
    expect(new Set(ttls.filter(([out]) => out === true).map(([, ttl]) => ttl))).toEqual(new Set([64]))
  })

  it('carries a TCP transfer both ways at once, under loss', () => {
    const { world, a, b } = chain({ delayUs: 5000, rateBps: 50e6, lossRate: 0.01 })
    const sinks = [startTcpSink(a, 9), startTcpSink(b, 9)]
    const sources = [startTcpSource(b, '10.0.1.1', 9, 300_000), startTcpSource(a, '10.0.3.1', 9, 300_000)]
    world.run({ untilUs: 300e6, until: () => sinks.every((s) => s.ended === 1) && sources.every((s) => s.closed) })
    expect(sinks.map((s) => [s.bytes, s.wrongAt])).toEqual([[300_000, -1], [300_000, -1]])
    for (const sink of sinks) sink.close()
    world.runUntilIdle()
  })

  it('a network that nobody knows a way to: the sender is told (RFC 1812 §4.3.3.1)', () => {
    const { world, a, r1 } = chain()
    const capture = world.capture(a)
    startUdp(a).send('10.0.99.1', 7, new Uint8Array(10))
    world.runFor(1e6)
    expect(r1.vnet.state.ip.stats.noroute).toBe(1)
    const words = parseCapture(capture.bytes()).records.map((r) => printFrame(r.data, 0, r.data.length, r.linkType))
    expect(words.at(-1)).toMatch(/^IP 10\.0\.1\.254 > 10\.0\.1\.1: ICMP (net|10\.0\.99\.1) .*unreachable/)
  })
})

describe('path MTU discovery over a narrow link (RFC 1191)', () => {
  it('TCP is told once by ICMP, and sends segments that fit from then on', () => {
    const { world, a, b } = chain({ delayUs: 2000 }, 600)
    const capture = world.capture(b)
    const sink = startTcpSink(b, 9)
    const source = startTcpSource(a, '10.0.3.1', 9, 200_000)
    world.run({ untilUs: 60e6, until: () => sink.ended === 1 && source.closed })
    expect(sink).toMatchObject({ bytes: 200_000, wrongAt: -1 })
    const lengths = parseCapture(capture.bytes()).records.filter((r) => r.data[23] === 6 && r.data[29] === 1)
      .map((r) => ((r.data[16]) << 8) + (r.data[17]))
    expect(Math.max(...lengths)).toBe(600)
    // whole segments, not fragments
    expect(a.vnet.state.ip.pmtu.get(ip4Parse('10.0.3.1') as number)?.mtu).toBe(600)
    expect(b.vnet.state.ip.stats.fragments).toBe(0)
  })

  it('a UDP datagram without DF is fragmented by the router', () => {
    const { world, a, b } = chain({}, 600)
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

describe('peers that die', () => {
  it('a TCP transfer over a cut cable fails with ETIMEDOUT, after the retransmissions (RFC 9293 §3.8.3)', () => {
    const { world, a, b } = chain({ delayUs: 1000 })
    const sink = startTcpSink(b, 9)
    const source = startTcpSource(a, '10.0.3.1', 9, 5_000_000)
    world.run({ untilUs: 60e6, until: () => sink.bytes > 1_000_000 })
    expect(sink.bytes).toBeGreaterThan(1_000_000)
    const cutAt = world.now()
    const middle = world.cables[1]
    if (middle === undefined) throw new Error('no cable')
    middle.aToB.config.cut = true
    middle.bToA.config.cut = true
    world.run({ untilUs: 3600e6, until: () => source.closed })
    expect(source.error).toBe('ETIMEDOUT')
    // R2 corresponds to at least 100 s (RFC 1122 §4.2.3.5)
    expect(world.now() - cutAt).toBeGreaterThan(100e6)
  })

  it('a cable that comes back in time: the transfer goes on', () => {
    const { world, a, b } = chain({ delayUs: 1000 })
    const sink = startTcpSink(b, 9)
    const source = startTcpSource(a, '10.0.3.1', 9, 2_000_000)
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
