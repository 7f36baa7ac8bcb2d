import { describe, expect, it } from 'vitest'
import { dhcpStart, dhcpStop } from '../../src/dhcp/client.ts'
import {
  DHCPS_BOUND, DHCPS_CHECKING, DHCPS_DOWN, DHCPS_INIT, DHCPS_REBINDING, DHCPS_REBOOTING, DHCPS_RENEWING,
  DHCPS_REQUESTING, DHCPS_SELECTING,
} from '../../src/dhcp/state.ts'
import type { DhcpStats } from '../../src/dhcp/state.ts'
import { addrPrint, ip4Print } from '../../src/lib/addr.ts'
import { ifDestroy, ifSetFlags } from '../../src/link/ifnet.ts'
import { IFF_RUNNING } from '../../src/link/state.ts'
import { routeList } from '../../src/ip/route.ts'
import { resolverSearch, resolverServers } from '../../src/resolver/resolver.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { PEER_MAC, createHost, ip, know, pass, rx, take } from '../ip/harness.ts'
import type { Host } from '../ip/harness.ts'
import { arpOf, frameOf } from '../ip/packet.ts'
import { LEASE, OFFERED, SERVER, bound, client, createClient, long, messages, octets, reply } from './dhcp.ts'
import type { Option } from './dhcp.ts'

const S = 1_000_000

function addresses(h: Host): string[] {
  return h.ifp.addrs.map((ia) => `${addrPrint(ia.addr)}/${ia.prefixLen}`)
}

function routes(h: Host): string[] {
  return routeList(h.vn).filter((r) => r.gateway !== 0 || r.ifId !== 1)
    .map((r) => `${ip4Print(r.dst)}/${r.prefixLen} ${ip4Print(r.gateway)}`)
}

describe('RFC 2131 §4.4.1: getting an address', () => {
  it('DISCOVER from 0.0.0.0 to all, broadcast flag, client identifier (RFC 4361), what is wanted', () => {
    const h = createClient({}, 'box')
    const [m] = messages(h)
    expect(m).toMatchObject({
      type: 'DISCOVER', src: 0, dst: -1, op: 1, htype: 1, hlen: 6, hops: 0, secs: 0, flags: 0x8000, ciaddr: 0,
      chaddr: 0x020000000001, requested: 0, server: 0,
    })
    expect(m.options.get(61)).toEqual([255, 0, 0, 0, h.ifp.id, 0, 3, 0, 1, 2, 0, 0, 0, 0, 1])
    expect(m.options.get(12)).toEqual([...Buffer.from('box')])
    expect(m.options.get(57)).toEqual([1500 >> 8, 1500 & 255])
    // RFC 3442: classless routes are asked for before routers
    const wanted = m.options.get(55) ?? []
    expect(wanted.indexOf(121)).toBeLessThan(wanted.indexOf(3))
    expect(client(h).state).toBe(DHCPS_SELECTING)
  })

  it('§4.1: repeated after 4, 8, 16, 32, 64, 64 s, each a second more or less, with the seconds since the start', () => {
    const h = createClient()
    pass(h, 400 * S)
    const sent = messages(h)
    const gaps = sent.slice(1).map((m, i) => (m.at - sent[i].at) / S)
    const want = [4, 8, 16, 32, 64, 64, 64, 64, 64]
    gaps.forEach((gap, i) => { expect(Math.abs(gap - want[i]), `${i}`).toBeLessThanOrEqual(1) })
    expect(gaps.length).toBeGreaterThanOrEqual(7)
    expect(new Set(gaps).size).toBe(gaps.length)
    expect(sent.map((m) => m.secs)).toEqual(sent.map((m) => Math.floor((m.at - sent[0].at) / S)))
    expect(new Set(sent.map((m) => m.xid)).size).toBe(1)
  })

  it('the start is put off by a random time (§4.4.1)', () => {
    const h = createHost({ bare: true, seed: 7 })
    dhcpStart(h.vn, h.ifp.id, '')
    pass(h, 0)
    expect(messages(h)).toEqual([])
    pass(h, S)
    expect(messages(h)).toHaveLength(1)
  })

  it('OFFER → REQUEST with the address and the server, same xid → ACK → address, routes, name servers', () => {
    const h = createClient({ 'net.inet.dhcp.probe': 0 })
    const [discover] = messages(h)
    reply(h, { type: 2 })
    const [request] = messages(h)
    expect(request).toMatchObject({
      type: 'REQUEST', src: 0, dst: -1, ciaddr: 0, requested: OFFERED, server: SERVER, xid: discover.xid, flags: 0x8000,
    })
    expect(client(h).state).toBe(DHCPS_REQUESTING)
    expect(addresses(h)).toEqual([])
    reply(h, { type: 5 })
    expect(client(h).state).toBe(DHCPS_BOUND)
    expect(addresses(h)).toEqual(['10.0.0.100/24'])
    expect(routes(h)).toEqual(['0.0.0.0/0 10.0.0.2', '10.0.0.0/24 0.0.0.0'])
    expect(resolverServers(h.vn.state.resolver).map(addrPrint)).toEqual(['10.0.0.2', '9.9.9.9'])
    expect(resolverSearch(h.vn.state.resolver)).toEqual(['example.org'])
    expect(h.vn.state.dhcp.stats).toMatchObject({ offers: 1, acks: 1, bound: 1 })
  })

  it('§3.1.5: a request is sent four times, then all begins anew', () => {
    const h = createClient()
    reply(h, { type: 2 })
    pass(h, 62 * S)
    const sent = messages(h)
    expect(sent.map((m) => m.type).slice(0, 6)).toEqual([
      'DISCOVER', 'REQUEST', 'REQUEST', 'REQUEST', 'REQUEST', 'DISCOVER'].slice(0, sent.length))
    expect(sent).toHaveLength(6)
    expect(sent[5].xid).not.toBe(sent[0].xid)
  })

  it('§3.1.4: a NAK sends back to the start', () => {
    const h = createClient()
    reply(h, { type: 2 })
    reply(h, { type: 6, options: [] })
    pass(h, 0)
    expect(messages(h).map((m) => m.type)).toEqual(['DISCOVER', 'REQUEST', 'DISCOVER'])
  })
})

