/** A host that configures itself from router advertisements (RFC 4861 §6.1.2, §6.3; RFC 4862 §5.5; RFC 4191, 7559, 8106, 8981). */

import { describe, expect, it } from 'vitest'
import { ip6DelAddr, ip6Enable } from '../../src/ip6/ifaddr.ts'
import { route6Lookup } from '../../src/ip6/route.ts'
import { ip6SourceSelect } from '../../src/ip6/source.ts'
import { IA6_AUTOCONF, IA6_DEPRECATED, IA6_TEMPORARY } from '../../src/ip6/state.ts'
import { addrParse, addrPrint, createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { IFA_PREFERRED, IFA_TENTATIVE } from '../../src/link/state.ts'
import { ndAutoStart, ndAutoStop } from '../../src/nd/auto.ts'
import { resolverSearch, resolverServers } from '../../src/resolver/resolver.ts'
import { createHost, pass, rx, take } from '../ip/harness.ts'
import type { Host } from '../ip/harness.ts'
import { frameOf } from '../ip/packet.ts'
import { icmp6, ip6, octets } from '../ip6/build.ts'
import { FOREVER, R1, R2, autoHost, globals, hear, learnt, ofType, pio, ra, slla, toMe, word } from './router.ts'

const P = '2001:db8:1::'
const Q = '2001:db8:2::'
const FAR = addrParse('2001:db8:ffff::9') as Addr
const HOUR = 3600

function i6(h: Host) {
  const found = h.vn.state.ip6.ifs.get(h.ifp.id)
  if (found === undefined) throw new Error('no IPv6')
  return found
}

function host(h: Host) {
  const found = h.vn.state.nd.hosts.get(h.ifp.id)
  if (found === undefined) throw new Error('not listening')
  return found
}

function left(h: Host, at: number): number {
  return Math.round((at - h.vn.state.now) / 1e6)
}

function via(h: Host): string {
  const gateway = route6Lookup(h.vn, FAR)?.gateway
  return gateway === undefined ? '' : addrPrint(gateway).replace(/%.*/, '')
}

describe('solicitations (RFC 4861 §6.3.7, RFC 7559)', () => {
  it('the first comes within a second, then after 4, 8, 16 … s, each a tenth more or less, up to an hour, without end', () => {
    const h = createHost({ bare: true })
    h.ifp.flags |= 1
    ndAutoStart(h.vn, h.ifp.id)
    pass(h, 4 * HOUR * 1e6)
    const sent = ofType(take(h), 133)
    expect(sent[0].at).toBeLessThanOrEqual(1e6)
    const gaps = sent.slice(1).map((s, i) => (s.at - sent[i].at) / 1e6)
    gaps.forEach((gap, i) => {
      const nominal = Math.min(3600, 4 * 2 ** i)
      expect(gap).toBeGreaterThanOrEqual(nominal * 0.9)
      expect(gap).toBeLessThanOrEqual(nominal * 1.1)
    })
    expect(gaps.length).toBeGreaterThanOrEqual(12)
    for (const { ether, bytes } of sent) {
      expect(ether.dst).toBe(0x333300000002)
      expect([bytes[14 + 7], [...bytes.subarray(14 + 24, 14 + 40)]]).toEqual([255, octets('ff02::2')])
    }
    // §4.1: with its Ethernet address but from ::
    expect(sent.slice(1).map((s) => [...s.bytes.subarray(14 + 48)])).toEqual(gaps.map(() => [1, 1, 2, 0, 0, 0, 0, 1]))
  })

  it('a router that has answered is not asked again; one with lifetime 0 is no answer', () => {
    const h = autoHost()
    hear(h, { lifetime: 0 })
    pass(h, 10e6)
    expect(ofType(take(h), 133).length).toBeGreaterThan(0)
    hear(h)
    pass(h, 4 * HOUR * 1e6)
    expect(ofType(take(h), 133)).toEqual([])
  })

  it('an advertisement before the first question does not stop it from being asked, once', () => {
    const h = createHost({ bare: true })
    h.ifp.flags |= 1
    ndAutoStart(h.vn, h.ifp.id)
    hear(h)
    pass(h, 100e6)
    expect(ofType(take(h), 133)).toHaveLength(1)
  })

  it('who is not told to listen asks nobody and learns nothing; sysctl accept_rtadv tells all', () => {
    const h = createHost({ bare: true })
    h.ifp.flags |= 1
    ip6Enable(h.vn, h.ifp.id)
    hear(h, { options: [...slla(), ...pio(P, HOUR, HOUR)] })
    expect(h.drops).toEqual(['nd.ignored'])
    pass(h, 60e6)
    expect([ofType(take(h), 133), globals(h), learnt(h)]).toEqual([[], [], []])
    const g = createHost({ bare: true, sysctls: { 'net.inet6.ip6.accept_rtadv': 1 } })
    g.ifp.flags |= 1
    ip6Enable(g.vn, g.ifp.id)
    pass(g, 2e6)
    expect(ofType(take(g), 133).length).toBeGreaterThan(0)
  })
})

describe('validation (RFC 4861 §6.1.2)', () => {
  it.each([
    ['hop limit 254', { hops: 254 }, 'nd.badhoplimit'], ['code 1', { code: 1 }, 'nd.badcode'],
    ['source not link-local', { src: '2001:db8::1' }, 'nd.badsource'], ['twelve octets', { cut: 8 }, 'nd.tooshort'],
    ['an option of length 0', { options: [1, 0, 0, 0, 0, 0, 0, 0] }, 'nd.badoption'],
    ['an option that is cut off', { options: [3, 4, 64, 0xc0, 0, 0, 0, 0] }, 'nd.badoption'],
  ])('%s is discarded', (_what, o, counter) => {
    const h = autoHost()
    rx(h, ra(o))
    expect(h.drops).toEqual([counter])
    expect([learnt(h), globals(h)]).toEqual([[], []])
  })

  it('a router does not listen (§6.2.7)', () => {
    const h = autoHost({ 'net.inet6.ip6.forwarding': 1 })
    hear(h)
    expect(h.drops).toEqual(['nd.ignored'])
  })

  it('unknown options are passed over (§4.6)', () => {
    const h = autoHost()
    hear(h, { options: [200, 2, ...new Array<number>(14).fill(7), ...pio(P, HOUR, HOUR)] })
    expect(globals(h)).toHaveLength(1)
  })
})

describe('parameters (RFC 4861 §6.3.4)', () => {
  it('hop limit, reachable time, retransmission time and MTU are taken; zeros leave them', () => {
    const h = autoHost()
    hear(h, { curHops: 33, reachable: 10_000, retrans: 250, options: [5, 1, 0, 0, ...word(1400)] })
    expect(i6(h)).toMatchObject({ curHopLimit: 33, baseReachableMs: 10_000, retransMs: 250, linkMtu: 1400 })
    expect(i6(h).reachableUs).toBeGreaterThanOrEqual(5e6)
    expect(i6(h).reachableUs).toBeLessThanOrEqual(15e6)
    hear(h)
    expect(i6(h)).toMatchObject({ curHopLimit: 33, baseReachableMs: 10_000, retransMs: 250, linkMtu: 1400 })
  })

  it.each([1279, 1501, 0])('an MTU of %d is not taken', (mtu) => {
    const h = autoHost()
    hear(h, { options: [5, 1, 0, 0, ...word(mtu)] })
    expect(i6(h).linkMtu).toBe(0)
  })

  it('a reachable time beyond an hour is not taken (§6.2.1)', () => {
    const h = autoHost()
    hear(h, { reachable: 3_600_001 })
    expect(i6(h).baseReachableMs).toBe(30_000)
  })

  it('its Ethernet address is known, STALE, a router (§6.3.4)', () => {
    const h = autoHost()
    hear(h)
    expect([...h.vn.state.nd.table.values()].flat()).toMatchObject([{ isRouter: true, status: 2, mac: 0x020000000101 }])
  })
})

describe('default routers (RFC 4861 §6.3.4, §6.3.6; RFC 4191 §3)', () => {
  it('the lifetime counts, is refreshed, and ends it; 0 at once', () => {
    const h = autoHost()
    hear(h, { lifetime: 100 })
    pass(h, 60e6)
    hear(h, { lifetime: 100 })
    pass(h, 99e6)
    expect(via(h)).toBe(R1)
    pass(h, 2e6)
    expect([via(h), learnt(h)]).toEqual(['', []])
    hear(h, { lifetime: 100 })
    hear(h, { lifetime: 0 })
    expect([via(h), host(h).routes]).toEqual(['', []])
  })

  it.each([[0, 0x08, R2], [0x18, 0, R2], [0x08, 0x18, R1], [0x10, 0, R1]])('preferences %i and %i: %s', (a, b, wins) => {
    const h = autoHost()
    hear(h, { src: R1, flags: a })
    hear(h, { src: R2, flags: b })
    expect(via(h)).toBe(wins)
  })

  it('a router that does not answer gives way to another, whatever the preference, until it is heard again', () => {
    const h = autoHost()
    hear(h, { src: R1, flags: 0x08, options: [...slla(R1), ...pio(P, 9000, 9000)] })
    hear(h, { src: R2 })
    pass(h, 3e6)
    expect(via(h)).toBe(R1)
    // an echo request from afar: the answer goes by R1, which confirms nothing: 5 s of delay, three questions
    rx(h, toMe(R1, addrPrint(globals(h)[0].addr),
      icmp6(128, 0, [0, 1, 0, 1], '2001:db8:ffff::9', addrPrint(globals(h)[0].addr)), '2001:db8:ffff::9'))
    pass(h, 8.5e6)
    expect(via(h)).toBe(R2)
    hear(h, { src: R1, flags: 0x08 })
    expect(via(h)).toBe(R1)
  })

  it('more specific routes (RFC 4191 §2.3): of a prefix, refreshed, withdrawn; ::/0 outdoes the header', () => {
    const h = autoHost()
    const rio = (len: number, flags: number, life: number, prefix: number[]): number[] =>
      [24, 1 + prefix.length / 8, len, flags, ...word(life), ...prefix]
    const far = octets('2001:db8:ffff::').slice(0, 8)
    hear(h, { src: R1, flags: 0x08 })
    hear(h, { src: R2, lifetime: 0, options: rio(48, 0, 600, far) })
    expect(learnt(h)).toEqual([`::/0 ${R1}`, `2001:db8:ffff::/48 ${R2}`])
    expect(via(h)).toBe(R2)
    hear(h, { src: R2, lifetime: 0, options: rio(48, 0x10, 600, far) })
    hear(h, { src: R2, lifetime: 0, options: rio(48, 0, 0, far) })
    expect(via(h)).toBe(R1)
    hear(h, { src: R1, lifetime: 1800, options: rio(0, 0x18, 0, []) })
    expect(learnt(h)).toEqual([])
  })

  it('no more than the limit are learnt (RFC 6583 §6)', () => {
    const h = autoHost({ 'net.inet6.ip6.maxifdefrouters': 3 })
    for (let i = 1; i <= 9; i++) hear(h, { src: `fe80::${i}` })
    expect([learnt(h).length, h.vn.state.nd.stats.routelimit]).toEqual([3, 6])
  })
})

describe('prefixes on the link (RFC 4861 §6.3.4, RFC 5942)', () => {
  it('on-link for the valid lifetime; without the flag nothing is said', () => {
    const h = autoHost()
    hear(h, { options: pio(P, 100, 50, 0x80) })
    hear(h, { options: pio(Q, 100, 50, 0) })
    expect(learnt(h)).toContain(`${P}/64`)
    expect(learnt(h).some((r) => r.startsWith(Q))).toBe(false)
    hear(h, { options: pio(P, 100, 50, 0) })
    expect(learnt(h)).toContain(`${P}/64`)
    pass(h, 101e6)
    expect(learnt(h)).not.toContain(`${P}/64`)
    expect(host(h).prefixes).toEqual([])
  })

  it('a lifetime of 0 takes it off the link at once; the link-local prefix and groups are ignored', () => {
    const h = autoHost()
    hear(h, { options: pio(P, 100, 50, 0x80) })
    hear(h, { options: pio(P, 0, 0, 0x80) })
    hear(h, { options: [...pio('fe80::', 100, 50), ...pio('ff05::', 100, 50)] })
    expect([learnt(h), host(h).prefixes, globals(h)]).toEqual([[`::/0 ${R1}`], [], []])
  })

  it('no more than the limit (RFC 6583 §6)', () => {
    const h = autoHost({ 'net.inet6.ip6.maxifprefixes': 4 })
    for (let i = 0; i < 200; i++) hear(h, { options: pio(`2001:db8:${i.toString(16)}::`, HOUR, HOUR) })
    expect([host(h).prefixes.length, globals(h).length, h.vn.state.nd.stats.prefixlimit]).toEqual([4, 4, 196])
  })
})

describe('addresses (RFC 4862 §5.5.3)', () => {
  it('is checked, then preferred; stable (RFC 7217), not the Ethernet address; without L no route of its own', () => {
    const h = autoHost()
    hear(h, { options: pio(P, HOUR, 1800, 0x40) })
    pass(h, 3e6)
    const [ia] = globals(h)
    expect([ia.status, ia.flags, ia.prefixLen, left(h, ia.preferredUntil), left(h, ia.validUntil)])
      .toEqual([IFA_PREFERRED, IA6_AUTOCONF, 64, 1797, 3597])
    expect(addrPrint(ia.addr)).toMatch(/^2001:db8:1:0?:/)
    expect(addrPrint(ia.addr)).not.toMatch(/ff:fe00:1$/)
    expect(learnt(h)).toEqual([`::/0 ${R1}`])
    expect(ofType(take(h), 135)).toHaveLength(1)
  })

  it('EUI-64 on demand (RFC 4291 appendix A)', () => {
    const h = autoHost({ 'net.inet6.ip6.stableaddr': 0 })
    hear(h, { options: pio(P, HOUR, 1800) })
    expect(globals(h).map((ia) => addrPrint(ia.addr))).toEqual(['2001:db8:1::ff:fe00:1'])
  })

  it.each([['preferred beyond valid', pio(P, 100, 101, 0x40)], ['63 bits', pio(P, 100, 50, 0x40, 63)],
    ['valid 0', pio(P, 0, 0, 0x40)], ['link-local', pio('fe80::', 100, 50, 0x40)], ['no flag', pio(P, 100, 50, 0x80)]])(
    'none for %s', (_what, options) => {
      const h = autoHost()
      hear(h, { options })
      expect(globals(h)).toEqual([])
    })

  it('deprecated when no longer preferred, gone when no longer valid (§5.5.4); a new advertisement renews', () => {
    const h = autoHost()
    hear(h, { options: pio(P, 100, 50) })
    pass(h, 51e6)
    expect(globals(h)[0].flags).toBe(IA6_AUTOCONF | IA6_DEPRECATED)
    hear(h, { options: pio(P, 100, 50) })
    expect(globals(h)[0].flags).toBe(IA6_AUTOCONF)
    pass(h, 99e6)
    expect(globals(h)).toHaveLength(1)
    pass(h, 2e6)
    expect(globals(h)).toEqual([])
  })

  // §5.5.3 e: what is left, what is advertised, what is left then
  it.each([
    [10_000, 20_000, 20_000], [10_000, 7_201, 7_201], [10_000, 5_000, 7_200], [10_000, 0, 7_200],
    [7_200, 7_100, 7_200], [100, 200, 200], [100, 50, 100], [100, 0, 100],
  ])('two hours: %i s left, %i s advertised: %i s', (before, told, after) => {
    const h = autoHost()
    hear(h, { options: pio(P, before, 60, 0x40) })
    hear(h, { options: pio(P, told, 0, 0x40) })
    expect(left(h, globals(h)[0].validUntil)).toBe(after)
    expect(globals(h)[0].flags & IA6_DEPRECATED).toBe(IA6_DEPRECATED)
  })

  it('all ones is for good', () => {
    const h = autoHost()
    hear(h, { options: pio(P, FOREVER, FOREVER) })
    pass(h, 1e12)
    expect(globals(h)).toMatchObject([{ preferredUntil: Infinity, validUntil: Infinity, flags: IA6_AUTOCONF }])
    expect(learnt(h)).toEqual([`${P}/64`])
  })

  it('a duplicate gets another identifier, three times at most (RFC 7217 §6)', () => {
    const h = autoHost()
    hear(h, { options: pio(P, HOUR, HOUR, 0x40) })
    const tried = new Set<string>()
    for (let n = 0; n < 8; n++) {
      const tentative = addrPrint(globals(h)[0].addr)
      tried.add(tentative)
      const payload = icmp6(136, 0, [0x20, 0, 0, 0, ...octets(tentative), 2, 1, 2, 0, 0, 0, 0, 9], tentative, 'ff02::1')
      if (globals(h)[0].status === IFA_TENTATIVE) {
        rx(h, frameOf(0x333300000001, 0x020000000009, 0x86dd, ip6({ src: tentative, dst: 'ff02::1', hops: 255, next: 58, payload })))
      }
      pass(h, 10)
    }
    expect(tried.size).toBe(4)
    expect(h.vn.state.nd.stats.dupaddr).toBe(4)
  })

  it('of two, the one that is not deprecated is the source (RFC 6724 §5 rule 3)', () => {
    const h = autoHost()
    hear(h, { options: [...pio(P, HOUR, 0), ...pio(Q, HOUR, HOUR)] })
    pass(h, 3e6)
    const src = createAddr()
    ip6SourceSelect(h.vn, h.ifp.id, FAR, src)
    expect(addrPrint(src)).toMatch(/^2001:db8:2:/)
  })

  it('listening no longer takes everything away; what was set by hand stays', () => {
    const h = autoHost()
    hear(h, { options: [...pio(P, HOUR, HOUR), 5, 1, 0, 0, ...word(1400), 25, 3, 0, 0, ...word(600), ...octets('2001:db8::53')] })
    pass(h, 3e6)
    expect(ndAutoStop(h.vn, h.ifp.id)).toBe(0)
    expect([globals(h), learnt(h), resolverServers(h.vn.state.resolver), i6(h).linkMtu]).toEqual([[], [], [], 0])
    expect(i6(h).addrs).toHaveLength(1)
  })
})

describe('temporary addresses (RFC 8981)', () => {
  const DAY = 86_400
  const temps = (h: Host) => globals(h).filter((ia) => (ia.flags & IA6_TEMPORARY) !== 0)
  const temp = (more: Record<string, number> = {}): Host => autoHost({ 'net.inet6.ip6.use_tempaddr': 1, ...more })

  it('one beside the stable one, with lifetimes of its own less a random part; the source of what we send (RFC 6724 rule 7)', () => {
    const h = temp()
    hear(h, { options: pio(P, 30 * DAY, 7 * DAY) })
    pass(h, 3e6)
    expect(globals(h)).toHaveLength(2)
    const [ia] = temps(h)
    expect(left(h, ia.validUntil)).toBe(2 * DAY - 3)
    expect(left(h, ia.preferredUntil)).toBeLessThanOrEqual(DAY - 3)
    expect(left(h, ia.preferredUntil)).toBeGreaterThanOrEqual(0.6 * DAY - 4)
    const src = createAddr()
    ip6SourceSelect(h.vn, h.ifp.id, FAR, src)
    expect(addrPrint(src)).toBe(addrPrint(ia.addr))
  })

  it('never beyond the lifetimes of the prefix (§3.3)', () => {
    const h = temp()
    hear(h, { options: pio(P, 1000, 500) })
    expect([left(h, temps(h)[0].preferredUntil), left(h, temps(h)[0].validUntil)]).toEqual([500, 1000])
  })

  it('another 5 s (2 + 3 × 1 × 1 s) before it is no longer preferred; the old one is deprecated, then goes (§3.4, §3.8)', () => {
    const h = temp({ 'net.inet6.ip6.temppltime': 1000, 'net.inet6.ip6.tempvltime': 2000 })
    hear(h, { lifetime: 9000, options: pio(P, FOREVER, FOREVER) })
    const [first] = temps(h)
    pass(h, first.preferredUntil - h.vn.state.now - 5_000_001)
    expect(temps(h)).toHaveLength(1)
    pass(h, 2)
    expect(temps(h)).toHaveLength(2)
    pass(h, 5e6)
    expect(temps(h).map((ia) => ia.flags & IA6_DEPRECATED)).toEqual([IA6_DEPRECATED, 0])
    pass(h, first.validUntil - h.vn.state.now)
    expect(temps(h).some((ia) => ia.id === first.id)).toBe(false)
    pass(h, 1e10)
    expect(temps(h).length).toBeLessThanOrEqual(4)
    expect(temps(h).filter((ia) => (ia.flags & IA6_DEPRECATED) === 0).length).toBeGreaterThanOrEqual(1)
  })

  it('two hosts do not change theirs at the same time', () => {
    const at = [1, 2, 3].map((seed) => {
      const h = autoHost({ 'net.inet6.ip6.use_tempaddr': 1 }, seed)
      hear(h, { options: pio(P, FOREVER, FOREVER) })
      return Math.floor(temps(h)[0].preferredUntil / 60e6)
    })
    expect(new Set(at).size).toBe(3)
  })

  it('none where the prefix is preferred for no longer than the time to check one (§3.4)', () => {
    const h = temp()
    hear(h, { options: pio(P, 100, 5) })
    expect(temps(h)).toEqual([])
  })
})

describe('name servers (RFC 8106 §5)', () => {
  const rdnss = (life: number, ...servers: string[]) => [25, 1 + 2 * servers.length, 0, 0, ...word(life), ...servers.flatMap(octets)]
  const name = (text: string) => [...text.split('.').flatMap((l) => [l.length, ...Buffer.from(l)]), 0]
  const dnssl = (life: number, ...names: string[]) => {
    const bytes = names.flatMap(name)
    while (bytes.length % 8 !== 0) bytes.push(0)
    return [31, 1 + bytes.length / 8, 0, 0, ...word(life), ...bytes]
  }
  const known = (h: Host) => [resolverServers(h.vn.state.resolver).map(addrPrint), resolverSearch(h.vn.state.resolver)]

  it('servers, also link-local ones with their zone, and domains are in the resolver, for their lifetime', () => {
    const h = autoHost()
    hear(h, { options: [...rdnss(100, '2001:db8::53', 'fe80::53'), ...dnssl(50, 'example.org', 'lab.example.com')] })
    expect(known(h)).toEqual([['2001:db8::53', `fe80::53%${h.ifp.id}`], ['example.org', 'lab.example.com']])
    pass(h, 51e6)
    expect(known(h)[1]).toEqual([])
    pass(h, 50e6)
    expect(known(h)).toEqual([[], []])
  })

  it('a lifetime of 0 ends one at once, the others stay (§5.1)', () => {
    const h = autoHost()
    hear(h, { options: rdnss(100, '2001:db8::53', '2001:db8::54') })
    hear(h, { options: rdnss(0, '2001:db8::53') })
    expect(known(h)).toEqual([['2001:db8::54'], []])
  })

  it.each([
    ['even length', [25, 2, 0, 0, 0, 0, 0, 9, ...new Array<number>(8).fill(1)]],
    ['label beyond the end', [31, 2, 0, 0, 0, 0, 0, 9, 63, 97, 97, 97, 97, 97, 97, 97]],
    ['no host name', [31, 2, 0, 0, 0, 0, 0, 9, 3, 97, 10, 97, 0, 0, 0, 0]], ['a group', rdnss(9, 'ff02::1')],
  ])('%s: ignored', (_what, options) => {
    const h = autoHost()
    hear(h, { options })
    expect(known(h)).toEqual([[], []])
  })

  it('no more than eight', () => {
    const h = autoHost()
    for (let i = 1; i < 100; i++) hear(h, { options: rdnss(100, `2001:db8::${i}`) })
    expect(known(h)[0]).toHaveLength(8)
  })
})

describe('state', () => {
  it('an address that somebody removes by hand comes back with the next advertisement, not before', () => {
    const h = autoHost()
    hear(h, { options: pio(P, HOUR, HOUR) })
    ip6DelAddr(h.vn, h.ifp.id, globals(h)[0].addr)
    hear(h, { options: pio(P, HOUR, HOUR) })
    expect(globals(h)).toHaveLength(1)
  })

  it('a clone in the middle goes on as the original', () => {
    const h = autoHost({ 'net.inet6.ip6.use_tempaddr': 1 })
    hear(h, { options: [...slla(), ...pio(P, HOUR, 1800)] })
    const copy = h.vnet.clone()
    expect(Buffer.compare(copy.snapshot(), h.vnet.snapshot())).toBe(0)
    for (let n = 0; n < 50; n++) {
      const at = h.vnet.nextDeadline()
      if (at === Infinity) break
      for (const v of [h.vnet, copy]) {
        v.advance(at)
        v.drainFrames(() => { /* elsewhere */ })
      }
      expect(Buffer.compare(copy.snapshot(), h.vnet.snapshot())).toBe(0)
    }
    expect(globals(h)).toEqual([])
  })
})
