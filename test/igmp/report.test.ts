import { describe, expect, it } from 'vitest'
import { ifSetFlags, ifSetMtu } from '../../src/link/ifnet.ts'
import { IFF_RUNNING } from '../../src/link/state.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import { soClose } from '../../src/vnet/so.ts'
import { viewOf } from '../../src/wire/layout.ts'
import { ME, addAddr, createHost, ip, pass } from '../ip/harness.ts'
import { RA, ask, igmpFrames, igmpSent, igmpTimed, query3, rxGroup, udpSocket } from './igmp.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

const G = '239.1.2.3'
const A = '10.0.0.10'
const B = '10.0.0.11'
const C = '10.0.0.12'
const one = (record: string): string => `224.0.0.22 v3 report, 1 group record(s) [gaddr ${G} ${record}]`
const two = (a: string, b: string): string =>
  `224.0.0.22 v3 report, 2 group record(s) [gaddr ${G} ${a}] [gaddr ${G} ${b}]`

describe('RFC 3376 §4: the form of messages', () => {
  it('§4, §4.2.13, §4.2.14: time to live 1, precedence 0xc0, Router Alert, our address, to 224.0.0.22', () => {
    const h = createHost()
    expect(ask(h, udpSocket(h), 'join', G)).toBe(0)
    const [s] = igmpFrames(h)
    expect(s.ip).toMatchObject({ ttl: 1, tos: 0xc0, src: ME, dst: ip('224.0.0.22'), vhl: 0x46 })
    expect(s.options).toEqual(RA)
    expect(s.ether.dst).toBe(0x01005e000016)
    expect(checksumFold(checksumAdd(0, viewOf(s.payload), 0, s.payload.length))).toBe(0)
    expect([...s.payload.subarray(4)]).toEqual([0, 0, 0, 1, 4, 0, 0, 0, 239, 1, 2, 3])
  })

  it('§4.2.13: without an address yet, from 0.0.0.0', () => {
    const h = createHost({ bare: true })
    addAddr(h, h.ifp, '10.0.0.1/24', true)
    ask(h, udpSocket(h), 'join', G)
    expect(igmpFrames(h)[0].ip?.src).toBe(0)
  })

  it('net.inet.igmp.sendra: without the option where asked', () => {
    const h = createHost({ sysctls: { 'net.inet.igmp.sendra': 0 } })
    ask(h, udpSocket(h), 'join', G)
    expect(igmpFrames(h)[0].ip?.vhl).toBe(0x45)
  })

  it('§4.2.16: a list of sources is split into records of messages that fit, an exclusion is cut', () => {
    const h = createHost()
    ifSetMtu(h.vn, h.ifp.id, 68)
    const id = udpSocket(h)
    // 68 − 20 − 4 − 8 − 8 leaves room for 7 sources
    for (let i = 1; i <= 9; i++) ask(h, id, 'joinSource', G, `10.0.0.${i}`)
    pass(h, 3_000_000)
    igmpSent(h)
    h.vn.state.mcast.links.get(h.ifp.id * 2)!.groups[0].modeChanges = 1
    h.vn.state.mcast.links.get(h.ifp.id * 2)!.groups[0].changeAt = h.vn.state.now
    ask(h, id, 'joinSource', G, '10.0.0.10')
    const lists = igmpFrames(h).map((s) => viewOf(s.payload).getUint16(10))
    expect(lists).toEqual([7, 3])
    const other = udpSocket(h)
    ask(h, other, 'join', '239.9.9.9')
    for (let i = 1; i <= 9; i++) ask(h, other, 'block', '239.9.9.9', `10.0.0.${i}`)
    pass(h, 5_000_000)
    igmpSent(h)
    rxGroup(h, query3({ code: 1, group: '239.9.9.9' }))
    pass(h, 1_000_000)
    expect(igmpFrames(h).map((s) => [s.payload[8], viewOf(s.payload).getUint16(10)])).toEqual([[2, 7]])
  })
})

