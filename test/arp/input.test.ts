import { describe, expect, it } from 'vitest'
import { arpList, arpSetStatic } from '../../src/arp/list.ts'
import { macPrint } from '../../src/lib/addr.ts'
import { addEther, createHost, ip, mac, ME, MY_MAC, pass, PEER, PEER_MAC, rx, rxIp, send, take } from '../ip/harness.ts'
import type { Host } from '../ip/harness.ts'
import { arpOf, frameOf, icmpOf, ipOf, pattern } from '../ip/packet.ts'

const ALL = 0xffffffffffff
const OTHER_MAC = mac('02:00:00:00:00:09')

function arp(h: Host, op: number, sha: number, spa: number, tpa: number, to = ALL): void {
  rx(h, frameOf(to, sha, 0x0806, arpOf(op, sha, spa, 0, tpa)))
}

function macOf(h: Host, text: string): string | null {
  const row = arpList(h.vn).find((r) => r.ip === ip(text))
  return row === undefined ? null : macPrint(row.mac)
}

describe('RFC 826 packet reception', () => {
  it('not in the table, we are the target: the sender is added and answered', () => {
    const h = createHost()
    arp(h, 1, PEER_MAC, PEER, ME)
    expect(macOf(h, '10.0.0.2')).toBe('02:00:00:00:00:02')
    const [reply] = take(h)
    expect(reply?.ether).toMatchObject({ dst: PEER_MAC, src: MY_MAC })
    expect(reply?.arp).toEqual({
      hrd: 1, pro: 0x0800, hln: 6, pln: 4, op: 2, sha: MY_MAC, spa: ME, tha: PEER_MAC, tpa: PEER,
    })
    expect(reply?.bytes.length).toBe(60)
  })

  it('not in the table, we are not the target: nothing is added', () => {
    const h = createHost()
    arp(h, 1, PEER_MAC, PEER, ip('10.0.0.3'))
    expect(arpList(h.vn)).toEqual([])
    expect(h.drops).toEqual(['arp.notforus'])
    expect(take(h)).toEqual([])
  })

  it.each([[1, 'request'], [2, 'reply']])('in the table: a %i (%s) to whomever updates it', (op) => {
    const h = createHost()
    arp(h, 1, PEER_MAC, PEER, ME)
    arp(h, op, OTHER_MAC, PEER, ip('10.0.0.3'))
    expect(macOf(h, '10.0.0.2')).toBe('02:00:00:00:00:09')
    expect(h.vn.state.log.entries.map((e) => e.text)).toEqual([
      'arp: 10.0.0.2 moved from 02:00:00:00:00:02 to 02:00:00:00:00:09 on eth0',
    ])
  })

  it('RFC 5227 §1.1: an announcement updates entries that exist and makes none', () => {
    const h = createHost()
    arp(h, 1, PEER_MAC, PEER, PEER)
    expect(arpList(h.vn)).toEqual([])
    arp(h, 1, PEER_MAC, PEER, ME)
    arp(h, 1, OTHER_MAC, PEER, PEER)
    expect(macOf(h, '10.0.0.2')).toBe('02:00:00:00:00:09')
  })

  it('a static entry is not changed', () => {
    const h = createHost()
    arpSetStatic(h.vn, PEER, PEER_MAC)
    arp(h, 1, OTHER_MAC, PEER, ME)
    expect(macOf(h, '10.0.0.2')).toBe('02:00:00:00:00:02')
    expect(h.vn.state.arp.stats.staticchange).toBe(1)
    expect(take(h)[0]?.arp).toMatchObject({ op: 2, tha: OTHER_MAC })
  })

  it('a sender that is not on this link is answered but not remembered', () => {
    const h = createHost()
    arp(h, 1, PEER_MAC, ip('192.0.2.5'), ME)
    expect(arpList(h.vn)).toEqual([])
    expect(take(h)[0]?.arp).toMatchObject({ op: 2, tha: PEER_MAC, tpa: ip('192.0.2.5') })
  })

  it('answers for the addresses of the interface the question came in by only', () => {
    const h = createHost()
    const eth1 = addEther(h, 'eth1', '02:00:00:00:01:01', '10.1.0.1/24')
    rx(h, frameOf(ALL, PEER_MAC, 0x0806, arpOf(1, PEER_MAC, ip('10.1.0.2'), 0, ME)), eth1)
    expect(take(h)).toEqual([])
  })

  it('RFC 1042: an LLC/SNAP frame with hardware type 6 is understood', () => {
    const h = createHost()
    const snap = Uint8Array.of(0xaa, 0xaa, 3, 0, 0, 0, 8, 6)
    const body = arpOf(1, PEER_MAC, PEER, 0, ME, { hrd: 6 })
    rx(h, frameOf(ALL, PEER_MAC, 36, Uint8Array.of(...snap, ...body, ...new Uint8Array(10))))
    expect(take(h)[0]?.arp).toMatchObject({ op: 2, hrd: 1, tpa: PEER })
  })
})

