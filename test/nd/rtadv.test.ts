/** The router's side (RFC 4861 §6.2), and redirects both ways (§8). */

import { describe, expect, it } from 'vitest'
import { ip6AddAddr, ip6Enable } from '../../src/ip6/ifaddr.ts'
import { route6Add, route6Lookup } from '../../src/ip6/route.ts'
import { addrParse, addrPrint, createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { ndAdvertStart, ndAdvertStop } from '../../src/nd/rtadv.ts'
import { createNdAdvertConfig, createNdAdvertPrefix, createNdAdvertRoute } from '../../src/nd/state-adverts.ts'
import type { NdAdvertConfig } from '../../src/nd/state-adverts.ts'
import { createHost, pass, rx, take } from '../ip/harness.ts'
import type { Host, Sent } from '../ip/harness.ts'
import { frameOf } from '../ip/packet.ts'
import { echo6, icmp6, ip6, octets, readIcmp6 } from '../ip6/build.ts'
import { R1, R2, autoHost, hear, learnt, macOf, ofType, pio, slla, toMe, word } from './router.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

const a = (text: string): Addr => addrParse(text) as Addr
const P = '2001:db8:1::'

function router(change: (c: NdAdvertConfig) => void = () => { /* as it is */ }, sysctls: Record<string, number> = {}): Host {
  const h = createHost({ bare: true, sysctls: { 'net.inet6.ip6.forwarding': 1, ...sysctls } })
  h.ifp.flags |= 1
  const config = createNdAdvertConfig()
  change(config)
  expect(ndAdvertStart(h.vn, h.ifp.id, config)).toBe(0)
  return h
}

function adverts(h: Host): Sent[] {
  return ofType(take(h), 134)
}

function solicit(src = 'fe80::77', options = [1, 1, 2, 0, 0, 0, 0, 0x77]): Uint8Array {
  const payload = icmp6(133, 0, [0, 0, 0, 0, ...options], src, 'ff02::2')
  return frameOf(0x333300000002, 0x020000000077, 0x86dd, ip6({ src, dst: 'ff02::2', hops: 255, next: 58, payload }))
}

describe('advertisements', () => {
  it('three within 16 s of each other, then between MinRtrAdvInterval and MaxRtrAdvInterval (§6.2.4)', () => {
    const h = router()
    pass(h, 3600e6)
    const at = adverts(h).map((s) => s.at / 1e6)
    const gaps = at.slice(1).map((t, i) => t - at[i])
    expect(gaps.slice(0, 2).every((g) => g <= 16.001)).toBe(true)
    for (const g of gaps.slice(2)) {
      expect(g).toBeGreaterThanOrEqual(200)
      expect(g).toBeLessThanOrEqual(600)
    }
    expect(gaps.length).toBeGreaterThan(6)
  })

  it('says everything that is configured (§4.2, §4.6; RFC 4191 §2; RFC 8106 §5)', () => {
    const h = router((c) => {
      Object.assign(c, { managed: true, otherConfig: true, preference: 1, linkMtu: 1400, reachableMs: 30_000, retransMs: 1000 })
      c.prefixes.push({ ...createNdAdvertPrefix(a(P), 64), validS: 7200, preferredS: 3600 })
      c.routes.push({ ...createNdAdvertRoute(a('2001:db8:ff00::'), 40), preference: -1, lifetimeS: 600 })
      c.servers.push(a('2001:db8::53'))
      c.search.push('example.org')
    })
    pass(h, 4e6)
    const [s] = adverts(h)
    expect(s.ether.dst).toBe(0x333300000001)
    const m = readIcmp6(s.bytes.slice(14))
    expect([m.hops, m.code]).toEqual([255, 0])
    expect(m.rest).toBe(((64 << 24) | (0xc8 << 16) | 1800) >>> 0)
    expect(m.data).toEqual([
      ...word(30_000), ...word(1000), 1, 1, 2, 0, 0, 0, 0, 1, 5, 1, 0, 0, ...word(1400), ...pio(P, 7200, 3600),
      24, 3, 40, 0x18, ...word(600), ...octets('2001:db8:ff00::'), 25, 3, 0, 0, ...word(1800), ...octets('2001:db8::53'),
      31, 3, 0, 0, ...word(1800), 7, ...Buffer.from('example'), 3, ...Buffer.from('org'), 0, 0, 0, 0,
    ])
  })

  it('is no default router while it does not forward (§6.2.1)', () => {
    const h = router(undefined, { 'net.inet6.ip6.forwarding': 0 })
    pass(h, 4e6)
    expect(readIcmp6(adverts(h)[0].bytes.slice(14)).rest & 0xffff).toBe(0)
  })

  it('who asks is answered within half a second, to all; the next not before 3 s are over (§6.2.6)', () => {
    const h = router()
    pass(h, 100e6)
    take(h)
    const t0 = h.vn.state.now
    for (let n = 0; n < 50; n++) {
      rx(h, solicit())
      pass(h, 100_000)
    }
    const at = adverts(h).map((s) => (s.at - t0) / 1e6)
    expect(at[0]).toBeLessThanOrEqual(0.5)
    expect(at[1] - at[0]).toBeGreaterThanOrEqual(3)
    expect(at[1] - at[0]).toBeLessThanOrEqual(3.6)
    expect(at.length).toBe(2)
    // the asker is known, and no router
    expect([...h.vn.state.nd.table.values()].flat()).toMatchObject([{ mac: 0x020000000077, isRouter: false }])
  })

  it.each([['from :: with an Ethernet address', solicit('::'), 'nd.badsource'],
    ['with an option of length 0', solicit('fe80::77', [1, 0, 0, 0, 0, 0, 0, 0]), 'nd.badoption']])(
    'a question %s is discarded (§6.1.1)', (_what, bytes, counter) => {
      const h = router()
      pass(h, 100e6)
      take(h)
      rx(h, bytes)
      expect(h.drops).toEqual([counter])
    })

  it('ceasing, it says so with a lifetime of 0 (§6.2.5)', () => {
    const h = router()
    pass(h, 100e6)
    take(h)
    expect(ndAdvertStop(h.vn, h.ifp.id)).toBe(0)
    pass(h, 4000e6)
    const last = adverts(h)
    expect(last).toHaveLength(1)
    expect(readIcmp6(last[0].bytes.slice(14)).rest & 0xffff).toBe(0)
  })

  it.each([{ maxS: 3 }, { maxS: 1801 }, { minS: 2 }, { minS: 451 }, { lifetimeS: 599 }, { lifetimeS: 65_536 }])(
    'refuses %o: out of the bounds of §6.2.1', (change) => {
      const h = createHost({ bare: true })
      expect(ndAdvertStart(h.vn, h.ifp.id, { ...createNdAdvertConfig(), ...change })).toBe(22)
    })
})

describe('redirects heard (§8.1, §8.3)', () => {
  const DST = '2001:db8:ffff::9'

  function redirect(o: { src?: string; target?: string; dst?: string; options?: number[]; hops?: number } = {}): Uint8Array {
    const { src = R1, target = R2, dst = DST, options = [2, 1, 2, 0, 0, 0, 1, 2] } = o
    return frameOf(0x020000000001, macOf(R1), 0x86dd, ip6({
      src, dst: 'ff02::1', hops: o.hops ?? 255, next: 58,
      payload: icmp6(137, 0, [0, 0, 0, 0, ...octets(target), ...octets(dst), ...options], src, 'ff02::1'),
    }))
  }

  const ready = (sysctls: Record<string, number> = {}): Host => {
    const h = autoHost(sysctls)
    hear(h)
    take(h)
    return h
  }

  it('the better router is used for that destination, for as long as the sysctl says; the neighbour is known', () => {
    const h = ready()
    rx(h, redirect())
    expect(learnt(h)).toEqual([`::/0 ${R1}`, `${DST}/128 ${R2}`])
    expect([...h.vn.state.nd.table.values()].flat().find((e) => addrPrint(e.addr).startsWith(R2))).toMatchObject({ isRouter: true })
    pass(h, 601e6)
    expect(learnt(h)).toEqual([`::/0 ${R1}`])
  })

  it('a target that is the destination is on the link', () => {
    const h = ready()
    rx(h, redirect({ target: DST }))
    expect(route6Lookup(h.vn, a(DST))?.gateway).toEqual(createAddr())
  })

  it.each([
    ['not from the router in use', { src: R2 }, 'nd.notfirsthop'], ['a global source', { src: '2001:db8::1' }, 'nd.badsource'],
    ['a global target', { target: '2001:db8::5' }, 'nd.badtarget'], ['a group', { dst: 'ff05::1', target: 'ff05::1' }, 'nd.badtarget'],
    ['hop limit 64', { hops: 64 }, 'nd.badhoplimit'], ['a bad option', { options: [2, 0, 0, 0, 0, 0, 0, 0] }, 'nd.badoption'],
  ])('%s is discarded', (_what, o, counter) => {
    const h = ready()
    rx(h, redirect(o))
    expect([h.drops, learnt(h)]).toEqual([[counter], [`::/0 ${R1}`]])
  })

  it('is not listened to where sysctl rediraccept is 0', () => {
    const h = ready({ 'net.inet6.icmp6.rediraccept': 0 })
    rx(h, redirect())
    expect([h.drops, learnt(h)]).toEqual([['nd.ignored'], [`::/0 ${R1}`]])
  })

  it('no more are remembered than the limit; the oldest give way', () => {
    const h = ready({ 'net.inet6.ip6.maxdynroutes': 5 })
    for (let i = 1; i <= 50; i++) rx(h, redirect({ dst: `2001:db8:ffff::${i}` }))
    expect(learnt(h)).toHaveLength(6)
    expect(learnt(h)).toContain(`2001:db8:ffff::50/128 ${R2}`)
  })
})

describe('redirects sent (§8.2)', () => {
  function forwarder(): Host {
    const h = createHost({ bare: true, sysctls: { 'net.inet6.ip6.forwarding': 1 } })
    h.ifp.flags |= 1
    ip6Enable(h.vn, h.ifp.id)
    ip6AddAddr(h.vn, h.ifp.id, a('2001:db8:1::1'), 64)
    pass(h, 3e6)
    hear(h, { src: R2, options: slla(R2) })
    route6Add(h.vn, a('2001:db8:ffff::'), 48, a(R2), h.ifp.id, 0)
    take(h)
    return h
  }
  const through = (h: Host, src: string, dst: string): Sent[] => {
    rx(h, toMe(R1, dst, echo6(8, dst, src), src))
    pass(h, 10_000)
    return take(h)
  }

  it('a neighbour is told of the better router, with the packet quoted; the packet goes on', () => {
    const h = forwarder()
    expect(ndLearn(h)).toBe(0)
    const sent = through(h, '2001:db8:1::77', '2001:db8:ffff::9')
    const [told] = ofType(sent, 137)
    const m = readIcmp6(told.bytes.slice(14))
    expect(m.hops).toBe(255)
    expect(m.data.slice(0, 32)).toEqual([...octets(R2), ...octets('2001:db8:ffff::9')])
    expect(m.data.slice(32, 34)).toEqual([4, 8])
    expect(h.vn.state.ip6.stats.forward).toBe(1)
  })

  it('whoever is not on that link is not told, nor where the sysctl is 0', () => {
    const h = forwarder()
    expect(ofType(through(h, '2001:db8:9::77', '2001:db8:ffff::9'), 137)).toEqual([])
    sysctlsIn(h.vn.state)['net.inet6.ip6.redirect'] = 0
    expect(ofType(through(h, '2001:db8:1::77', '2001:db8:ffff::9'), 137)).toEqual([])
  })

  it('no more in a second than errors', () => {
    const h = forwarder()
    ndLearn(h)
    sysctlsIn(h.vn.state)['net.inet6.icmp6.errppslimit'] = 5
    for (let i = 0; i < 100; i++) through(h, '2001:db8:1::77', '2001:db8:ffff::9')
    expect(h.vn.state.nd.stats.txredirects).toBeLessThanOrEqual(11)
  })

  /** The host asks for us, so that we know where to send what is for it. */
  function ndLearn(h: Host): number {
    const src = '2001:db8:1::77'
    const payload = icmp6(135, 0, [0, 0, 0, 0, ...octets('2001:db8:1::1'), 1, 1, 2, 0, 0, 0, 0, 0x77], src, '2001:db8:1::1')
    rx(h, frameOf(h.ifp.mac, 0x020000000077, 0x86dd, ip6({ src, dst: '2001:db8:1::1', hops: 255, next: 58, payload })))
    take(h)
    return 0
  }
})