describe('RFC 3376 §5.1: changes of interface state', () => {
  it('table: INCLUDE () → EXCLUDE (): TO_EX; sent [Robustness Variable] times within [Unsolicited Report Interval]', () => {
    const h = createHost()
    ask(h, udpSocket(h), 'join', G)
    pass(h, 10_000_000)
    const sent = igmpTimed(h)
    expect(sent.map(([, text]) => text)).toEqual([one('to_ex { }'), one('to_ex { }')])
    expect(sent[0][0]).toBe(0)
    expect(sent[1][0]).toBeGreaterThan(0)
    expect(sent[1][0]).toBeLessThanOrEqual(1000)
  })

  it('table: EXCLUDE → nothing: TO_IN of nothing, twice, and then nothing is left', () => {
    const h = createHost()
    const id = udpSocket(h)
    ask(h, id, 'join', G)
    pass(h, 10_000_000)
    igmpSent(h)
    expect(ask(h, id, 'leave', G)).toBe(0)
    expect(h.ifp.groups).toEqual([])
    pass(h, 10_000_000)
    expect(igmpSent(h)).toEqual([one('to_in { }'), one('to_in { }')])
    expect(h.vn.state.mcast.links.get(h.ifp.id * 2)?.groups).toEqual([])
    expect(h.vnet.nextDeadline()).toBe(Infinity)
  })

  it('table: INCLUDE (A) → INCLUDE (B): ALLOW (B−A), BLOCK (A−B)', () => {
    const h = createHost()
    const id = udpSocket(h)
    ask(h, id, 'joinSource', G, A)
    expect(igmpSent(h)).toEqual([one(`allow { ${A} }`)])
    pass(h, 5_000_000)
    igmpSent(h)
    ask(h, id, 'joinSource', G, B)
    expect(igmpSent(h)).toEqual([one(`allow { ${B} }`)])
    pass(h, 5_000_000)
    igmpSent(h)
    ask(h, id, 'leaveSource', G, A)
    expect(igmpSent(h)).toEqual([one(`block { ${A} }`)])
  })

  it('table: EXCLUDE (A) → EXCLUDE (B): ALLOW (A−B), BLOCK (B−A)', () => {
    const h = createHost()
    const id = udpSocket(h)
    ask(h, id, 'join', G)
    pass(h, 5_000_000)
    igmpSent(h)
    ask(h, id, 'block', G, A)
    expect(igmpSent(h)).toEqual([one(`block { ${A} }`)])
    pass(h, 5_000_000)
    igmpSent(h)
    ask(h, id, 'unblock', G, A)
    expect(igmpSent(h)).toEqual([one(`allow { ${A} }`)])
  })

  it('a change before the last report has gone is merged: both sources, each [Robustness Variable] times', () => {
    const h = createHost()
    const id = udpSocket(h)
    ask(h, id, 'joinSource', G, A)
    ask(h, id, 'joinSource', G, B)
    pass(h, 5_000_000)
    expect(igmpSent(h)).toEqual([one(`allow { ${A} }`), one(`allow { ${A} ${B} }`), one(`allow { ${B} }`)])
  })

  it('a source that comes and goes at once is blocked, not allowed', () => {
    const h = createHost()
    const id = udpSocket(h)
    ask(h, id, 'joinSource', G, A)
    ask(h, id, 'joinSource', G, B)
    igmpSent(h)
    ask(h, id, 'leaveSource', G, A)
    expect(igmpSent(h)).toEqual([two(`allow { ${B} }`, `block { ${A} }`)])
  })

  it('source changes while a mode change is repeated go with its list, and follow it where they need more', () => {
    const h = createHost()
    const id = udpSocket(h)
    ask(h, id, 'join', G)
    ask(h, id, 'block', G, A)
    pass(h, 5_000_000)
    expect(igmpSent(h)).toEqual([one('to_ex { }'), one(`to_ex { ${A} }`), one(`block { ${A} }`)])
  })

  it('§3.2: EXCLUDE filters intersect, INCLUDE filters are taken out of them', () => {
    const h = createHost()
    const [x, y, z] = [udpSocket(h), udpSocket(h), udpSocket(h)]
    ask(h, x, 'join', G)
    for (const source of [A, B, C]) ask(h, x, 'block', G, source)
    ask(h, y, 'join', G)
    for (const source of [B, C]) ask(h, y, 'block', G, source)
    ask(h, z, 'joinSource', G, C)
    const [g] = h.vn.state.mcast.links.get(h.ifp.id * 2)!.groups
    expect([g.mode, g.sources.map((a) => a.w3)]).toEqual([1, [ip(B)]])
    // without the EXCLUDE filters it is what anybody includes
    pass(h, 5_000_000)
    soClose(h.vnet, h.vn.state.now, x)
    soClose(h.vnet, h.vn.state.now, y)
    pass(h, 0)
    expect(igmpSent(h).at(-1)).toBe(one(`to_in { ${C} }`))
  })

  it('a second member of the same mind changes nothing; closing a socket leaves its groups', () => {
    const h = createHost()
    const [x, y] = [udpSocket(h), udpSocket(h)]
    ask(h, x, 'join', G)
    pass(h, 5_000_000)
    igmpSent(h)
    ask(h, y, 'join', G)
    soClose(h.vnet, h.vn.state.now, x)
    pass(h, 5_000_000)
    expect(igmpSent(h)).toEqual([])
    soClose(h.vnet, h.vn.state.now, y)
    pass(h, 5_000_000)
    expect(igmpSent(h)).toEqual([one('to_in { }'), one('to_in { }')])
  })

  it('§5: 224.0.0.1 is never reported; net.inet.igmp.sendlocal decides on 224.0.0.0/24', () => {
    const h = createHost({ sysctls: { 'net.inet.igmp.sendlocal': 0 } })
    const id = udpSocket(h)
    ask(h, id, 'join', '224.0.0.1')
    ask(h, id, 'join', '224.0.0.251')
    pass(h, 5_000_000)
    expect(igmpSent(h)).toEqual([])
    sysctlsIn(h.vn.state)['net.inet.igmp.sendlocal'] = 1
    ask(h, id, 'join', '224.0.0.252')
    expect(igmpSent(h)).toHaveLength(1)
  })

  it('a link that comes back is told again what we are members of', () => {
    const h = createHost()
    ask(h, udpSocket(h), 'join', G)
    pass(h, 5_000_000)
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags & ~IFF_RUNNING)
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags | IFF_RUNNING)
    igmpSent(h)
    pass(h, 5_000_000)
    expect(igmpSent(h)).toEqual([one('to_ex { }'), one('to_ex { }')])
  })
})
