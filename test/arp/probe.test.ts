import { describe, expect, it } from 'vitest'
import { inetIsLocal } from '../../src/inet/source.ts'
import { routeLookup } from '../../src/ip/route.ts'
import { addrFromIp4 } from '../../src/lib/addr.ts'
import { IFF_RUNNING, IFF_UP } from '../../src/link/state.ts'
import { ifSetFlags } from '../../src/link/ifnet.ts'
import { addAddr, createHost, ip, mac, ME, MY_MAC, pass, PEER, PEER_MAC, rx, rxIp, send, take } from '../ip/harness.ts'
import type { Host, Sent } from '../ip/harness.ts'
import { arpOf, frameOf, icmpOf, ipOf } from '../ip/packet.ts'

const ALL = 0xffffffffffff

function heard(h: Host, op: number, sha: number, spa: number, tpa: number): void {
  rx(h, frameOf(ALL, sha, 0x0806, arpOf(op, sha, spa, 0, tpa)))
}

function kinds(sent: Sent[]): string[] {
  return sent.map(({ arp }) =>
    arp === null ? 'ip' : arp.spa === 0 ? 'probe' : arp.spa === arp.tpa ? 'announce' : 'arp')
}

describe('RFC 5227 §2.1: probing', () => {
  it('three probes 1 to 2 s apart after a random wait up to 1 s, 2 s later two announcements 2 s apart', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const h = createHost({ bare: true, seed })
      expect(addAddr(h, h.ifp, '10.0.0.1/24', true)).toBe(0)
      pass(h, 20_000_000)
      const sent = take(h)
      expect(kinds(sent)).toEqual(['probe', 'probe', 'probe', 'announce', 'announce'])
      expect(sent.every((s) => s.ether.dst === ALL)).toBe(true)
      for (const s of sent) expect(s.arp).toMatchObject({ op: 1, sha: MY_MAC, tha: 0 })
      const t = sent.map((s) => s.at)
      const gap = (i: number): number => (t[i] ?? 0) - (t[i - 1] ?? 0)
      expect(t[0]).toBeLessThanOrEqual(1_000_000)
      for (const i of [1, 2]) expect(gap(i)).toBeGreaterThanOrEqual(1_000_000)
      for (const i of [1, 2]) expect(gap(i)).toBeLessThanOrEqual(2_000_000)
      expect([gap(3), gap(4)]).toEqual([2_000_000, 2_000_000])
      expect(h.vnet.nextDeadline()).toBe(Infinity)
    }
  })

  it('two hosts wait differently', () => {
    const first = [1, 2].map((seed) => {
      const h = createHost({ bare: true, seed })
      addAddr(h, h.ifp, '10.0.0.1/24', true)
      pass(h, 1_000_000)
      return take(h)[0]?.at
    })
    expect(first[0]).not.toBe(first[1])
  })

  it('§2.1.1: a tentative address is not used: no route, no answers, nothing received', () => {
    const h = createHost({ bare: true })
    addAddr(h, h.ifp, '10.0.0.1/24', true)
    expect(inetIsLocal(h.vn, addrFromIp4(ME))).toBe(false)
    expect(routeLookup(h.vn, PEER)).toBeNull()
    expect(send(h, '10.0.0.2', 253, Uint8Array.of(1))).toBe(101)
    heard(h, 1, PEER_MAC, PEER, ME)
    rxIp(h, ipOf({ src: PEER, dst: ME, p: 1, payload: icmpOf(8, 0, 1) }))
    expect(take(h)).toEqual([])
    pass(h, 10_000_000)
    expect(inetIsLocal(h.vn, addrFromIp4(ME))).toBe(true)
    heard(h, 1, PEER_MAC, PEER, ME)
    expect(take(h).at(-1)?.arp).toMatchObject({ op: 2, tpa: PEER })
  })

  it.each([
    ['a reply with our address as its sender', 2, ME, PEER],
    ['a request with our address as its sender', 1, ME, PEER],
    ['somebody else probing for it', 1, 0, ME],
  ])('§2.1.1: %s ends it', (_name, op, spa, tpa) => {
    const h = createHost({ bare: true })
    addAddr(h, h.ifp, '10.0.0.1/24', true)
    pass(h, 1_500_000)
    take(h)
    heard(h, op, PEER_MAC, spa, tpa)
    pass(h, 20_000_000)
    expect(take(h)).toEqual([])
    expect(h.ifp.addrs[0]?.status).toBe(2)
    expect(h.vn.state.log.entries.at(-1)?.text).toBe(
      'arp: 02:00:00:00:00:02 is using my IP address 10.0.0.1 on eth0, giving it up')
    expect(h.vn.state.arp.stats.dupips).toBe(1)
  })

  it('§2.1.1: our own probe coming back, or a probe for another address, is no conflict', () => {
    const h = createHost({ bare: true })
    addAddr(h, h.ifp, '10.0.0.1/24', true)
    heard(h, 1, MY_MAC, 0, ME)
    heard(h, 1, PEER_MAC, 0, PEER)
    pass(h, 10_000_000)
    expect(h.ifp.addrs[0]?.status).toBe(0)
    take(h)
  })

  it('§2.1: the link coming back probes again for what was lost', () => {
    const h = createHost({ bare: true })
    addAddr(h, h.ifp, '10.0.0.1/24', true)
    heard(h, 2, PEER_MAC, ME, PEER)
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags & ~IFF_RUNNING)
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags | IFF_RUNNING)
    pass(h, 10_000_000)
    expect(kinds(take(h))).toEqual(['probe', 'probe', 'probe', 'announce', 'announce'])
    expect(h.ifp.addrs[0]?.status).toBe(0)
  })

  it('on an interface that is down probing waits for it to come up', () => {
    const h = createHost({ bare: true })
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags & ~IFF_RUNNING)
    addAddr(h, h.ifp, '10.0.0.1/24', true)
    pass(h, 20_000_000)
    expect(take(h)).toEqual([])
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags | IFF_RUNNING | IFF_UP)
    pass(h, 20_000_000)
    expect(take(h)).toHaveLength(5)
  })
})

