import { describe, expect, it } from 'vitest'
import { pmtuGet, pmtuPlateau, pmtuUpdate } from '../../src/ip/pmtu.ts'
import { routeAdd, routeDelete, routeList, routeLookup } from '../../src/ip/route.ts'
import { RTF_BLACKHOLE, RTF_GATEWAY, RTF_HOST, RTF_PINNED, RTF_REJECT, RTF_STATIC, RTF_UP } from '../../src/ip/state.ts'
import { ip4Mask, ip4Print } from '../../src/lib/addr.ts'
import { IFF_UP } from '../../src/link/state.ts'
import { ifSetFlags } from '../../src/link/ifnet.ts'
import { addEther, createHost, ip, pass, send, take } from './harness.ts'
import type { Host } from './harness.ts'

function gatewayOf(h: Host, dst: string): string | null {
  const route = routeLookup(h.vn, ip(dst))
  return route === null ? null : ip4Print(route.gateway)
}

describe('longest prefix match (RFC 1812 §5.2.4.3)', () => {
  it('agrees with a search through all routes, for 300 random tables of routes and destinations', () => {
    const h = createHost({ bare: true })
    const tun = addEther(h, 'eth1', '02:00:00:00:01:01', '10.1.0.1/24')
    let x = 12345
    const random = (n: number): number => {
      x = (Math.imul(x, 1103515245) + 12345) | 0
      return (x >>> 8) % n
    }
    const flat: { dst: number; len: number }[] = []
    for (let i = 0; i < 300; i++) {
      const len = random(33)
      const dst = ((0xc0000000 + random(1 << 20) * 256) | 0) & ip4Mask(len)
      if (routeAdd(h.vn, dst, len, 0, tun.id, RTF_STATIC) === 0) flat.push({ dst, len })
    }
    for (let i = 0; i < 2000; i++) {
      const to = (0xc0000000 + random(1 << 24) * 16) | 0
      const best = flat.filter((r) => (to & ip4Mask(r.len)) === r.dst).sort((a, b) => b.len - a.len)[0]
      const found = routeLookup(h.vn, to)
      expect([found?.dst, found?.prefixLen]).toEqual([best?.dst, best?.len])
    }
    for (const r of flat.splice(0, 150)) expect(routeDelete(h.vn, r.dst, r.len)).toBe(0)
    for (let i = 0; i < 500; i++) {
      const to = (0xc0000000 + random(1 << 24) * 16) | 0
      const best = flat.filter((r) => (to & ip4Mask(r.len)) === r.dst).sort((a, b) => b.len - a.len)[0]
      expect(routeLookup(h.vn, to)?.prefixLen).toBe(best?.len)
    }
  })

  it('among equals the lowest metric; one whose interface is down is passed over', () => {
    const h = createHost()
    const eth1 = addEther(h, 'eth1', '02:00:00:00:01:01', '10.1.0.1/24')
    expect(routeAdd(h.vn, 0, 0, ip('10.0.0.9'), 0, 0, 20)).toBe(0)
    expect(routeAdd(h.vn, 0, 0, ip('10.1.0.9'), 0, 0, 10)).toBe(0)
    expect(gatewayOf(h, '192.0.2.1')).toBe('10.1.0.9')
    ifSetFlags(h.vn, eth1.id, eth1.flags & ~IFF_UP)
    expect(gatewayOf(h, '192.0.2.1')).toBe('10.0.0.9')
    ifSetFlags(h.vn, eth1.id, eth1.flags | IFF_UP)
    expect(gatewayOf(h, '192.0.2.1')).toBe('10.1.0.9')
    expect(routeDelete(h.vn, 0, 0, ip('10.1.0.9'))).toBe(0)
    expect(gatewayOf(h, '192.0.2.1')).toBe('10.0.0.9')
    pass(h, 0)
  })

  it('RFC 1122 §3.3.1.4, §3.3.1.5: a gateway that does not answer gives way to the next one for a while', () => {
    const h = createHost()
    routeAdd(h.vn, 0, 0, ip('10.0.0.8'), 0, 0, 1)
    routeAdd(h.vn, 0, 0, ip('10.0.0.9'), 0, 0, 2)
    send(h, '192.0.2.1', 253, Uint8Array.of(1))
    pass(h, 5_000_000)
    expect(gatewayOf(h, '192.0.2.1')).toBe('10.0.0.9')
    send(h, '192.0.2.1', 253, Uint8Array.of(1))
    pass(h, 5_000_000)
    expect(gatewayOf(h, '192.0.2.1')).toBe('10.0.0.8')
    pass(h, 20_000_000)
    expect(gatewayOf(h, '192.0.2.1')).toBe('10.0.0.8')
    take(h)
  })

  it('a route to a host wins over one to its net; a reject route over the default', () => {
    const h = createHost()
    routeAdd(h.vn, 0, 0, ip('10.0.0.9'), 0, 0)
    routeAdd(h.vn, ip('192.0.2.1'), 32, ip('10.0.0.8'), 0, 0)
    routeAdd(h.vn, ip('198.51.100.0'), 24, 0, 0, RTF_REJECT)
    expect(gatewayOf(h, '192.0.2.1')).toBe('10.0.0.8')
    expect(gatewayOf(h, '192.0.2.2')).toBe('10.0.0.9')
    expect((routeLookup(h.vn, ip('198.51.100.9'))?.flags ?? 0) & RTF_REJECT).toBe(RTF_REJECT)
  })
})

