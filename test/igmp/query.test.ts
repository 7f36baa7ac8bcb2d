import { describe, expect, it } from 'vitest'
import type { IgmpStats } from '../../src/igmp/state.ts'
import { createHost, ip, pass } from '../ip/harness.ts'
import type { Host } from '../ip/harness.ts'
import { ask, igmp8, igmpSent, igmpTimed, query3, rxGroup, udpSocket } from './igmp.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

const G = '239.1.2.3'
const OTHER = '239.4.5.6'
const A = '10.0.0.10'
const B = '10.0.0.11'
const one = (group: string, record: string): string => `224.0.0.22 v3 report, 1 group record(s) [gaddr ${group} ${record}]`

function member(...groups: string[]): { h: Host; id: number; stats: IgmpStats } {
  const h = createHost()
  const id = udpSocket(h)
  for (const group of groups) ask(h, id, 'join', group)
  pass(h, 5_000_000)
  igmpSent(h)
  return { h, id, stats: h.vn.state.igmp.stats }
}

describe('RFC 3376 §5.2: queries', () => {
  it('a general query is answered once, at a random time within Max Resp Time, with every group', () => {
    const { h } = member(G, OTHER)
    const start = h.vn.state.now / 1000
    rxGroup(h, query3({ code: 20 }))
    expect(igmpSent(h)).toEqual([])
    pass(h, 20_000_000)
    const [[at, text], ...rest] = igmpTimed(h)
    expect(text).toBe(`224.0.0.22 v3 report, 2 group record(s) [gaddr ${G} is_ex { }] [gaddr ${OTHER} is_ex { }]`)
    expect(at - start).toBeGreaterThan(0)
    expect(at - start).toBeLessThanOrEqual(2000)
    expect(rest).toEqual([])
  })

  it('§4.1.1: a code of 128 and more is a float: 0x8f is 248 tenths', () => {
    const late: number[] = []
    for (let seed = 1; seed <= 12; seed++) {
      const h = createHost({ seed })
      ask(h, udpSocket(h), 'join', G)
      pass(h, 5_000_000)
      igmpSent(h)
      const start = h.vn.state.now / 1000
      rxGroup(h, query3({ code: 0x8f }))
      pass(h, 30_000_000)
      late.push(igmpTimed(h)[0][0] - start)
    }
    expect(Math.max(...late)).toBeGreaterThan(14_300)
    expect(Math.max(...late)).toBeLessThanOrEqual(24_800)
  })

  it('without anything to report nothing is scheduled', () => {
    const { h } = member()
    rxGroup(h, query3())
    expect(h.vnet.nextDeadline()).toBe(Infinity)
  })

  it('rule 1: a general answer that is due sooner makes another one needless', () => {
    const { h } = member(G)
    rxGroup(h, query3({ code: 1 }))
    rxGroup(h, query3({ code: 255, group: G }))
    pass(h, 30_000_000)
    expect(igmpSent(h)).toEqual([one(G, 'is_ex { }')])
  })

  it('rule 2: of two general queries one answer follows', () => {
    const { h } = member(G)
    rxGroup(h, query3({ code: 255 }))
    rxGroup(h, query3({ code: 1 }))
    pass(h, 60_000_000)
    expect(igmpSent(h)).toEqual([one(G, 'is_ex { }')])
  })

  it('rule 3: a group query is answered for the group alone, one for a group that nobody joined not at all', () => {
    const { h } = member(G, OTHER)
    rxGroup(h, query3({ code: 10, group: OTHER }))
    pass(h, 2_000_000)
    expect(igmpSent(h)).toEqual([one(OTHER, 'is_ex { }')])
    h.ifp.groups.push(ip('239.7.7.7'))
    rxGroup(h, query3({ code: 10, group: '239.7.7.7' }))
    pass(h, 2_000_000)
    expect(igmpSent(h)).toEqual([])
  })

  it('table: EXCLUDE (A) asked about B tells IS_IN (B−A)', () => {
    const { h, id } = member(G)
    ask(h, id, 'block', G, A)
    pass(h, 5_000_000)
    igmpSent(h)
    rxGroup(h, query3({ code: 10, group: G, sources: [A, B] }))
    pass(h, 2_000_000)
    expect(igmpSent(h)).toEqual([one(G, `is_in { ${B} }`)])
    rxGroup(h, query3({ code: 10, group: G, sources: [A] }))
    pass(h, 2_000_000)
    expect(igmpSent(h)).toEqual([])
  })

  it('table: INCLUDE (A) asked about B tells IS_IN (A·B)', () => {
    const { h, id } = member()
    ask(h, id, 'joinSource', G, A)
    pass(h, 5_000_000)
    igmpSent(h)
    rxGroup(h, query3({ code: 10, group: G, sources: [B, A] }))
    pass(h, 2_000_000)
    expect(igmpSent(h)).toEqual([one(G, `is_in { ${A} }`)])
  })

  it('rule 4: a pending answer about the whole group swallows a query about sources', () => {
    const { h } = member(G)
    rxGroup(h, query3({ code: 50, group: G }))
    rxGroup(h, query3({ code: 50, group: G, sources: [A] }))
    pass(h, 6_000_000)
    expect(igmpSent(h)).toEqual([one(G, 'is_ex { }')])
  })

  it('rule 5: pending questions about sources are joined', () => {
    const { h } = member(G)
    rxGroup(h, query3({ code: 50, group: G, sources: [A] }))
    rxGroup(h, query3({ code: 50, group: G, sources: [B, A] }))
    pass(h, 6_000_000)
    expect(igmpSent(h)).toEqual([one(G, `is_in { ${A} ${B} }`)])
  })

  it('§9.1: more sources than are remembered make the answer tell all; memory is bounded', () => {
    const { h } = member(G)
    sysctlsIn(h.vn.state)['net.inet.ip.mcast.maxgrpsrc'] = 10
    const sources = Array.from({ length: 8 }, (_, i) => `10.0.1.${i + 1}`)
    rxGroup(h, query3({ code: 50, group: G, sources }))
    rxGroup(h, query3({ code: 50, group: G, sources: sources.map((s) => s.replace('10.0.1', '10.0.2')) }))
    expect(h.vn.state.mcast.links.get(h.ifp.id * 2)!.groups[0].asked.length).toBeLessThanOrEqual(10)
    pass(h, 6_000_000)
    expect(igmpSent(h)).toEqual([one(G, 'is_ex { }')])
  })

  it('§4.1.6: the querier\'s robustness variable is taken over, 0 stands for 2', () => {
    const { h, id } = member(G)
    rxGroup(h, query3({ code: 1, qrv: 4 }))
    pass(h, 1_000_000)
    igmpSent(h)
    ask(h, id, 'join', OTHER)
    pass(h, 10_000_000)
    expect(igmpSent(h)).toEqual(Array.from({ length: 4 }, () => one(OTHER, 'to_ex { }')))
    rxGroup(h, query3({ code: 1, qrv: 0 }))
    pass(h, 1_000_000)
    igmpSent(h)
    ask(h, id, 'leave', OTHER)
    pass(h, 10_000_000)
    expect(igmpSent(h)).toHaveLength(2)
  })

  it('§4.1.12: a query to our own address counts, too', () => {
    const { h } = member(G)
    rxGroup(h, query3({ code: 1, group: G, dst: ip('10.0.0.1') }))
    const bytes = query3({ code: 1, group: G, dst: ip('10.0.0.1') })
    expect(bytes.length).toBeGreaterThan(0)
    pass(h, 1_000_000)
    expect(h.vn.state.igmp.stats.v3queries).toBe(0)
  })
})