describe('RFC 5227 in RFC 2131 §4.4.1: is the address free?', () => {
  it('probed before use, announced after', () => {
    const h = createClient()
    reply(h, { type: 2 })
    reply(h, { type: 5 })
    expect(client(h).state).toBe(DHCPS_CHECKING)
    expect(routes(h)).toEqual([])
    take(h)
    pass(h, 10 * S)
    const arps = take(h).map((s) => s.arp).filter((a) => a !== null)
    expect(arps.map((a) => [a.spa, a.tpa])).toEqual([
      [0, OFFERED], [0, OFFERED], [0, OFFERED], [OFFERED, OFFERED], [OFFERED, OFFERED]])
    expect(client(h).state).toBe(DHCPS_BOUND)
    expect(routes(h)).toContain('0.0.0.0/0 10.0.0.2')
  })

  it('§3.1.5, §4.4.4: somebody has it: DECLINE with address and server from 0.0.0.0, then 10 s of rest', () => {
    const h = createClient()
    reply(h, { type: 2 })
    reply(h, { type: 5 })
    messages(h)
    pass(h, 2 * S)
    rx(h, frameOf(0xffffffffffff, PEER_MAC, 0x0806, arpOf(2, PEER_MAC, OFFERED, PEER_MAC, OFFERED)))
    pass(h, 0)
    const at = h.vn.state.now
    expect(messages(h)).toEqual([expect.objectContaining({
      type: 'DECLINE', src: 0, dst: -1, ciaddr: 0, requested: OFFERED, server: SERVER,
    })])
    expect(addresses(h)).toEqual([])
    pass(h, 11 * S)
    const [again] = messages(h)
    expect([again.type, again.at - at]).toEqual(['DISCOVER', 10 * S])
  })

  it('an address that is lost to somebody later is declined, too (RFC 5227 §2.4)', () => {
    const h = bound()
    for (let i = 0; i < 2; i++) {
      rx(h, frameOf(0xffffffffffff, PEER_MAC, 0x0806, arpOf(1, PEER_MAC, OFFERED, 0, OFFERED)))
      pass(h, S)
    }
    expect(messages(h).map((m) => [m.type, m.requested])).toEqual([['DECLINE', OFFERED]])
    expect([addresses(h), routes(h), client(h).state]).toEqual([[], [], DHCPS_INIT])
    expect(resolverServers(h.vn.state.resolver)).toEqual([])
  })
})