describe('RFC 5227 §2.3, §2.4: announcing and defending', () => {
  it('an address that is added without probing is announced once and works at once', () => {
    const h = createHost({ bare: true })
    addAddr(h, h.ifp, '10.0.0.1/24')
    expect(inetIsLocal(h.vn, addrFromIp4(ME))).toBe(true)
    pass(h, 10_000_000)
    expect(kinds(take(h))).toEqual(['announce'])
  })

  it('§2.1.1: a probe for our address is answered', () => {
    const h = createHost()
    heard(h, 1, PEER_MAC, 0, ME)
    expect(take(h)[0]?.arp).toMatchObject({ op: 2, sha: MY_MAC, spa: ME, tha: PEER_MAC, tpa: 0 })
  })

  it('§2.4 (b): one conflict is answered with one announcement, a second within 10 s ends the address', () => {
    const h = createHost()
    heard(h, 2, PEER_MAC, ME, PEER)
    expect(kinds(take(h))).toEqual(['announce'])
    expect(h.ifp.addrs[0]?.status).toBe(0)
    pass(h, 9_000_000)
    heard(h, 2, PEER_MAC, ME, PEER)
    expect(take(h)).toEqual([])
    expect(h.ifp.addrs[0]?.status).toBe(2)
    expect(inetIsLocal(h.vn, addrFromIp4(ME))).toBe(false)
    expect(routeLookup(h.vn, PEER)).toBeNull()
    expect(h.vn.state.log.entries.map((e) => e.level)).toEqual([4, 3])
  })

  it('§2.4: conflicts more than 10 s apart are each defended', () => {
    const h = createHost()
    for (let i = 0; i < 3; i++) {
      heard(h, 2, PEER_MAC, ME, PEER)
      pass(h, 10_000_001)
    }
    expect(kinds(take(h))).toEqual(['announce', 'announce', 'announce'])
    expect(h.ifp.addrs[0]?.status).toBe(0)
  })

  it('§2.4 (c): with net.link.ether.inet.defend=keep the address stays, defended once in 10 s', () => {
    const h = createHost({ sysctls: { 'net.link.ether.inet.defend': 1 } })
    for (let i = 0; i < 25; i++) {
      heard(h, 2, mac('02:00:00:00:00:07'), ME, PEER)
      pass(h, 1_000_000)
    }
    expect(kinds(take(h))).toEqual(['announce', 'announce', 'announce'])
    expect(inetIsLocal(h.vn, addrFromIp4(ME))).toBe(true)
    expect(h.vn.state.arp.stats.dupips).toBe(25)
  })

  it('§2.4 (c): who kept an address that was given up is a neighbour: learnt and answered', () => {
    const h = createHost({ bare: true })
    addAddr(h, h.ifp, '10.0.0.1/24', true)
    heard(h, 2, PEER_MAC, ME, PEER)
    addAddr(h, h.ifp, '10.0.0.5/24')
    take(h)
    heard(h, 1, PEER_MAC, ME, ip('10.0.0.5'))
    expect(take(h)[0]?.arp).toMatchObject({ op: 2, spa: ip('10.0.0.5'), tha: PEER_MAC, tpa: ME })
    expect(h.vn.state.arp.count).toBe(1)
    expect(h.vn.state.arp.stats.dupips).toBe(1)
  })

  it('a claim to our address does not enter our table', () => {
    const h = createHost()
    heard(h, 1, PEER_MAC, ME, ip('10.0.0.9'))
    expect(h.vn.state.arp.count).toBe(0)
    take(h)
  })
})