describe('the table', () => {
  it('refuses what cannot be', () => {
    const h = createHost()
    expect(routeAdd(h.vn, ip('10.2.0.1'), 16, ip('10.0.0.9'), 0, 0)).toBe(22)
    expect(routeAdd(h.vn, 0, 33, ip('10.0.0.9'), 0, 0)).toBe(22)
    expect(routeAdd(h.vn, 0, -1, ip('10.0.0.9'), 0, 0)).toBe(22)
    expect(routeAdd(h.vn, 0, 0, ip('192.0.2.9'), 0, 0)).toBe(101)
    expect(routeAdd(h.vn, 0, 0, ip('10.0.0.9'), 1, 0)).toBe(101)
    expect(routeAdd(h.vn, 0, 0, 0, 77, 0)).toBe(101)
    expect(routeAdd(h.vn, 0, 0, ip('10.0.0.9'), 0, 0)).toBe(0)
    expect(routeAdd(h.vn, 0, 0, ip('10.0.0.9'), 0, 0)).toBe(17)
    expect(routeDelete(h.vn, ip('10.3.0.0'), 16)).toBe(2)
    expect(routeDelete(h.vn, ip('10.0.0.0'), 24)).toBe(2)
  })

  it('lists copies in order, connected routes included', () => {
    const h = createHost()
    routeAdd(h.vn, 0, 0, ip('10.0.0.9'), 0, RTF_STATIC)
    routeAdd(h.vn, ip('192.0.2.0'), 24, 0, 0, RTF_BLACKHOLE)
    const list = routeList(h.vn)
    expect(list.map((r) => [ip4Print(r.dst), r.prefixLen, ip4Print(r.gateway), r.flags])).toEqual([
      ['0.0.0.0', 0, '10.0.0.9', RTF_UP | RTF_GATEWAY | RTF_STATIC],
      ['10.0.0.0', 24, '0.0.0.0', RTF_UP | RTF_PINNED],
      ['127.0.0.0', 8, '0.0.0.0', RTF_UP | RTF_PINNED],
      ['192.0.2.0', 24, '0.0.0.0', RTF_UP | RTF_BLACKHOLE],
    ])
    for (const r of list) r.flags = RTF_HOST
    expect(routeLookup(h.vn, ip('10.0.0.9'))?.flags).toBe(RTF_UP | RTF_PINNED)
  })
})

describe('path MTU (RFC 1191)', () => {
  it('§3: only ever lowered; believed down to sysctl net.inet.ip.pmtu.min', () => {
    const h = createHost()
    const dst = ip('192.0.2.1')
    expect(pmtuGet(h.vn, dst)).toBe(0)
    pmtuUpdate(h.vn, dst, 1400)
    pmtuUpdate(h.vn, dst, 1450)
    expect(pmtuGet(h.vn, dst)).toBe(1400)
    pmtuUpdate(h.vn, dst, 1300)
    expect(pmtuGet(h.vn, dst)).toBe(1300)
    pmtuUpdate(h.vn, dst, 68)
    expect(pmtuGet(h.vn, dst)).toBe(552)
    expect(pmtuGet(h.vn, ip('192.0.2.2'))).toBe(0)
  })

  it('§6.3: forgotten after ten minutes, each in its time', () => {
    const h = createHost()
    pmtuUpdate(h.vn, ip('192.0.2.1'), 1400)
    pass(h, 300_000_000)
    pmtuUpdate(h.vn, ip('192.0.2.2'), 1300)
    pass(h, 299_999_999)
    expect(pmtuGet(h.vn, ip('192.0.2.1'))).toBe(1400)
    pass(h, 1)
    expect(pmtuGet(h.vn, ip('192.0.2.1'))).toBe(0)
    expect(h.vn.state.ip.pmtu.size).toBe(1)
    pass(h, 300_000_000)
    expect(h.vn.state.ip.pmtu.size).toBe(0)
    expect(h.vnet.nextDeadline()).toBe(Infinity)
  })

  it('a bounded number, the oldest forgotten first', () => {
    const h = createHost({ sysctls: { 'net.inet.ip.pmtu.max_entries': 3 } })
    for (let i = 1; i <= 10; i++) pmtuUpdate(h.vn, ip(`192.0.2.${i}`), 1400)
    expect([...h.vn.state.ip.pmtu.keys()].map(ip4Print)).toEqual(['192.0.2.8', '192.0.2.9', '192.0.2.10'])
    expect(h.vn.state.timers.at.length).toBe(1)
  })

  it('§7.1: the plateau below a packet', () => {
    expect([65_535, 1500, 1492, 1006, 600, 296, 100, 68, 20].map(pmtuPlateau)).toEqual([
      32_000, 1492, 1006, 508, 508, 68, 68, 68, 68,
    ])
  })
})