describe('ARP packets that are refused', () => {
  const good = (): Uint8Array => arpOf(1, PEER_MAC, PEER, 0, ME)
  it.each<[string, Uint8Array]>([
    ['arp.tooshort', good().slice(0, 27)],
    ['arp.badform', arpOf(1, PEER_MAC, PEER, 0, ME, { hrd: 15 })],
    ['arp.badform', arpOf(1, PEER_MAC, PEER, 0, ME, { pro: 0x86dd })],
    ['arp.badform', arpOf(1, PEER_MAC, PEER, 0, ME, { hln: 8 })],
    ['arp.badform', arpOf(1, PEER_MAC, PEER, 0, ME, { pln: 16 })],
    ['arp.badop', arpOf(3, PEER_MAC, PEER, 0, ME)],
    ['arp.badsender', arpOf(1, ALL, PEER, 0, ME)],
    ['arp.badsender', arpOf(1, mac('01:00:5e:00:00:01'), PEER, 0, ME)],
    ['arp.badsender', arpOf(1, 0, PEER, 0, ME)],
    ['arp.own', arpOf(1, MY_MAC, PEER, 0, ME)],
    ['arp.badsenderip', arpOf(1, PEER_MAC, ip('224.0.0.1'), 0, ME)],
    ['arp.badsenderip', arpOf(1, PEER_MAC, ip('255.255.255.255'), 0, ME)],
    ['arp.badsenderip', arpOf(1, PEER_MAC, ip('10.0.0.255'), 0, ME)],
    ['arp.badsenderip', arpOf(1, PEER_MAC, ip('127.0.0.1'), 0, ME)],
    ['arp.badsenderip', arpOf(2, PEER_MAC, 0, 0, ME)],
  ])('%s', (counter, packet) => {
    const h = createHost()
    rx(h, frameOf(ALL, PEER_MAC, 0x0806, packet))
    expect(h.drops).toEqual([counter])
    expect(h.sent).toEqual([])
    expect(arpList(h.vn)).toEqual([])
  })
})

describe('resolution', () => {
  it('RFC 1122 §2.3.2.2: packets wait for the answer and leave in order', () => {
    const h = createHost()
    for (let i = 0; i < 3; i++) expect(send(h, '10.0.0.2', 253, Uint8Array.of(i))).toBe(0)
    const asked = take(h)
    expect(asked).toHaveLength(1)
    expect(asked[0]?.ether.dst).toBe(ALL)
    expect(asked[0]?.arp).toMatchObject({ op: 1, sha: MY_MAC, spa: ME, tha: 0, tpa: PEER })
    arp(h, 2, PEER_MAC, PEER, ME, MY_MAC)
    const out = take(h)
    expect(out.map((s) => s.payload[0])).toEqual([0, 1, 2])
    expect(out.every((s) => s.ether.dst === PEER_MAC)).toBe(true)
    expect(h.vn.state.arp.heldBytes).toBe(0)
  })

  it('a bounded number waits; the latest are kept', () => {
    const h = createHost({ sysctls: { 'net.link.ether.inet.maxhold': 4 } })
    for (let i = 0; i < 10; i++) send(h, '10.0.0.2', 253, Uint8Array.of(i))
    expect(h.drops.filter((d) => d === 'arp.queuelimit')).toHaveLength(6)
    take(h)
    arp(h, 2, PEER_MAC, PEER, ME, MY_MAC)
    expect(take(h).map((s) => s.payload[0])).toEqual([6, 7, 8, 9])
  })

  it('a bounded number of bytes waits for all neighbours together', () => {
    const h = createHost({ sysctls: { 'net.link.ether.inet.maxholdbytes': 4000 } })
    for (let i = 0; i < 5; i++) send(h, `10.0.0.${10 + i}`, 253, pattern(1400))
    expect(h.vn.state.arp.heldBytes).toBe(2840)
    expect(h.drops.filter((d) => d === 'arp.queuelimit')).toHaveLength(3)
  })

  it('RFC 1122 §2.3.2.1: one request a second for a destination, whatever is sent to it', () => {
    const h = createHost()
    for (let i = 0; i < 50; i++) {
      send(h, '10.0.0.2', 253, Uint8Array.of(i))
      pass(h, 40_000)
    }
    const requests = h.sent.filter((s) => s.arp?.op === 1)
    expect(requests.map((s) => s.at)).toEqual([0, 1_000_000, 2_000_000])
  })

  it('after five requests the neighbour is down: packets are refused for 20 s, then it is asked again', () => {
    const h = createHost()
    send(h, '10.0.0.2', 253, Uint8Array.of(1))
    pass(h, 5_500_000)
    expect(take(h).map((s) => s.at)).toEqual([0, 1_000_000, 2_000_000, 3_000_000, 4_000_000])
    expect(h.vn.state.arp.stats).toMatchObject({ timeouts: 1, dropped: 1 })
    expect(send(h, '10.0.0.2', 253, Uint8Array.of(2))).toBe(113)
    expect(h.sent).toEqual([])
    pass(h, 20_000_000)
    expect(arpList(h.vn)).toEqual([])
    expect(send(h, '10.0.0.2', 253, Uint8Array.of(3))).toBe(0)
    expect(take(h)[0]?.arp).toMatchObject({ op: 1, tpa: PEER })
  })

  it('a neighbour that is down and speaks is up', () => {
    const h = createHost()
    send(h, '10.0.0.2', 253, Uint8Array.of(1))
    pass(h, 6_000_000)
    arp(h, 1, PEER_MAC, PEER, ME)
    take(h)
    expect(send(h, '10.0.0.2', 253, Uint8Array.of(2))).toBe(0)
    expect(take(h)[0]?.payload[0]).toBe(2)
  })
})