describe('RFC 2131 §4.4.5: keeping it', () => {
  it('T1 at half: REQUEST by unicast from the address; an ACK starts the lease anew from the request', () => {
    const h = bound()
    know(h)
    pass(h, 1800 * S - 1)
    expect(messages(h)).toEqual([])
    pass(h, 1)
    const [m] = messages(h)
    expect(m).toMatchObject({
      type: 'REQUEST', src: OFFERED, dst: SERVER, ciaddr: OFFERED, requested: 0, server: 0, flags: 0, at: 1800 * S,
    })
    expect(client(h).state).toBe(DHCPS_RENEWING)
    pass(h, 5 * S)
    reply(h, { type: 5, to: OFFERED })
    expect(client(h).state).toBe(DHCPS_BOUND)
    expect(client(h).lease.expiresAt).toBe(5400 * S)
    expect(h.vn.state.dhcp.stats.bound).toBe(1)
  })

  it('half of what is left until T2, not less than 60 s; from T2 on by broadcast; gone when it ends', () => {
    const h = bound()
    know(h)
    pass(h, 3600 * S)
    const sent = messages(h)
    const unicast = sent.filter((m) => m.dst === SERVER)
    // T1 1800, T2 3150: 675, 337.5, … then each minute
    expect(unicast.slice(0, 4).map((m) => m.at / S)).toEqual([1800, 2475, 2812.5, 2981.25])
    const rebinding = sent.filter((m) => m.dst === -1 && m.type === 'REQUEST')
    expect(rebinding.slice(0, 3).map((m) => m.at / S)).toEqual([3150, 3375, 3487.5])
    expect(rebinding[0]).toMatchObject({ src: OFFERED, ciaddr: OFFERED, requested: 0, server: 0 })
    for (const list of [unicast, rebinding]) {
      list.slice(1).forEach((m, i) => { expect(m.at - list[i].at).toBeGreaterThanOrEqual(60 * S) })
    }
    expect(sent.at(-1)).toMatchObject({ type: 'DISCOVER', src: 0, at: 3600 * S })
    expect([addresses(h), routes(h)]).toEqual([[], []])
    expect(h.vn.state.dhcp.stats.expired).toBe(1)
  })

  it('rebinding: any server may prolong', () => {
    const h = bound()
    know(h)
    pass(h, 3200 * S)
    expect(client(h).state).toBe(DHCPS_REBINDING)
    reply(h, { type: 5, server: ip('10.0.0.3'), to: OFFERED })
    expect(client(h)).toMatchObject({ state: DHCPS_BOUND, lease: { server: ip('10.0.0.3') } })
  })

  it('a NAK ends the lease at once', () => {
    const h = bound()
    know(h)
    pass(h, 1900 * S)
    reply(h, { type: 6, options: [] })
    pass(h, 0)
    expect(addresses(h)).toEqual([])
    expect(messages(h).at(-1)?.type).toBe('DISCOVER')
  })

  it('options 58 and 59 set T1 and T2; out of order they do not', () => {
    const h = bound({}, [...LEASE, [58, long(100)], [59, long(200)]])
    expect([client(h).lease.renewAt, client(h).lease.rebindAt]).toEqual([100 * S, 200 * S])
    const g = bound({}, [...LEASE, [58, long(3000)], [59, long(200)]])
    expect(client(g).lease.renewAt).toBeLessThan(client(g).lease.rebindAt)
  })

  it('§3.3: 0xffffffff is for good', () => {
    const h = bound({}, [[51, long(-1)], ...LEASE.slice(1)])
    pass(h, 4_000_000 * S)
    expect(messages(h)).toEqual([])
    expect(client(h).lease.expiresAt).toBe(Infinity)
  })

  it('a renewal brings new routes and name servers in place of the old', () => {
    const h = bound()
    know(h)
    pass(h, 1800 * S)
    const other: Option[] = [...LEASE.slice(0, 2), [3, octets('10.0.0.9')], [6, octets('10.0.0.9')]]
    reply(h, { type: 5, to: OFFERED, options: other })
    expect(routes(h)).toEqual(['0.0.0.0/0 10.0.0.9', '10.0.0.0/24 0.0.0.0'])
    expect(resolverServers(h.vn.state.resolver).map(addrPrint)).toEqual(['10.0.0.9'])
    expect(resolverSearch(h.vn.state.resolver)).toEqual([])
  })
})

