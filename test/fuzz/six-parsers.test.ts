/**
 * Packets made by grammar, so that their checksums are right and the parsers behind them are reached, and filled with
 * chance: extension header chains, ICMPv6, neighbour options, MLD, IGMP, DHCP. Nothing throws, nothing grows, and each
 * packet leaves a mark in a counter. FUZZ_SEED and FUZZ_RUNS repeat and lengthen a run.
 */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dhcpStart } from '../../src/dhcp/client.ts'
import { dhcp6Start } from '../../src/dhcp6/client.ts'
import { MCAST_JOIN_GROUP, SOCK_DGRAM } from '../../src/inet/sockopt.ts'
import { AF_INET, AF_INET6 } from '../../src/inet/state.ts'
import { ip6AddAddr } from '../../src/ip6/ifaddr.ts'
import { addrParse, createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { addr6Write } from '../../src/lib/addr6.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import { soCreate, soMcast } from '../../src/vnet/so.ts'
import { viewOf } from '../../src/wire/layout.ts'
import { MY_MAC, PEER, PEER_MAC, createHost, pass, rx } from '../ip/harness.ts'
import type { Host } from '../ip/harness.ts'
import { frameOf, ipOf } from '../ip/packet.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_123)
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 60)
const PACKETS = 40

const addr = (text: string): Addr => addrParse(text) as Addr
const octets = (max: number, min = 0): fc.Arbitrary<number[]> => fc.array(fc.nat(255), { minLength: min, maxLength: max })
/** Mostly what the protocol has, else anything. */
const oneOf = (...usual: number[]): fc.Arbitrary<number> =>
  fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: fc.nat(255) })

const SOURCES = ['fe80::99', '::', '2001:db8::9', 'ff02::9', 'fe80::1', '2001:db8:7::7'].map(addr)
const DESTINATIONS = ['fe80::1', 'ff02::1', 'ff02::1:ff00:1', '2001:db8::1', 'ff15::7', 'ff02::16', '2001:db8:9::9'].map(addr)

/** A sequence of type, length and value, lengths in units of `unit`, sometimes lying. */
const tlvs = (types: fc.Arbitrary<number>, unit: number, lie: fc.Arbitrary<number>): fc.Arbitrary<number[]> =>
  fc.array(fc.tuple(types, octets(20), lie), { maxLength: 5 }).map((list) => list.flatMap(([type, value, off]) => {
    const len = unit === 8 ? Math.ceil((value.length + 2) / 8) : value.length
    const padded = unit === 8 ? [...value, ...new Array<number>(len * 8 - 2 - value.length).fill(0)] : value
    return [type, len + off & 255, ...padded]
  }))
const lies = fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(255) })

interface Ext { proto: number; bytes: number[] }

/** An extension header: its number and its content from the second octet on. */
const extension: fc.Arbitrary<Ext> = fc.oneof(
  fc.tuple(fc.constantFrom(0, 60), tlvs(oneOf(0, 1, 5, 0xc2, 0x3e, 0x7e, 0xbe, 0xfe), 1, lies)).map(([proto, options]) => {
    const size = Math.ceil((options.length + 2) / 8)
    return { proto, bytes: [size - 1, ...options, ...new Array<number>(size * 8 - 2 - options.length).fill(0)] }
  }),
  fc.tuple(oneOf(0, 2, 253), oneOf(0, 1, 2), octets(4, 4)).map(([type, left, rest]) => ({ proto: 43, bytes: [0, type, left, ...rest] })),
  fc.tuple(fc.constantFrom(0, 0, 8, 16, 1232, 65_528), fc.constantFrom(0, 1), fc.nat(3))
    .map(([at, more, id]) => ({ proto: 44, bytes: [0, at >> 8, at & 0xf8 | more, 0, 0, 0, id] })),
)

const quoted = fc.tuple(fc.constantFrom(...DESTINATIONS), fc.constantFrom(...SOURCES), oneOf(6, 17, 58, 44, 0), octets(60))
  .map(([src, dst, proto, rest]) => [...ip6Header(src, dst, proto, 64, rest.length), ...rest])
const ndBody = fc.tuple(octets(4, 4), fc.constantFrom(...DESTINATIONS, ...SOURCES), tlvs(oneOf(1, 2, 3, 4, 5, 14, 24, 25, 31), 8, lies))
  .map(([flags, target, options]) => [...flags, ...words(target), ...options])
