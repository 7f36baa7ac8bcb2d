import { describe, expect, it } from 'vitest'
import type { MldStats } from '../../src/mld/state.ts'
import { ip6AddAddr, ip6DelAddr } from '../../src/ip6/ifaddr.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import { ifDestroy } from '../../src/link/ifnet.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { viewOf } from '../../src/wire/layout.ts'
import { createHost, pass, take } from '../ip/harness.ts'
import type { Host } from '../ip/harness.ts'
import { addr, ask, createHost6, mldSent, mldText, rxMld, udpSocket6 } from './mld.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

const G = 'ff15::1:2'
const OTHER = 'ff15::5'
const A = '2001:db8::a'
const B = '2001:db8::b'
const SOLICITED = 'ff02::1:ff00:1'

function member(...groups: string[]): { h: Host; id: number } {
  const h = createHost6()
  const id = udpSocket6(h)
  for (const group of groups) expect(ask(h, id, 'join', group)).toBe(0)
  pass(h, 5_000_000)
  take(h)
  return { h, id }
}

describe('RFC 3810 §5.2, §6.1: reports', () => {
  it('hop limit 1, Router Alert, from the link-local address to ff02::16, twice', () => {
    const h = createHost6()
    ask(h, udpSocket6(h), 'join', G)
    pass(h, 5_000_000)
    const sent = mldSent(h)
    expect(sent.map((s) => s.text)).toEqual([`ff02::16 v2 ${G} to_ex { }`, `ff02::16 v2 ${G} to_ex { }`])
    expect(sent[1].at - sent[0].at).toBeLessThanOrEqual(1_000_000)
    const { bytes } = sent[0]
    const view = viewOf(bytes)
    expect([bytes[7], ...bytes.subarray(40, 46)]).toEqual([1, 58, 0, 5, 2, 0, 0])
    expect([...bytes.subarray(8, 24)]).toEqual([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    const len = bytes.length - 48
    expect(view.getUint16(4)).toBe(len + 8)
    expect(checksumFold(checksumAdd(checksumAdd(58 + len, view, 8, 32), view, 48, len))).toBe(0)
  })

  it('sources: allowed, blocked', () => {
    const { h, id } = member()
    ask(h, id, 'joinSource', G, A)
    expect(mldText(h)).toEqual([`ff02::16 v2 ${G} allow { ${A} }`])
    ask(h, id, 'join', OTHER)
    ask(h, id, 'block', OTHER, B)
    expect(mldText(h).at(-1)).toBe(`ff02::16 v2 ${OTHER} to_ex { ${B} }`)
  })

  it('§6: all nodes and what stays on the interface are not reported', () => {
    const { h, id } = member()
    ask(h, id, 'join', 'ff02::1')
    ask(h, id, 'join', 'ff01::5')
    pass(h, 5_000_000)
    expect(mldText(h)).toEqual([])
  })

  it('RFC 4862 §5.4.2: solicited-node groups are joined before detection, from `::` (RFC 3590 §4), and left', () => {
    const h = createHost({ sysctls: { 'net.inet6.ip6.auto_linklocal': 0 } })
    ip6AddAddr(h.vn, h.ifp.id, addr('fe80::1'), 64)
    pass(h, 0)
    const [first] = mldSent(h)
    expect(first.text).toBe(`ff02::16 v2 ${SOLICITED} to_ex { }`)
    expect(first.bytes.subarray(8, 24).every((octet) => octet === 0)).toBe(true)
    pass(h, 5_000_000)
    take(h)
    // another address with the same end has the same group
    ip6AddAddr(h.vn, h.ifp.id, addr('2001:db8::1'), 64)
    pass(h, 5_000_000)
    expect(mldText(h)).toEqual([])
    ip6DelAddr(h.vn, h.ifp.id, addr('2001:db8::1'))
    pass(h, 5_000_000)
    expect(mldText(h)).toEqual([])
    ip6AddAddr(h.vn, h.ifp.id, addr('2001:db8::2'), 64)
    pass(h, 5_000_000)
    ip6DelAddr(h.vn, h.ifp.id, addr('2001:db8::2'))
    pass(h, 5_000_000)
    expect(new Set(mldText(h))).toEqual(new Set([
      'ff02::16 v2 ff02::1:ff00:2 to_ex { }', 'ff02::16 v2 ff02::1:ff00:2 to_in { }']))
    ifDestroy(h.vn, h.ifp.id)
    expect(h.vn.state.mcast.links.size).toBe(0)
  })

  it('net.inet6.mld.solicited: not where asked not to', () => {
    const h = createHost({ sysctls: { 'net.inet6.mld.solicited': 0 } })
    ip6AddAddr(h.vn, h.ifp.id, addr('fe80::1'), 64)
    pass(h, 5_000_000)
    expect(mldText(h)).toEqual([])
  })
})

describe('RFC 3810 §6.2: queries', () => {
  it('a general query is answered with every group within Maximum Response Delay', () => {
    const { h } = member(G)
    const start = h.vn.state.now
    rxMld(h, { code: 2000 })
    expect(mldText(h)).toEqual([])
    pass(h, 10_000_000)
    const [s, ...rest] = mldSent(h)
    expect(s.text).toBe(`ff02::16 v2 ${SOLICITED} is_ex { }, ${G} is_ex { }`)
    expect(s.at - start).toBeLessThanOrEqual(2_000_000)
    expect(rest).toEqual([])
  })

  it('about a group, and about sources', () => {
    const { h, id } = member(G)
    ask(h, id, 'block', G, A)
    pass(h, 5_000_000)
    take(h)
    rxMld(h, { group: G })
    pass(h, 5_000_000)
    expect(mldText(h)).toEqual([`ff02::16 v2 ${G} is_ex { ${A} }`])
    rxMld(h, { group: G, sources: [A, B] })
    pass(h, 5_000_000)
    expect(mldText(h)).toEqual([`ff02::16 v2 ${G} is_in { ${B} }`])
  })

  const bad: [string, Parameters<typeof rxMld>[1], keyof MldStats][] = [
    ['from a global address', { src: '2001:db8::99' }, 'badsource'],
    ['with another hop limit', { hops: 2 }, 'badhops'],
    ['without Router Alert', { alert: false }, 'nora'],
    ['general, to another group', { dst: G }, 'badqueries'],
    ['of 26 octets', { len: 26 }, 'badqueries'],
    ['of 12 octets', { len: 12 }, 'tooshort'],
    ['with more sources than octets', { group: G, sources: [A, B], len: 44 }, 'badqueries'],
    ['about a unicast address', { group: A, dst: 'ff02::1' }, 'badqueries'],
    ['a report of version 2, which concerns routers', { type: 143 }, 'ignored'],
  ]
  it.each(bad)('§5.1.14, §8.1: not answered: %s', (_, q, counter) => {
    const { h } = member(G)
    rxMld(h, q)
    expect(h.drops).toEqual([`mld.${counter}`])
    pass(h, 30_000_000)
    expect(mldText(h)).toEqual([])
  })
})

describe('RFC 3810 §8.2.1: version 1 queriers', () => {
  function under1(): { h: Host; id: number } {
    const both = member(G)
    rxMld(both.h, { version: 1, code: 1000 })
    pass(both.h, 5_000_000)
    expect(new Set(mldText(both.h))).toEqual(new Set([`${G} v1 report ${G}`, `${SOLICITED} v1 report ${SOLICITED}`]))
    return both
  }

  it('reports to the group, done to all routers, until the querier has been silent for 2 × 125 + 10 s', () => {
    const { h, id } = under1()
    ask(h, id, 'join', OTHER)
    pass(h, 12_000_000)
    expect(mldText(h)).toEqual([`${OTHER} v1 report ${OTHER}`, `${OTHER} v1 report ${OTHER}`])
    ask(h, id, 'leave', OTHER)
    pass(h, 12_000_000)
    expect(mldText(h)).toEqual([`ff02::2 done ${OTHER}`])
    pass(h, 260_000_000)
    ask(h, id, 'join', OTHER)
    expect(mldText(h)).toEqual([`ff02::16 v2 ${OTHER} to_ex { }`])
  })

  it('another listener\'s report spares ours (RFC 2710 §4)', () => {
    const { h } = under1()
    rxMld(h, { version: 1, group: G, code: 9000 })
    rxMld(h, { version: 1, type: 131, group: G, src: 'fe80::7' })
    pass(h, 12_000_000)
    expect(mldText(h)).toEqual([])
    expect(h.vn.state.mld.stats.ourreports).toBe(1)
    rxMld(h, { version: 1, type: 131, group: G, src: '2001:db8::7' })
    expect(h.drops).toEqual(['mld.badsource'])
  })

  it('not where it is switched off', () => {
    const { h } = member(G)
    sysctlsIn(h.vn.state)['net.inet6.mld.v1enable'] = 0
    rxMld(h, { version: 1 })
    expect(h.drops).toEqual(['mld.badqueries'])
  })
})

it('saved and restored in the middle of its reports', () => {
  const h = createHost6()
  const id = udpSocket6(h)
  ask(h, id, 'join', G)
  ask(h, id, 'joinSource', OTHER, A)
  rxMld(h, { group: G, sources: [A] })
  const again = Vnet.restore(h.vnet.snapshot(), { pool: h.vn.pool })
  expect(again.state).toEqual(h.vn.state)
  expect(viewOf(again.snapshot())).toEqual(viewOf(h.vnet.snapshot()))
})