describe('ageing (RFC 1122 §2.3.2.1)', () => {
  it('an entry that nobody uses goes after its time', () => {
    const h = createHost({ sysctls: { 'net.link.ether.inet.max_age': 60 } })
    arp(h, 1, PEER_MAC, PEER, ME)
    take(h)
    pass(h, 54_000_000)
    expect(arpList(h.vn)).toHaveLength(1)
    pass(h, 6_000_000)
    expect(arpList(h.vn)).toEqual([])
    expect(h.sent).toEqual([])
    expect(h.vnet.nextDeadline()).toBe(Infinity)
  })

  it('an entry in use is asked by unicast before its end, and stays when it answers', () => {
    const h = createHost({ sysctls: { 'net.link.ether.inet.max_age': 60 } })
    arp(h, 1, PEER_MAC, PEER, ME)
    rxIp(h, ipOf({ src: PEER, dst: ME, p: 1, payload: icmpOf(8, 0, 1) }))
    take(h)
    pass(h, 55_500_000)
    const asked = take(h)
    expect(asked.map((s) => [s.at, s.ether.dst, s.arp?.op])).toEqual([[55_000_000, PEER_MAC, 1]])
    expect(send(h, '10.0.0.2', 253, Uint8Array.of(1))).toBe(0)
    expect(take(h)[0]?.payload[0]).toBe(1)
    arp(h, 2, PEER_MAC, PEER, ME, MY_MAC)
    pass(h, 30_000_000)
    expect(arpList(h.vn)[0]?.status).toBe('reachable')
  })

  it('an entry in use that does not answer goes', () => {
    const h = createHost({ sysctls: { 'net.link.ether.inet.max_age': 60 } })
    arp(h, 1, PEER_MAC, PEER, ME)
    send(h, '10.0.0.2', 253, Uint8Array.of(1))
    take(h)
    pass(h, 61_000_000)
    expect(take(h).map((s) => s.at / 1e6)).toEqual([55, 56, 57, 58, 59])
    expect(arpList(h.vn)).toEqual([])
  })

  it('a static entry stays', () => {
    const h = createHost()
    arpSetStatic(h.vn, PEER, PEER_MAC)
    pass(h, 10_000_000_000)
    expect(arpList(h.vn)).toMatchObject([{ status: 'permanent', expires: -1, ifName: 'eth0' }])
  })
})

describe('the table is bounded', () => {
  it('unanswered questions give way first, then the oldest neighbours; never static ones', () => {
    const h = createHost({ sysctls: { 'net.link.ether.inet.maxentries': 8 } })
    arpSetStatic(h.vn, ip('10.0.0.200'), PEER_MAC)
    for (let i = 0; i < 5; i++) {
      pass(h, 1000)
      arp(h, 1, PEER_MAC, ip(`10.0.0.${10 + i}`), ME)
    }
    for (let i = 0; i < 20; i++) send(h, `10.0.0.${100 + i}`, 253, Uint8Array.of(i))
    expect(arpList(h.vn)).toHaveLength(8)
    expect(arpList(h.vn).filter((r) => r.status === 'reachable')).toHaveLength(5)
    for (let i = 0; i < 20; i++) arp(h, 1, PEER_MAC, ip(`10.0.0.${40 + i}`), ME)
    expect(arpList(h.vn)).toHaveLength(8)
    expect(macOf(h, '10.0.0.200')).not.toBeNull()
    expect(macOf(h, '10.0.0.59')).not.toBeNull()
    expect(macOf(h, '10.0.0.10')).toBeNull()
    expect(h.vn.state.arp.count).toBe(8)
    expect(h.vn.state.arp.heldBytes).toBe(0)
  })

  it('a flood leaves no timers behind', () => {
    const h = createHost({ sysctls: { 'net.link.ether.inet.maxentries': 100 } })
    for (let i = 0; i < 5000; i++) {
      rx(h, frameOf(MY_MAC, PEER_MAC, 0x0806, arpOf(1, PEER_MAC, ip(`10.0.0.${2 + (i % 250)}`), 0, ME)))
      if (i % 10 === 0) pass(h, 1000)
    }
    expect(h.vn.state.timers.at.length).toBeLessThan(10)
    take(h)
  })
})