const mldBody = fc.tuple(octets(4, 4), fc.constantFrom(...DESTINATIONS, createAddr()), octets(4), octets(48))
  .map(([head, group, more, rest]) => [...head, ...words(group), ...more, ...rest])
const message = fc.oneof(
  fc.tuple(oneOf(1, 2, 3, 4), oneOf(0, 1, 3, 4), fc.tuple(octets(4, 4), quoted).map(([a, b]) => [...a, ...b])),
  fc.tuple(oneOf(133, 134, 135, 136, 137), oneOf(0), ndBody),
  fc.tuple(oneOf(130, 131, 132, 143), oneOf(0), mldBody),
  fc.tuple(oneOf(128, 129, 139), oneOf(0), octets(40)),
)

const six: fc.Arbitrary<Uint8Array> = fc.record({
  src: fc.constantFrom(...SOURCES), dst: fc.constantFrom(...DESTINATIONS), hops: oneOf(255, 1, 64),
  chain: fc.array(extension, { maxLength: 4 }), body: message, cut: fc.oneof(fc.constant(0), fc.constant(0), fc.nat(40)),
}).map(({ src, dst, hops, chain, body: [type, code, rest], cut }) => {
  const icmp = [type, code, 0, 0, ...rest]
  const sum = checksum6(src, dst, icmp)
  icmp[2] = sum >> 8
  icmp[3] = sum & 255
  let next = 58
  let payload = icmp
  for (const ext of [...chain].reverse()) {
    payload = [next, ...ext.bytes, ...payload]
    next = ext.proto
  }
  payload = payload.slice(0, Math.max(0, payload.length - cut))
  const group = (dst.w0 >>> 24) === 0xff
  const packet = Uint8Array.from([...ip6Header(src, dst, next, hops, payload.length), ...payload])
  return frameOf(group ? 0x333300000000 + (dst.w3 >>> 0) : MY_MAC, PEER_MAC, 0x86dd, packet)
})

const igmp: fc.Arbitrary<Uint8Array> = fc.record({
  type: oneOf(0x11, 0x12, 0x16, 0x17, 0x22), code: oneOf(0, 100, 255), group: fc.constantFrom(0, 0xe0000001, 0xe8010203, 0x0a000001),
  rest: octets(24), ttl: oneOf(1), alert: fc.boolean(), good: fc.constantFrom(true, true, true, false),
}).map(({ type, code, group, rest, ttl, alert, good }) => {
  const payload = Uint8Array.of(type, code, 0, 0, group >>> 24, group >> 16 & 255, group >> 8 & 255, group & 255, ...rest)
  if (good) viewOf(payload).setUint16(2, checksumFold(checksumAdd(0, viewOf(payload), 0, payload.length)))
  const dst = (group === 0 ? 0xe0000001 : group) | 0
  const options = alert ? Uint8Array.of(0x94, 4, 0, 0) : new Uint8Array(0)
  return frameOf(0x01005e000000 + (dst & 0x7fffff), PEER_MAC, 0x0800, ipOf({ src: PEER, dst, p: 2, ttl, options, payload }))
})

/** A server's message; `xid` is put in later. */
const dhcp: fc.Arbitrary<(xid: number) => Uint8Array> = fc.record({
  op: oneOf(2), hlen: oneOf(6), fixed: octets(16, 16), own: fc.constantFrom(true, true, true, false),
  cookie: fc.constantFrom(0x63825363, 0x63825363, 1),
  kind: oneOf(2, 5, 6), server: octets(4, 4), more: tlvs(oneOf(0, 1, 3, 6, 15, 51, 52, 54, 58, 59, 255), 1, lies),
}).map(({ op, hlen, fixed, own, cookie, kind, server, more }) => (xid) => {
  const options = [53, 1, kind, 54, 4, ...server, ...more]
  const udp = new Uint8Array(8 + 240 + options.length)
  const view = viewOf(udp)
  view.setUint16(0, 67)
  view.setUint16(2, 68)
  view.setUint16(4, udp.length)
  udp.set([op, 1, hlen, 0], 8)
  view.setUint32(12, own ? xid >>> 0 : 77)
  udp.set(fixed, 8 + 12)
  udp.set([2, 0, 0, 0, 0, 1], 8 + 28)
  view.setUint32(8 + 236, cookie)
  udp.set(options, 248)
  return frameOf(0xffffffffffff, PEER_MAC, 0x0800, ipOf({ src: PEER, dst: -1, p: 17, payload: udp }))
})

