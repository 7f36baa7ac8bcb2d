/** Two dual-stack hosts on a cable: everything that a socket does over IPv6 (RFC 8200, RFC 4861, RFC 4862). */

import { describe, expect, it } from 'vitest'
import { AF_INET, AF_INET6 } from '../../src/inet/state.ts'
import {
  IPV6_HOPLIMIT, IPV6_PKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVPKTINFO, IPV6_RECVTCLASS, IPV6_TCLASS, SOCK_DGRAM, SOCK_STREAM,
  SOL_IPV6,
} from '../../src/inet/sockopt.ts'
import { ip6Addrs, ip6LinkLocal } from '../../src/ip6/ifaddr.ts'
import { addrPrint } from '../../src/lib/addr.ts'
import { IFA_DUPLICATED, IFA_PREFERRED, IFA_TENTATIVE } from '../../src/link/state.ts'
import { ND_PROBE, ND_REACHABLE, ND_STALE } from '../../src/nd/state.ts'
import type { Neighbour } from '../../src/nd/state.ts'
import { createWorld } from '../../src/sim/world.ts'
import type { World } from '../../src/sim/world.ts'
import type { SimHost } from '../../src/sim/host.ts'
import { BsdSockets } from '../../src/socket/bsd.ts'
import { cleanAfterEach } from '../support/plain.ts'
import { tcbsSeen } from '../support/tcbs.ts'

const watch = cleanAfterEach()
const A = '2001:db8::1'
const B = '2001:db8::2'

interface Pair { world: World; a: SimHost; b: SimHost; sa: BsdSockets; sb: BsdSockets }

function pair(probe = true): Pair {
  const world = watch(createWorld({ seed: 1 }))
  const [a, b] = [world.addVnet('a'), world.addVnet('b')]
  const [pa, pb] = [a.addPort(), b.addPort()]
  world.cable(pa, pb, { delayUs: 1000 })
  pa.addAddress(`${A}/64`, { probe })
  pb.addAddress(`${B}/64`, { probe })
  pa.addAddress('10.0.0.1/24')
  pb.addAddress('10.0.0.2/24')
  return { world, a, b, sa: new BsdSockets(a), sb: new BsdSockets(b) }
}

function bytesOf(n: number): Uint8Array {
  return Uint8Array.from({ length: n }, (_, i) => (i * 7) & 0xff)
}

/** Connects `from` to a listener of `to`, sends 100,000 bytes, and says what the listener saw of the peer. */
function transfer({ world, sa, sb }: Pair, listen: [number, string], connect: [number, string]): string {
  const listener = sb.socket(listen[0], SOCK_STREAM)
  sb.bind(listener, listen[1], 80)
  sb.listen(listener, 5)
  const c = sa.socket(connect[0], SOCK_STREAM)
  expect(() => { sa.connect(c, connect[1], 80) }).toThrow(/EINPROGRESS/)
  world.runFor(2e6)
  const s = sb.accept(listener)
  const data = bytesOf(100_000)
  const got: number[] = []
  const into = new Uint8Array(65_536)
  for (let sent = 0, n = 0; got.length < data.length && n < 1000; n++) {
    if (sent < data.length) sent += sa.send(c, data.subarray(sent, sent + 20_000))
    world.runFor(50_000)
    try {
      got.push(...into.subarray(0, sb.recv(s, into)))
    } catch { /* nothing yet */ }
  }
  expect(Uint8Array.from(got)).toEqual(data)
  return sb.getpeername(s).address
}

function neighbours(h: SimHost): Neighbour[] {
  return [...h.vnet.state.nd.table.values()].flat()
}

