/** Neighbour messages octet by octet (RFC 4861 §7, RFC 4862 §5.4, RFC 6980), identifiers, source selection (RFC 6724). */

import { describe, expect, it } from 'vitest'
import { ip6AddAddr, ip6Addrs, ip6LinkLocal } from '../../src/ip6/ifaddr.ts'
import { ip6SourceSelect } from '../../src/ip6/source.ts'
import { IA6_DEPRECATED, IA6_TEMPORARY } from '../../src/ip6/state.ts'
import type { Ip6If } from '../../src/ip6/state.ts'
import { addrParse, addrPrint, createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { IFA_DUPLICATED, IFA_PREFERRED, IFA_TENTATIVE } from '../../src/link/state.ts'
import { ND_DELAY, ND_REACHABLE, ND_STALE } from '../../src/nd/state.ts'
import { MY_MAC, PEER_MAC, createHost, rx, take } from '../ip/harness.ts'
import type { Host } from '../ip/harness.ts'
import { frameOf } from '../ip/packet.ts'
import { fragmentHeader, icmp6, ip6, octets, readIcmp6 } from './build.ts'

const ME = 'fd00::1'
const PEER = 'fd00::2'
const SN = 'ff02::1:ff00:1'
const MAC_OPT = [0x02, 0, 0, 0, 0, 0x02]

function host(sysctls: Record<string, number> = {}): Host {
  const h = createHost({ sysctls })
  expect(ip6AddAddr(h.vn, h.ifp.id, addrParse(ME) as Addr, 64, false)).toBe(0)
  h.vnet.advance(5e6)
  h.vnet.drainFrames(() => { /* detection of the link-local address */ })
  take(h)
  return h
}

function solicit(target: string, o: { src?: string; dst?: string; options?: number[]; hops?: number; code?: number } = {}): Uint8Array {
  const { src = PEER, dst = SN, options = [1, 1, ...MAC_OPT], hops = 255, code = 0 } = o
  const packet = ip6({ src, dst, hops, next: 58, payload: icmp6(135, code, [0, 0, 0, 0, ...octets(target), ...options], src, dst) })
  return frameOf(dst === SN ? 0x3333ff000001 : MY_MAC, PEER_MAC, 0x86dd, packet)
}

function advert(target: string, flags: number, mac: number[] | null, dst = ME): Uint8Array {
  const options = mac === null ? [] : [2, 1, ...mac]
  const payload = icmp6(136, 0, [flags, 0, 0, 0, ...octets(target), ...options], target, dst)
  const packet = ip6({ src: target, dst, hops: 255, next: 58, payload })
  return frameOf(MY_MAC, PEER_MAC, 0x86dd, packet)
}

function neighbour(h: Host): { status: number; mac: number; isRouter: boolean } | null {
  const [entry] = [...h.vn.state.nd.table.values()].flat()
  return entry === undefined ? null : { status: entry.status, mac: entry.mac, isRouter: entry.isRouter }
}

describe('solicitations (RFC 4861 §7.1.1, §7.2.3, §7.2.4)', () => {
  it('one for our address is answered: solicited, override, our Ethernet address; the sender is then known, STALE', () => {
    const h = host()
    rx(h, solicit(ME))
    const [answer] = take(h)
    expect(answer.ether).toEqual({ dst: PEER_MAC, src: MY_MAC, type: 0x86dd })
    const m = readIcmp6(answer.bytes.slice(14))
    expect(m).toMatchObject({ type: 136, code: 0, rest: 0x60000000, hops: 255 })
    expect(m.data).toEqual([...octets(ME), 2, 1, 2, 0, 0, 0, 0, 1])
    expect(neighbour(h)).toMatchObject({ status: ND_DELAY, mac: PEER_MAC })
  })

  it('a router says so in its advertisements', () => {
    const h = host({ 'net.inet6.ip6.forwarding': 1 })
    rx(h, solicit(ME))
    expect(readIcmp6(take(h)[0].bytes.slice(14)).rest).toBe(0xe0000000)
  })

  it('one of detection (source ::) for an address of ours is answered to all nodes, unsolicited (RFC 4862 §5.4.3)', () => {
    const h = host()
    rx(h, solicit(ME, { src: '::', options: [] }))
    const [answer] = take(h)
    expect(answer.ether.dst).toBe(0x333300000001)
    expect(readIcmp6(answer.bytes.slice(14))).toMatchObject({ type: 136, rest: 0x20000000 })
    expect(neighbour(h)).toBeNull()
  })

  it.each([
    ['a hop limit below 255', solicit(ME, { hops: 254 }), 'nd.badhoplimit'],
    ['a code', solicit(ME, { code: 1 }), 'nd.badcode'],
    ['a group as target', solicit('ff02::1'), 'nd.badtarget'],
    ['an option of length 0', solicit(ME, { options: [1, 0, ...MAC_OPT] }), 'nd.badoption'],
    ['an option that is cut off', solicit(ME, { options: [1, 2, ...MAC_OPT] }), 'nd.badoption'],
    ['detection that names an Ethernet address', solicit(ME, { src: '::' }), 'nd.badsource'],
    ['detection to a unicast address', solicit(ME, { src: '::', dst: ME, options: [] }), 'nd.badsource'],
    ['a group as Ethernet address', solicit(ME, { options: [1, 1, 0x33, 0x33, 0, 0, 0, 1] }), 'nd.badoption'],
    ['somebody else\'s address', solicit('fd00::ff00:1'), 'nd.ignored'],
    ['a sender that is not on the link (RFC 5942 §4)', solicit(ME, { src: '2001:db8::1' }), 'nd.notneighbour'],
  ])('ignored: %s', (_what, bytes, counter) => {
    const h = host()
    rx(h, bytes)
    expect(h.drops).toEqual([counter])
    expect(take(h)).toEqual([])
    expect(neighbour(h)).toBeNull()
  })

  it('in a fragment they are ignored (RFC 6980 §5)', () => {
    const h = host()
    const message = icmp6(135, 0, [0, 0, 0, 0, ...octets(ME), 1, 1, ...MAC_OPT], PEER, SN)
    rx(h, frameOf(0x3333ff000001, PEER_MAC, 0x86dd, ip6({
      dst: SN, hops: 255, next: 44, payload: [...fragmentHeader(58, 0, false, 1), ...message],
    })))
    expect(h.drops).toEqual(['nd.fragmented'])
  })
})

describe('advertisements (RFC 4861 §7.2.5)', () => {
  const R = 0x80
  const S = 0x40
  const O = 0x20
  const other = [0x02, 0, 0, 0, 0, 0x99]

  it('one about a neighbour that nobody asked for makes no entry', () => {
    const h = host()
    rx(h, advert(PEER, S | O, MAC_OPT))
    expect(h.drops).toEqual(['nd.unsolicited'])
    expect(neighbour(h)).toBeNull()
  })

  /** A host that knows PEER as STALE. */
  function knows(): Host {
    const h = host()
    rx(h, advert(PEER, 0, MAC_OPT))
    rx(h, solicit(ME))
    take(h)
    // what answering the solicitation began
    rx(h, advert(PEER, S, null))
    return h
  }

  it.each([
    ['solicited confirms', S, null, ND_REACHABLE, PEER_MAC, false],
    ['solicited with another address and override: taken, confirmed', S | O, other, ND_REACHABLE, 0x020000000099, false],
    ['with another address without override: kept, but in doubt', S, other, ND_STALE, PEER_MAC, false],
    ['unsolicited with another address and override: taken, in doubt', O, other, ND_STALE, 0x020000000099, false],
    ['unsolicited with the same address changes nothing', O, MAC_OPT, ND_REACHABLE, PEER_MAC, false],
    ['the router flag is noted', R | S, null, ND_REACHABLE, PEER_MAC, true],
  ])('%s', (_what, flags, mac, status, is, isRouter) => {
    const h = knows()
    expect(neighbour(h)).toMatchObject({ status: ND_REACHABLE })
    rx(h, advert(PEER, flags, mac))
    expect(neighbour(h)).toEqual({ status, mac: is, isRouter })
  })

  it('about our tentative address: a duplicate (RFC 4862 §5.4.4)', () => {
    const h = host()
    ip6AddAddr(h.vn, h.ifp.id, addrParse('fd00::9') as Addr, 64)
    expect(ip6Addrs(h.vn, h.ifp.id).at(-1)?.status).toBe(IFA_TENTATIVE)
    rx(h, advert('fd00::9', O, MAC_OPT, 'ff02::1'))
    expect(ip6Addrs(h.vn, h.ifp.id).at(-1)?.status).toBe(IFA_DUPLICATED)
  })

  it('a scan for a thousand addresses leaves the table within its bound, and does not push out who answered (RFC 6583 §6)', () => {
    const h = host({ 'net.inet6.icmp6.nd6_maxentries': 64 })
    rx(h, solicit(ME))
    take(h)
    for (let i = 0; i < 1000; i++) rx(h, solicit(ME, { src: `fd00::1:${i.toString(16)}`, options: [] }))
    expect(h.vn.state.nd.count).toBeLessThanOrEqual(64)
    expect([...h.vn.state.nd.table.values()].flat().some((e) => addrPrint(e.addr) === PEER)).toBe(true)
  })

  it('nor does a scan from outside of a hundred thousand, by a router: who answered is spoken to, who is new is still found', () => {
    const h = host({ 'net.inet6.icmp6.nd6_maxentries': 256, 'net.inet6.ip6.forwarding': 1, 'net.inet6.ip6.redirect': 0 })
    rx(h, solicit(ME))
    take(h)
    const to = (dst: string): Uint8Array => {
      const packet = ip6({ src: '2001:db8::1', dst, next: 59, payload: [] })
      return frameOf(MY_MAC, 0x020000000077, 0x86dd, packet)
    }
    let asked = 0
    for (let i = 0; i < 100_000; i++) {
      rx(h, to(`fd00::1:${(i >> 16).toString(16)}:${(i & 0xffff).toString(16)}`))
      if (i % 100 !== 0) continue
      asked += take(h).length
      h.vnet.advance(h.vn.state.now + 1000)
    }
    take(h)
    expect(asked).toBeGreaterThan(0)
    const { nd, ip6: { stats } } = h.vn.state
    expect([nd.count, nd.heldBytes < 65_536, stats.cantforward]).toMatchObject([256, true, 0])
    rx(h, to(PEER))
    expect(take(h).map((s) => s.ether.dst)).toEqual([PEER_MAC])
    rx(h, to('fd00::3'))
    rx(h, advert('fd00::3', S, [2, 0, 0, 0, 0, 3]))
    expect(take(h).map((s) => s.ether.dst)).toEqual([0x3333ff000003, 0x020000000003])
  })
})

describe('interface identifiers', () => {
  it('opaque ones are stable and differ by prefix and counter (RFC 7217 §5)', () => {
    const [a, b] = [host(), host()]
    const of = (h: Host, n: number): string => addrPrint({ ...ip6LinkLocal(h.vn, h.ifp, n), zone: 0 })
    expect(of(a, 0)).toBe(of(b, 0))
    expect(of(a, 1)).not.toBe(of(a, 0))
    expect(of(a, 0)).toMatch(/^fe80::/)
  })

  it('EUI-64 where the tunable says so (RFC 4291 appendix A)', () => {
    const h = host({ 'net.inet6.ip6.stableaddr': 0 })
    expect(addrPrint({ ...ip6LinkLocal(h.vn, h.ifp, 0), zone: 0 })).toBe('fe80::ff:fe00:1')
  })
})

describe('source addresses (RFC 6724 §5)', () => {
  function choose(addrs: [string, number?][], dst: string, sysctls: Record<string, number> = {}): string {
    const h = createHost({ sysctls: { 'net.inet6.ip6.auto_linklocal': 0, ...sysctls } })
    for (const [text] of addrs) expect(ip6AddAddr(h.vn, h.ifp.id, addrParse(text) as Addr, 64, false)).toBe(0)
    const i6 = h.vn.state.ip6.ifs.get(h.ifp.id) as Ip6If
    addrs.forEach(([, flags], i) => {
      i6.addrs[i].flags = flags ?? 0
      expect(i6.addrs[i].status).toBe(IFA_PREFERRED)
    })
    const out = createAddr()
    const found = ip6SourceSelect(h.vn, h.ifp.id, addrParse(dst) as Addr, out)
    i6.addrs.forEach((ia) => { ia.flags = 0 })
    return found ? addrPrint({ ...out, zone: 0 }) : 'none'
  }

  it.each([
    ['rule 2: the smallest scope that reaches', [['fe80::1'], ['2001:db8::1']], '2001:db8:9::1', '2001:db8::1'],
    ['rule 2: link-local speaks from link-local', [['2001:db8::1'], ['fe80::1']], 'fe80::9', 'fe80::1'],
    ['rule 3: not a deprecated one', [['2001:db8::1', IA6_DEPRECATED], ['2001:db8:1::1']], '2001:db8::9', '2001:db8:1::1'],
    ['rule 6: the label of the destination', [['2001:db8::1'], ['2002:c633:6401::1']], '2002:c633:6402::1', '2002:c633:6401::1'],
    ['rule 6: ULA to ULA', [['2001:db8::1'], ['fd00::1']], 'fd01::1', 'fd00::1'],
    ['rule 7: a temporary one', [['2001:db8::1'], ['2001:db8::2', IA6_TEMPORARY]], '2001:db8:9::1', '2001:db8::2'],
    ['rule 8: the longest matching prefix', [['2001:db8:1::1'], ['2001:db8:3ffe::1']], '2001:db8:3fff::1', '2001:db8:3ffe::1'],
  ] as [string, [string, number?][], string, string][])('%s', (_what, addrs, dst, src) => {
    expect(choose(addrs, dst)).toBe(src)
  })

  it('rule 7 the other way where the user says so', () => {
    expect(choose([['2001:db8::1'], ['2001:db8::2', IA6_TEMPORARY]], '2001:db8:9::1', { 'net.inet6.ip6.prefer_tempaddr': 0 }))
      .toBe('2001:db8::1')
  })
})