/** Options of DHCPv6: code and length of two octets, the length sometimes a lie; those of an IA_NA nest. */
const tlvs6 = (depth: number): fc.Arbitrary<number[]> => {
  const value = (code: number): fc.Arbitrary<number[]> => {
    if (code === 1) return fc.oneof({ weight: 9, arbitrary: fc.constant(DUID) }, { weight: 1, arbitrary: octets(12) })
    if (code === 2) return octets(12, 2)
    if (code === 3 && depth > 0) {
      const times = fc.array(fc.constantFrom(0, 0, 0, 1, 0, 9, 255), { minLength: 8, maxLength: 8 })
      return fc.tuple(fc.constantFrom(2, 2, 2, 9), times, tlvs6(depth - 1))
        .map(([iaid, t, rest]) => [0, 0, 0, iaid, ...t, ...rest])
    }
    if (code === 5) {
      return fc.tuple(fc.constantFrom(...DESTINATIONS, addr('2001:db8::77')), fc.nat(50), fc.nat(90), tlvs6(0).map((v) => v.slice(0, 8)))
        .map(([a, preferred, valid, rest]) => [...words(a), 0, 0, 0, preferred, 0, 0, 0, valid, ...rest])
    }
    return octets(20)
  }
  const one = fc.constantFrom(1, 2, 3, 5, 7, 13, 14, 23, 24, 32, 82, 83, 255).chain((code) => fc.tuple(value(code), lies)
    .map(([v, off]) => [0, code, (v.length + off) >> 8, (v.length + off) & 255, ...v]))
  return fc.array(one, { maxLength: depth > 0 ? 4 : 2 }).map((list) => list.flat())
}
const DUID = [0, 3, 0, 1, 2, 0, 0, 0, 0, 1]

const dhcp6: fc.Arbitrary<(xid: number) => Uint8Array> = fc.record({
  type: oneOf(2, 7), own: fc.constantFrom(true, true, true, false), ids: fc.constantFrom(true, true, true, false), ia: fc.boolean(),
  more: tlvs6(2), cut: fc.constantFrom(0, 0, 0, 1, 5),
}).map(({ type, own, ids, ia, more, cut }) => (xid) => {
  const id = own ? xid : 77
  const known = [0, 1, 0, 10, ...DUID, 0, 2, 0, 4, 0, 3, 0, 9, 0, 14, 0, 0]
  const lease = [0, 3, 0, 40, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 20, 0, 5, 0, 24, ...words(addr('2001:db8::77')), 0, 0, 0, 30, 0, 0, 0, 60]
  const data = [type, id >> 16 & 255, id >> 8 & 255, id & 255, ...ids ? known : [], ...ia ? lease : [], ...more]
  const udp = [2, 35, 2, 34, 0, 0, 0, 0, ...data.slice(0, data.length - cut)]
  udp[4] = udp.length >> 8
  udp[5] = udp.length & 255
  const [src, dst] = [addr('fe80::99'), addr('fe80::1')]
  const bytes = Uint8Array.from([...words(src), ...words(dst), ...udp])
  const sum = checksumFold(checksumAdd(17 + udp.length, viewOf(bytes), 0, bytes.length)) || 0xffff
  udp[6] = sum >> 8
  udp[7] = sum & 255
  return frameOf(MY_MAC, PEER_MAC, 0x86dd, Uint8Array.from([...ip6Header(src, dst, 17, 64, udp.length), ...udp]))
})

describe(`packets made by grammar (seed ${SEED}): nothing throws, nothing grows, each leaves a mark`, () => {
  it.each([0, 1])('RFC 8200 §4, RFC 4443, RFC 4861, RFC 3810: IPv6, forwarding %i', (forwarding) => {
    run(six.map((frame) => () => frame), () => host6(forwarding), (h) => {
      const { ip6, nd } = h.vn.state
      expect([ip6.reass.size, ip6.reassBytes, nd.heldBytes]).toEqual([0, 0, 0])
      expect(nd.count).toBeLessThanOrEqual(16)
    })
  }, 60_000)

  it('RFC 3376: IGMP', () => {
    run(igmp.map((frame) => () => frame), () => {
      const h = createHost()
      join(h, AF_INET, '232.1.2.3')
      return h
    }, (h) => { expect(h.vn.state.ip.reass.size).toBe(0) })
  }, 60_000)

  it('RFC 2131, RFC 2132: DHCPv4, in whatever state the client comes to', () => {
    run(dhcp, () => {
      const h = createHost({ bare: true, sysctls: { 'net.inet.dhcp.startdelay': 0 } })
      dhcpStart(h.vn, h.ifp.id, 'fuzz')
      pass(h, 1000)
      return h
    }, (h) => { expect(h.vn.state.dhcp.clients.size).toBe(1) })
  }, 60_000)

  it.each([1, 2])('RFC 8415: DHCPv6, in whatever state the client comes to (wants %i)', (wants) => {
    run(dhcp6, () => {
      const h = host6(0)
      sysctlsIn(h.vn.state)['net.inet6.dhcp6.startdelay'] = 0
      dhcp6Start(h.vn, h.ifp.id, wants)
      pass(h, 1000)
      return h
    }, (h) => {
      expect(h.vn.state.dhcp6.clients.size).toBe(1)
      // an hour later every lease of at most 255 seconds has gone
      expect(h.vn.state.ip6.ifs.get(h.ifp.id)?.addrs.length).toBeLessThanOrEqual(2 + 8)
    })
  }, 60_000)
})