describe('RFC 3376 §9.1, §7.1: queries that are not answered', () => {
  const cases: [string, Uint8Array, keyof IgmpStats][] = [
    ['without Router Alert', query3({ options: new Uint8Array(0) }), 'nora'],
    ['version 2 without Router Alert', igmp8(0x11, 100, '0.0.0.0', { options: new Uint8Array(0) }), 'nora'],
    ['general, to another group', query3({ dst: ip(G) }), 'badqueries'],
    ['of nine to eleven bytes', query3({ len: 10 }), 'badqueries'],
    ['with more sources than bytes', query3({ group: G, sources: [A, B], len: 16 }), 'badqueries'],
    ['about a unicast address', igmp8(0x11, 100, '10.0.0.7', { dst: ip('224.0.0.1') }), 'badqueries'],
    ['that came through a router', query3({ ttl: 2 }), 'badttl'],
    ['shorter than a message', query3({ len: 6 }), 'tooshort'],
  ]
  it.each(cases)('%s', (_, bytes, counter) => {
    const { h, stats } = member(G)
    rxGroup(h, bytes)
    expect(h.drops).toEqual([`igmp.${counter}`])
    expect(stats[counter]).toBe(1)
    pass(h, 60_000_000)
    expect(igmpSent(h)).toEqual([])
  })

  it('with a wrong checksum', () => {
    const { h } = member(G)
    const bytes = query3()
    bytes[bytes.length - 1] ^= 1
    rxGroup(h, bytes)
    expect(h.drops).toEqual(['igmp.badsum'])
  })

  it('reports of version 3, leaves and unknown types concern routers', () => {
    const { h } = member(G)
    rxGroup(h, igmp8(0x17, 0, G))
    rxGroup(h, igmp8(0x99, 0, G))
    expect(h.drops).toEqual(['igmp.ignored', 'igmp.ignored'])
  })
})