describe('options', () => {
  it('RFC 3442: classless routes, and the router option is left aside; a gateway of 0 is the link', () => {
    const h = bound({}, [...LEASE, [121, [24, 192, 168, 7, 10, 0, 0, 3, 0, 10, 0, 0, 4, 16, 172, 16, 0, 0, 0, 0]]])
    expect(routes(h)).toEqual([
      '0.0.0.0/0 10.0.0.4', '10.0.0.0/24 0.0.0.0', '172.16.0.0/16 0.0.0.0', '192.168.7.0/24 10.0.0.3'])
    dhcpStop(h.vn, h.ifp.id)
    pass(h, 0)
    expect(routes(h)).toEqual([])
  })

  it.each([
    ['a prefix of 33 bits', [33, 1, 2, 3, 4, 5, 10, 0, 0, 1]], ['cut off', [24, 192, 168, 7, 10, 0]],
  ])('RFC 3442: %s: the option is ignored', (_, value) => {
    expect(routes(bound({}, [...LEASE, [121, value]]))).toContain('0.0.0.0/0 10.0.0.2')
  })

  it('MTU: smaller is taken and put back, larger than the interface is not, below 576 is not', () => {
    const h = bound({}, [...LEASE, [26, [1400 >> 8, 1400 & 255]]])
    expect(h.ifp.mtu).toBe(1400)
    dhcpStop(h.vn, h.ifp.id)
    pass(h, 0)
    expect(h.ifp.mtu).toBe(1500)
    expect(bound({}, [...LEASE, [26, [0x23, 0x28]]]).ifp.mtu).toBe(1500)
    expect(bound({}, [...LEASE, [26, [0, 68]]]).ifp.mtu).toBe(1500)
  })

  it('RFC 3397: a search list with compression; RFC 3396: options in pieces, and in file and sname', () => {
    const name = (text: string): number[] => text.split('.').flatMap((l) => [l.length, ...Buffer.from(l)])
    const list = [...name('eng.example.org'), 0, ...name('hq'), 0xc0, 4]
    const h = bound({}, [...LEASE, [119, list.slice(0, 9)], [119, list.slice(9)]])
    expect(resolverSearch(h.vn.state.resolver)).toEqual(['eng.example.org', 'hq.example.org'])
    const loop = bound({}, [...LEASE, [119, [0xc0, 0]]])
    expect(resolverSearch(loop.vn.state.resolver)).toEqual(['example.org'])
  })

  it('without a mask the class decides (RFC 791 §2.3)', () => {
    expect(addresses(bound({}, [LEASE[0]]))).toEqual(['10.0.0.100/8'])
  })
})

describe('messages that are not for us', () => {
  const cases: [string, Parameters<typeof reply>[1], keyof DhcpStats][] = [
    ['another transaction', { type: 2, xid: 77 }, 'notours'],
    ['another client', { type: 2, chaddr: 0x020000000099 }, 'notours'],
    ['a request', { type: 2, op: 1 }, 'badform'],
    ['no type', { type: 99 }, 'badform'],
    ['an ACK while selecting', { type: 5 }, 'unexpected'],
    ['a NAK while selecting', { type: 6 }, 'unexpected'],
    ['an offer without a duration', { type: 2, options: LEASE.slice(1) }, 'badlease'],
    ['an offer of a group', { type: 2, yiaddr: ip('224.0.0.1') }, 'badlease'],
    ['an offer with a mask with holes', { type: 2, options: [LEASE[0], [1, octets('255.0.255.0')]] }, 'badlease'],
    ['options that run over the end', { type: 2, raw: Uint8Array.of(53, 1, 2, 54, 200) }, 'badlease'],
  ]
  it.each(cases)('%s', (_, r, counter) => {
    const h = createClient()
    messages(h)
    reply(h, r)
    expect(h.drops).toEqual([`dhcp.${counter}`])
    expect(client(h).state).toBe(DHCPS_SELECTING)
    expect(messages(h)).toEqual([])
  })

  it('an ACK for another address than was asked for, a NAK of another server', () => {
    const h = createClient()
    reply(h, { type: 2 })
    messages(h)
    reply(h, { type: 5, yiaddr: ip('10.0.0.101') })
    reply(h, { type: 6, server: ip('10.0.0.3'), options: [] })
    expect(h.drops).toEqual(['dhcp.badlease', 'dhcp.unexpected'])
    expect(client(h).state).toBe(DHCPS_REQUESTING)
  })
})