describe('duplicate address detection (RFC 4862 §5.4)', () => {
  it('an address is tentative for a delay of up to a second and one RetransTimer, then it may be used', () => {
    const { world, a } = pair()
    world.runFor(500_000)
    expect(ip6Addrs(a.vnet.vn, 2).map((ia) => ia.status)).toEqual([IFA_TENTATIVE, IFA_TENTATIVE])
    world.runFor(1_600_000)
    const addrs = ip6Addrs(a.vnet.vn, 2)
    expect(addrs.map((ia) => ia.status)).toEqual([IFA_PREFERRED, IFA_PREFERRED])
    expect(addrs.map((ia) => addrPrint(ia.addr))).toEqual([expect.stringMatching(/^fe80::.*%2$/), A])
    expect(a.vnet.state.nd.stats.txprobes).toBe(2)
  })

  it('an address that another one has is not used: an advertisement tells (§5.4.4)', () => {
    const world = watch(createWorld({ seed: 1 }))
    const sw = world.addSwitch()
    const [b, late] = [world.addVnet('b'), world.addVnet('late')]
    const [pb, pl] = [b.addPort(), late.addPort()]
    world.cable(pb, sw)
    world.cable(pl, sw)
    pb.addAddress(`${B}/64`, { probe: true })
    world.runFor(3e6)
    pl.addAddress(`${B}/64`, { probe: true })
    world.runFor(3e6)
    expect(ip6Addrs(b.vnet.vn, 2).map((ia) => ia.status)).toEqual([IFA_PREFERRED, IFA_PREFERRED])
    expect(ip6Addrs(late.vnet.vn, 2).map((ia) => ia.status)).toEqual([IFA_PREFERRED, IFA_DUPLICATED])
    expect(late.vnet.state.nd.stats.dupaddr).toBe(1)
  })

  it('its own question that a loop brings back is told by its nonce (RFC 7527 §4.2)', () => {
    const world = watch(createWorld({ seed: 3 }))
    const a = world.addVnet('a')
    const port = a.addPort()
    const mirror = world.addVnet('mirror')
    mirror.addPort()
    world.cable(port, { name: 'loop', plug: (device) => { device.onFrame = (f) => { device.send(f); device.flush() } } })
    port.addAddress(`${A}/64`, { probe: true })
    world.runFor(60e6)
    expect(a.vnet.state.nd.stats.loopedback).toBeGreaterThan(1)
    expect(ip6Addrs(a.vnet.vn, 2).map((ia) => ia.status)).toEqual([IFA_PREFERRED, IFA_PREFERRED])
    // RFC 7527 §4.1: at most sixteen questions for an address, then it is taken to be ours
    expect(a.vnet.state.nd.stats.txprobes).toBeLessThanOrEqual(32)
  })
})

describe('TCP over IPv6', () => {
  it('a transfer between global addresses', () => {
    const p = pair()
    p.world.runFor(3e6)
    expect(transfer(p, [AF_INET6, '::'], [AF_INET6, B])).toBe(A)
  })

  it('a transfer between link-local addresses: the zone is the interface', () => {
    const p = pair()
    p.world.runFor(3e6)
    const ifp = p.b.vnet.state.link.ifnets.get(2)
    expect(ifp).toBeDefined()
    if (ifp === undefined) return
    const peer = addrPrint({ ...ip6LinkLocal(p.b.vnet.vn, ifp, 0), zone: 2 })
    expect(transfer(p, [AF_INET6, '::'], [AF_INET6, peer])).toMatch(/^fe80::.*%2$/)
  })

  it('an IPv6 listener takes IPv4 connections, whose peer it sees as mapped (RFC 4291 §2.5.5.2)', () => {
    const p = pair()
    p.world.runFor(3e6)
    expect(transfer(p, [AF_INET6, '::'], [AF_INET, '10.0.0.2'])).toMatch(/10\.0\.0\.1$/)
    expect([...p.b.vnet.state.tcp.tcbs.values()].some((t) => t.inp.fport !== 0 && t.inp.family === AF_INET6)).toBe(true)
  })

  it('to ourselves by ::1', () => {
    const p = pair(false)
    const same = { ...p, b: p.a, sb: p.sa }
    expect(transfer(same, [AF_INET6, '::1'], [AF_INET6, '::1'])).toBe('::1')
  })

  it('segments fill 1,500-byte packets: 40 bytes of IPv6 header, 1,440 of MSS (RFC 8200 §8.3)', () => {
    const p = pair()
    p.world.runFor(3e6)
    transfer(p, [AF_INET6, '::'], [AF_INET6, B])
    expect(tcbsSeen(p.b.vnet.state.tcp).filter((t) => t.inp.fport !== 0).map((t) => t.peerMss)).toEqual([1440])
  })
})