/** Feeds lists of packets to a fresh host each; afterwards an hour passes and `bounded` looks at what is left. */
function run(packet: fc.Arbitrary<(xid: number) => Uint8Array>, create: () => Host, bounded: (h: Host) => void): void {
  fc.assert(fc.property(fc.array(fc.tuple(packet, fc.nat(2_000_000)), { minLength: 1, maxLength: PACKETS }), (list) => {
    const h = create()
    for (const [make, wait] of list) {
      const before = marks(h)
      rx(h, make(h.vn.state.dhcp.clients.get(h.ifp.id)?.xid ?? h.vn.state.dhcp6.clients.get(h.ifp.id)?.xid ?? 0))
      expect(marks(h)).toBeGreaterThan(before)
      if (wait > 1_500_000) pass(h, wait)
      h.sent.length = 0
      expect(h.vn.pool.inUse).toBe(0)
    }
    pass(h, 3_600_000_000)
    bounded(h)
    h.sent.length = 0
    h.drops.length = 0
  }), { seed: SEED, numRuns: RUNS })
}

/** All counters but those that only say that a packet came. */
function marks(h: Host): number {
  const { tcp, udp, ip, icmp, ip6, icmp6, nd, igmp: i, mld, dhcp: d, dhcp6: d6, raw, link } = h.vn.state
  const sum = (stats: object): number => Object.values(stats).reduce((n: number, x: unknown) => n + (typeof x === 'number' ? x : 0), 0)
  const all = [tcp, udp, ip, icmp, ip6, icmp6, nd, i, mld, d, d6, raw, link].reduce((n, { stats }) => n + sum(stats), 0)
  return all - d6.stats.received - ip.stats.total - ip6.stats.total - ip.stats.delivered - ip6.stats.delivered -
    ip6.stats.localout - ip.stats.localout
}

function host6(forwarding: number): Host {
  const h = createHost({
    sysctls: {
      'net.inet6.ip6.forwarding': forwarding, 'net.inet6.icmp6.nd6_maxentries': 16, 'net.inet6.ip6.maxfragpackets': 4,
      'net.inet6.ip6.auto_linklocal': 0,
    },
  })
  ip6AddAddr(h.vn, h.ifp.id, addr('fe80::1'), 64, false)
  ip6AddAddr(h.vn, h.ifp.id, addr('2001:db8::1'), 64, false)
  join(h, AF_INET6, 'ff15::7')
  pass(h, 5_000_000)
  return h
}

function join(h: Host, family: number, group: string): void {
  const id = soCreate(h.vnet, h.vn.state.now, family, SOCK_DGRAM, 0)
  expect(soMcast(h.vnet, h.vn.state.now, id, MCAST_JOIN_GROUP, h.ifp.id, addr(group), createAddr())).toBe(0)
}

function words(a: Addr): number[] {
  const bytes = new Uint8Array(16)
  addr6Write(viewOf(bytes), 0, a)
  return [...bytes]
}

function ip6Header(src: Addr, dst: Addr, next: number, hops: number, len: number): number[] {
  return [0x60, 0, 0, 0, len >> 8, len & 255, next, hops, ...words(src), ...words(dst)]
}

function checksum6(src: Addr, dst: Addr, icmp: number[]): number {
  const bytes = Uint8Array.from([...words(src), ...words(dst), ...icmp])
  return checksumFold(checksumAdd(58 + icmp.length, viewOf(bytes), 0, bytes.length))
}

