import { describe, expect, it } from 'vitest'
import { createHost, ip, pass } from '../ip/harness.ts'
import type { Host } from '../ip/harness.ts'
import { ask, igmp8, igmpSent, igmpTimed, query3, rxGroup, udpSocket } from './igmp.ts'

const G = '239.1.2.3'
const OTHER = '239.4.5.6'
const QUERY = 0x11
const REPORT1 = 0x12
const REPORT2 = 0x16

/** A member of G on a link with a querier of this version, whose first query has been answered. */
function under(version: number): { h: Host; id: number } {
  const h = createHost()
  const id = udpSocket(h)
  ask(h, id, 'join', G)
  pass(h, 5_000_000)
  rxGroup(h, igmp8(QUERY, version === 1 ? 0 : 50, '0.0.0.0', version === 1 ? { options: new Uint8Array(0) } : {}))
  pass(h, 11_000_000)
  expect(igmpSent(h).at(-1)).toBe(`${G} v${version} report ${G}`)
  return { h, id }
}

describe('RFC 3376 §7.2.1: older queriers', () => {
  it('version 2: reports go to the group, leaves to all routers (RFC 2236 §3, §9)', () => {
    const { h, id } = under(2)
    ask(h, id, 'join', OTHER)
    expect(igmpSent(h)).toEqual([`${OTHER} v2 report ${OTHER}`])
    pass(h, 11_000_000)
    expect(igmpSent(h)).toEqual([`${OTHER} v2 report ${OTHER}`])
    ask(h, id, 'leave', OTHER)
    pass(h, 11_000_000)
    expect(igmpSent(h)).toEqual([`224.0.0.2 leave ${OTHER}`])
  })

  it('version 1: 0 means 10 s, and nobody says that he leaves (RFC 1112 appendix I)', () => {
    const { h, id } = under(1)
    ask(h, id, 'leave', G)
    pass(h, 20_000_000)
    expect(igmpSent(h)).toEqual([])
  })

  it('version 2: Max Resp Time is linear', () => {
    const { h } = under(2)
    const start = h.vn.state.now / 1000
    rxGroup(h, igmp8(QUERY, 255, '0.0.0.0'))
    pass(h, 30_000_000)
    expect(igmpTimed(h)[0][0] - start).toBeLessThanOrEqual(25_500)
  })

  it('a member of some sources is a member', () => {
    const { h, id } = under(2)
    ask(h, id, 'joinSource', OTHER, '10.0.0.9')
    expect(igmpSent(h)).toEqual([`${OTHER} v2 report ${OTHER}`])
    pass(h, 20_000_000)
    igmpSent(h)
    ask(h, id, 'joinSource', OTHER, '10.0.0.10')
    pass(h, 20_000_000)
    expect(igmpSent(h)).toEqual([])
  })

  it('another member\'s report spares ours, and our leave (RFC 2236 §3, §6)', () => {
    const { h, id } = under(2)
    rxGroup(h, igmp8(QUERY, 100, G))
    rxGroup(h, igmp8(REPORT2, 0, G))
    pass(h, 11_000_000)
    expect(igmpSent(h)).toEqual([])
    expect(h.vn.state.igmp.stats.ourreports).toBe(1)
    ask(h, id, 'leave', G)
    pass(h, 11_000_000)
    expect(igmpSent(h)).toEqual([])
  })

  it('§9.2: a report from elsewhere spares nothing, one from 0.0.0.0 does', () => {
    const { h } = under(2)
    rxGroup(h, igmp8(QUERY, 100, G))
    rxGroup(h, igmp8(REPORT2, 0, G, { src: ip('10.9.9.9') }))
    expect(h.drops).toEqual(['igmp.badreports'])
    pass(h, 11_000_000)
    expect(igmpSent(h)).toHaveLength(1)
    rxGroup(h, igmp8(QUERY, 100, G))
    rxGroup(h, igmp8(REPORT1, 0, G, { src: 0 }))
    pass(h, 11_000_000)
    expect(igmpSent(h)).toEqual([])
  })

  it('RFC 2236 §6: a running timer is cut short by a query that leaves less time, not made longer', () => {
    const { h } = under(2)
    rxGroup(h, igmp8(QUERY, 250, G))
    rxGroup(h, igmp8(QUERY, 1, G))
    pass(h, 100_000)
    expect(igmpSent(h)).toHaveLength(1)
    rxGroup(h, igmp8(QUERY, 1, G))
    rxGroup(h, igmp8(QUERY, 250, G))
    pass(h, 100_000)
    expect(igmpSent(h)).toHaveLength(1)
  })

  it('§8.12: back to version 3 after robustness × query interval + response interval = 2 × 125 + 10 s', () => {
    const { h, id } = under(2)
    const heard = 5_000_000
    pass(h, heard + 260_000_000 - h.vn.state.now - 1)
    ask(h, id, 'join', '239.5.5.5')
    expect(igmpSent(h)).toEqual(['239.5.5.5 v2 report 239.5.5.5'])
    pass(h, 2)
    ask(h, id, 'join', '239.6.6.6')
    expect(igmpSent(h).at(-1)).toBe('224.0.0.22 v3 report, 1 group record(s) [gaddr 239.6.6.6 to_ex { }]')
  })

  it('version 1 gives way to version 2 while that was heard, and that to version 3', () => {
    const { h, id } = under(1)
    pass(h, 100_000_000)
    rxGroup(h, igmp8(QUERY, 50, '0.0.0.0'))
    pass(h, 10_000_000)
    expect(igmpSent(h)).toEqual([`${G} v1 report ${G}`])
    pass(h, 5_000_000 + 260_000_000 - h.vn.state.now + 1)
    ask(h, id, 'join', '239.5.5.5')
    expect(igmpSent(h)).toEqual(['239.5.5.5 v2 report 239.5.5.5'])
    pass(h, 112_000_000)
    igmpSent(h)
    ask(h, id, 'join', '239.6.6.6')
    expect(igmpSent(h)[0]).toContain('v3 report')
  })

  it('a change of version cancels answers and repetitions', () => {
    const h = createHost()
    const id = udpSocket(h)
    ask(h, id, 'join', G)
    rxGroup(h, query3({ code: 100 }))
    igmpSent(h)
    rxGroup(h, igmp8(QUERY, 10, OTHER, { dst: ip('224.0.0.1') }))
    expect(h.vn.state.mcast.links.get(h.ifp.id * 2)?.version).toBe(3)
    rxGroup(h, igmp8(QUERY, 10, '0.0.0.0'))
    pass(h, 20_000_000)
    expect(igmpSent(h)).toEqual([`${G} v2 report ${G}`])
  })

  it('a version that is switched off is not spoken', () => {
    const h = createHost({ sysctls: { 'net.inet.igmp.v1enable': 0, 'net.inet.igmp.v2enable': 0 } })
    ask(h, udpSocket(h), 'join', G)
    rxGroup(h, igmp8(QUERY, 0, '0.0.0.0'))
    rxGroup(h, igmp8(QUERY, 10, '0.0.0.0'))
    expect(h.drops).toEqual(['igmp.badqueries', 'igmp.badqueries'])
    expect(h.vn.state.mcast.links.get(h.ifp.id * 2)?.version).toBe(3)
  })

  it('net.inet.igmp.default_version: version 2 from the start', () => {
    const h = createHost({ sysctls: { 'net.inet.igmp.default_version': 2 } })
    ask(h, udpSocket(h), 'join', G)
    expect(igmpSent(h)).toEqual([`${G} v2 report ${G}`])
  })
})