describe('UDP over IPv6', () => {
  it('goes in fragments where it is longer than the link takes (RFC 8200 §4.5)', () => {
    const { world, sa, sb, a, b } = pair()
    world.runFor(3e6)
    const [s, c] = [sb.socket(AF_INET6, SOCK_DGRAM), sa.socket(AF_INET6, SOCK_DGRAM)]
    sb.bind(s, '::', 53)
    sa.sendto(c, bytesOf(20_000), B, 53)
    world.runFor(100_000)
    const into = new Uint8Array(65_536)
    expect(sb.recvfrom(s, into)).toMatchObject({ bytes: 20_000, address: A })
    expect(into.slice(0, 20_000)).toEqual(bytesOf(20_000))
    expect(a.vnet.state.ip6.stats.fragmented).toBe(1)
    expect(b.vnet.state.ip6.stats.reassembled).toBe(1)
  })

  it('says by which interface and to which address, mapped if by IPv4; hop limit and class are of IPv6 alone (RFC 3542 §6)', () => {
    const { world, sa, sb } = pair()
    world.runFor(3e6)
    const s = sb.socket(AF_INET6, SOCK_DGRAM)
    for (const name of [IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS]) sb.setsockopt(s, SOL_IPV6, name, 1)
    sb.bind(s, '::', 53)
    sa.sendto(sa.socket(AF_INET6, SOCK_DGRAM), bytesOf(10), B, 53)
    world.runFor(100_000)
    sa.sendto(sa.socket(AF_INET, SOCK_DGRAM), bytesOf(20), '10.0.0.2', 53)
    world.runFor(100_000)
    const told = [0, 1].map(() => sb.recvmsg(s, new Uint8Array(100)).control
      .map((c) => [c.level, c.type, c.value, c.interface, c.address]))
    expect(told).toEqual([
      [[SOL_IPV6, IPV6_PKTINFO, 0, 2, B], [SOL_IPV6, IPV6_HOPLIMIT, 64, 0, ''], [SOL_IPV6, IPV6_TCLASS, 0, 0, '']],
      [[SOL_IPV6, IPV6_PKTINFO, 0, 2, '10.0.0.2']],
    ])
  })

  it('a closed port is port unreachable, told to a connected socket (RFC 4443 §3.1)', () => {
    const { world, sa } = pair()
    world.runFor(3e6)
    const c = sa.socket(AF_INET6, SOCK_DGRAM)
    sa.connect(c, B, 53)
    sa.send(c, bytesOf(10))
    world.runFor(100_000)
    expect(() => sa.recv(c, new Uint8Array(10))).toThrow(/ECONNREFUSED/)
  })
})

describe('neighbour unreachability detection (RFC 4861 §7.3)', () => {
  it('REACHABLE for the reachable time, then STALE; progress of TCP confirms, silence probes and removes', () => {
    const p = pair()
    const { world, a } = p
    world.runFor(3e6)
    transfer(p, [AF_INET6, '::'], [AF_INET6, B])
    expect(neighbours(a).map((n) => n.status)).toEqual([ND_REACHABLE])
    world.runFor(60e6)
    expect(neighbours(a).map((n) => n.status)).toEqual([ND_STALE])
    const before = a.vnet.state.nd.stats.txsolicits
    const c = p.sa.socket(AF_INET6, SOCK_STREAM)
    expect(() => { p.sa.connect(c, B, 80) }).toThrow(/EINPROGRESS/)
    world.runFor(10e6)
    // the handshake's end is progress: nobody was asked, and nothing is stale
    expect(a.vnet.state.nd.stats.txsolicits).toBeGreaterThanOrEqual(before)
    p.b.unbind(2)
    const u = p.sa.socket(AF_INET6, SOCK_DGRAM)
    world.runFor(60e6)
    p.sa.sendto(u, bytesOf(1), B, 9)
    world.runFor(5.5e6)
    expect(neighbours(a).map((n) => n.status)).toEqual([ND_PROBE])
    world.runFor(3e6)
    expect(neighbours(a)).toEqual([])
    expect(a.vnet.state.nd.unsure).toBe(0)
  })

  it('a neighbour that never answers: three solicitations, then the packets are reported (§7.2.2)', () => {
    const { world, sa, a } = pair()
    world.runFor(3e6)
    const c = sa.socket(AF_INET6, SOCK_DGRAM)
    sa.connect(c, '2001:db8::99', 53)
    sa.send(c, bytesOf(10))
    world.runFor(2.9e6)
    expect(a.vnet.state.nd.stats.txsolicits).toBe(3)
    expect(neighbours(a)).toHaveLength(1)
    world.runFor(0.2e6)
    expect(neighbours(a)).toEqual([])
    expect(() => sa.recv(c, new Uint8Array(10))).toThrow(/EHOSTUNREACH/)
  })
})

describe('state', () => {
  it('a snapshot in the middle continues; a reseeded clone finds everything under its new keys', () => {
    const p = pair()
    p.world.runFor(3e6)
    transfer(p, [AF_INET6, '::'], [AF_INET6, B])
    const copy = p.a.vnet.clone()
    expect(Buffer.compare(copy.snapshot(), p.a.vnet.snapshot())).toBe(0)
    const other = p.a.vnet.clone({ reseed: [7] })
    expect(Buffer.compare(other.clone().snapshot(), other.snapshot())).toBe(0)
    expect([...other.state.nd.table.keys()]).not.toEqual([...copy.state.nd.table.keys()])
  })
})