describe('RFC 4436, RFC 2131 §3.2: the link comes back', () => {
  const GATEWAY = 0x0200000000aa
  function bounce(sysctls: Record<string, number> = {}): Host {
    const h = bound(sysctls)
    // the gateway speaks to us, so that it is known
    rx(h, frameOf(h.ifp.mac, GATEWAY, 0x0806, arpOf(1, GATEWAY, ip('10.0.0.2'), 0, OFFERED)))
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags & ~IFF_RUNNING)
    pass(h, 60 * S)
    expect(client(h).state).toBe(DHCPS_DOWN)
    take(h)
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags | IFF_RUNNING)
    pass(h, 0)
    return h
  }

  it('the gateway is asked under its old Ethernet address, the server at the same time (INIT-REBOOT)', () => {
    const h = bounce()
    const sent = take(h)
    const asked = sent.find((s) => s.arp !== null && s.arp.tpa === ip('10.0.0.2'))
    expect(asked?.ether.dst).toBe(GATEWAY)
    expect(asked?.arp).toMatchObject({ spa: OFFERED, op: 1 })
    expect(client(h).state).toBe(DHCPS_REBOOTING)
    rx(h, frameOf(h.ifp.mac, GATEWAY, 0x0806, arpOf(2, GATEWAY, ip('10.0.0.2'), h.ifp.mac, OFFERED)))
    pass(h, 200_000)
    expect(client(h)).toMatchObject({ state: DHCPS_BOUND, deadline: 1800 * S })
    expect(h.vn.state.dhcp.stats.reachable).toBe(1)
  })

  it('INIT-REBOOT: REQUEST with the address, without server and ciaddr; an ACK confirms', () => {
    const h = bounce({ 'net.inet.dhcp.dna': 0 })
    const [m] = messages(h)
    expect(m).toMatchObject({ type: 'REQUEST', src: 0, dst: -1, ciaddr: 0, requested: OFFERED, server: 0 })
    reply(h, { type: 5 })
    expect(client(h).state).toBe(DHCPS_BOUND)
  })

  it('another network: a NAK, and all begins anew', () => {
    const h = bounce()
    messages(h)
    reply(h, { type: 6, options: [], server: ip('10.0.0.3') })
    pass(h, 0)
    expect(addresses(h)).toEqual([])
    expect(messages(h).map((m) => m.type)).toEqual(['DISCOVER'])
  })

  it('§3.2.3: nobody answers: the old lease is used on', () => {
    const h = bounce()
    pass(h, 30 * S)
    expect(messages(h).map((m) => m.type)).toEqual(['REQUEST', 'REQUEST'])
    expect(client(h).state).toBe(DHCPS_BOUND)
    expect(addresses(h)).toEqual(['10.0.0.100/24'])
  })

  it('a lease that ran out while the link was down is not taken up again', () => {
    const h = bound()
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags & ~IFF_RUNNING)
    pass(h, 3700 * S)
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags | IFF_RUNNING)
    pass(h, 0)
    expect(addresses(h)).toEqual([])
    expect(messages(h).map((m) => m.type)).toEqual(['DISCOVER'])
  })
})

it('a real clock has fractions of a microsecond: saved and restored all the same', () => {
  const h = createClient({ 'net.inet.dhcp.probe': 0 })
  h.vnet.setNow(h.vn.state.now + 1234.5)
  reply(h, { type: 2 })
  reply(h, { type: 5 })
  expect(client(h).sentAt % 1).toBe(0.5)
  const again = Vnet.restore(h.vnet.snapshot(), { pool: h.vn.pool })
  expect(again.state.dhcp).toEqual(h.vn.state.dhcp)
})

describe('the end', () => {
  it('§4.4.6: RELEASE by unicast, and nothing is left', () => {
    const h = bound()
    know(h)
    expect(dhcpStop(h.vn, h.ifp.id)).toBe(0)
    pass(h, 0)
    expect(messages(h)).toEqual([expect.objectContaining({
      type: 'RELEASE', src: OFFERED, dst: SERVER, ciaddr: OFFERED, requested: 0, server: SERVER,
    })])
    expect([addresses(h), routes(h), h.vn.state.resolver.entries, h.vn.state.dhcp.clients.size]).toEqual([[], [], [], 0])
    pass(h, 4000 * S)
    expect(messages(h)).toEqual([])
  })

  it('with the interface everything goes', () => {
    const h = bound()
    ifDestroy(h.vn, h.ifp.id)
    expect([h.vn.state.dhcp.clients.size, h.vn.state.resolver.entries]).toEqual([0, []])
    pass(h, 4000 * S)
  })

  it('who may not have a client', () => {
    const h = createClient()
    expect(dhcpStart(h.vn, h.ifp.id, '')).toBe(17)
    expect(dhcpStart(h.vn, 99, '')).toBe(2)
    expect(dhcpStart(h.vn, 1, '')).toBe(22)
    expect(dhcpStop(h.vn, 1)).toBe(2)
    expect(client(h).state).not.toBe(DHCPS_RENEWING)
  })
})
