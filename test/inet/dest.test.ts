/** RFC 6724 §10.2's examples, and each rule of §6 that they leave out. */

import { describe, expect, it } from 'vitest'
import { inetSortDestinations } from '../../src/inet/dest.ts'
import { ip6AddAddr } from '../../src/ip6/ifaddr.ts'
import { ip6PolicyDelete, ip6PolicyReset, ip6PolicySet, ip6PolicyTable } from '../../src/ip6/policy.ts'
import { route6Add } from '../../src/ip6/route.ts'
import { ip6SourceSelect } from '../../src/ip6/source.ts'
import { IA6_DEPRECATED } from '../../src/ip6/state.ts'
import { routeAdd } from '../../src/ip/route.ts'
import { RTF_STATIC } from '../../src/ip/state.ts'
import { addrIsV4, addrParse, addrPrint, createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { addrParsePrefix } from '../../src/lib/addr6.ts'
import { EINVAL, ENOENT } from '../../src/lib/errno.ts'
import { ifAddAddr, ifCreate, ifSetFlags } from '../../src/link/ifnet.ts'
import { IFF_UP, IFT_ETHER } from '../../src/link/state.ts'
import type { Vn } from '../../src/kern/vn.ts'
import { Vnet } from '../../src/vnet/vnet.ts'

/** A host whose one Ethernet has these addresses (a `~` before those that are deprecated), and routes to everywhere. */
function host(...own: string[]): Vn {
  const { vn } = new Vnet({ name: 'h' })
  const ifp = ifCreate(vn, 'eth0', IFT_ETHER, 0x020000000001, 1500)
  ifSetFlags(vn, ifp.id, ifp.flags | IFF_UP)
  for (const text of own) {
    const { addr, prefixLen } = addrParsePrefix(text.replace('~', '')) as { addr: Addr; prefixLen: number }
    const errno = addrIsV4(addr) ? ifAddAddr(vn, ifp.id, addr, prefixLen)
      : ip6AddAddr(vn, ifp.id, addr, prefixLen, false, text.startsWith('~') ? IA6_DEPRECATED : 0)
    expect(errno, text).toBe(0)
  }
  expect(route6Add(vn, createAddr(), 0, createAddr(), ifp.id, RTF_STATIC)).toBe(0)
  if (own.some((text) => text.includes('.'))) expect(routeAdd(vn, 0, 0, 0, ifp.id, RTF_STATIC)).toBe(0)
  return vn
}

function sorted(vn: Vn, ...dsts: string[]): string[] {
  return inetSortDestinations(vn, dsts.map((text) => addrParse(text) as Addr)).map(addrPrint)
}

describe('RFC 6724 §6', () => {
  it.each([
    ['rule 1: what no source reaches is last', ['198.51.100.117/24'], ['2001:db8:1::1', '198.51.100.121'],
      ['198.51.100.121', '2001:db8:1::1']],
    ['rule 2: matching scope before IPv4 from a link-local source', ['2001:db8:1::2/64', '169.254.13.78/16'],
      ['198.51.100.121', '2001:db8:1::1'], ['2001:db8:1::1', '198.51.100.121']],
    ['rule 2: matching scope before IPv6 from a link-local source', ['fe80::1/64', '198.51.100.117/24'],
      ['2001:db8:1::1', '198.51.100.121'], ['198.51.100.121', '2001:db8:1::1']],
    ['rule 3: not from a deprecated source', ['~2001:db8:1::2/64', '10.1.2.4/24'], ['2001:db8:1::1', '10.1.2.3'],
      ['10.1.2.3', '2001:db8:1::1']],
    ['rule 5: the label of the source', ['2002:c633:6401::2/64', 'fe80::2/64'], ['2001:db8:1::1', '2002:c633:6401::1'],
      ['2002:c633:6401::1', '2001:db8:1::1']],
    ['rule 6: native IPv6 before IPv4', ['2001:db8:1::2/64', '10.1.2.4/24'], ['10.1.2.3', '2001:db8:1::1'],
      ['2001:db8:1::1', '10.1.2.3']],
    ['rule 6: native IPv6 before 6to4', ['2002:c633:6401::2/64', '2001:db8:1::2/64'], ['2002:c633:6401::1', '2001:db8:1::1'],
      ['2001:db8:1::1', '2002:c633:6401::1']],
    ['rule 8: the smaller scope', ['2001:db8:1::2/64', 'fe80::2/64'], ['2001:db8:1::1', 'fe80::1'], ['fe80::1', '2001:db8:1::1']],
    ['rule 9: the longest matching prefix', ['2001:db8:1::2/64', '2001:db8:3ffe::2/64'],
      ['2001:db8:4000::1', '2001:db8:1::1'], ['2001:db8:1::1', '2001:db8:4000::1']],
    ['rule 10: otherwise as they came', ['10.1.2.4/24'], ['198.51.100.9', '203.0.113.7', '198.51.100.1'],
      ['198.51.100.9', '203.0.113.7', '198.51.100.1']],
  ])('%s', (_, own, dsts, expected) => {
    expect(sorted(host(...own), ...dsts)).toEqual(expected)
  })

  it('nothing is left out, doubles and ourselves included', () => {
    const vn = host('2001:db8:1::2/64')
    expect(sorted(vn, '2001:db8:1::2', '203.0.113.1', '2001:db8:1::2')).toEqual(['2001:db8:1::2', '2001:db8:1::2', '203.0.113.1'])
  })
})

describe('the policy table (RFC 6724 §2.1)', () => {
  const both = ['2001:db8:1::2/64', '198.51.100.117/24']
  const dsts = ['2001:db8:1::1', '198.51.100.121']
  const set = (vn: Vn, text: string, precedence: number, label: number): number => {
    const { addr, prefixLen } = addrParsePrefix(text) as { addr: Addr; prefixLen: number }
    return ip6PolicySet(vn, addr, prefixLen, precedence, label)
  }
  const drop = (vn: Vn, text: string): number => {
    const { addr, prefixLen } = addrParsePrefix(text) as { addr: Addr; prefixLen: number }
    return ip6PolicyDelete(vn, addr, prefixLen)
  }
  const MAPPED: Addr = { w0: 0, w1: 0, w2: 0xffff, w3: 0, zone: 0 }

  it('§10.3: with a higher precedence of ::ffff:0:0/96 IPv4 comes first', () => {
    const vn = host(...both)
    expect(sorted(vn, ...dsts)).toEqual(dsts)
    expect(ip6PolicySet(vn, MAPPED, 96, 100, 4)).toBe(0)
    expect(sorted(vn, ...dsts)).toEqual([...dsts].reverse())
    ip6PolicyReset(vn)
    expect(sorted(vn, ...dsts)).toEqual(dsts)
  })

  it('a label of their own makes a source the one for its destinations (§5 rule 6)', () => {
    const vn = host('2001:db8:1::2/64', '2001:db8:7::2/64')
    const source = (): string => {
      const out = createAddr()
      expect(ip6SourceSelect(vn, 2, addrParse('2001:db8:9::1') as Addr, out)).toBe(true)
      return addrPrint(out)
    }
    expect(source()).toBe('2001:db8:1::2')
    expect([set(vn, '2001:db8:7::/48', 45, 77), set(vn, '2001:db8:9::/48', 45, 77)]).toEqual([0, 0])
    expect(source()).toBe('2001:db8:7::2')
    expect(drop(vn, '2001:db8:9::/48')).toBe(0)
    expect(source()).toBe('2001:db8:1::2')
  })

  it('goes with a snapshot, and is the Vnet\'s own', () => {
    const vnet = new Vnet({ name: 'p' })
    expect(set(vnet.vn, '2001:db8:7::/48', 45, 77)).toBe(0)
    const restored = Vnet.restore(vnet.snapshot())
    expect(ip6PolicyTable(restored.vn)).toEqual(ip6PolicyTable(vnet.vn))
    expect(ip6PolicyTable(restored.vn)).toHaveLength(10)
    expect(ip6PolicyTable(new Vnet({ name: 'q' }).vn)).toHaveLength(9)
  })

  it('refuses what is no row, more rows than there is room for, and to be empty', () => {
    const vn = host(...both)
    expect([set(vn, '2001:db8::1/32', 1, 1), set(vn, '::/0', -1, 1), set(vn, '::/0', 1, 1.5)]).toEqual([EINVAL, EINVAL, EINVAL])
    expect(drop(vn, '2001:db8::/32')).toBe(ENOENT)
    let n = 0
    while (set(vn, `2001:db8:${n.toString(16)}::/48`, 1, 1) === 0) n++
    expect(n).toBe(256 - 9)
    for (const row of ip6PolicyTable(vn).slice(1)) expect(ip6PolicyDelete(vn, row.prefix, row.prefixLen)).toBe(0)
    const [last] = ip6PolicyTable(vn)
    expect(ip6PolicyDelete(vn, last.prefix, last.prefixLen)).toBe(EINVAL)
  })
})
