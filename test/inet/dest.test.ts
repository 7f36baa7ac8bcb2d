/** RFC 6724 §10.2's examples, and each rule of §6 that they leave out. */

import { describe, expect, it } from 'vitest'
import { inetSortDestinations } from '../../src/inet/dest.ts'
import { ip6AddAddr } from '../../src/ip6/ifaddr.ts'
import { route6Add } from '../../src/ip6/route.ts'
import { IA6_DEPRECATED } from '../../src/ip6/state.ts'
import { routeAdd } from '../../src/ip/route.ts'
import { RTF_STATIC } from '../../src/ip/state.ts'
import { addrIsV4, addrParse, addrPrint, createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { addrParsePrefix } from '../../src/lib/addr6.ts'
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
