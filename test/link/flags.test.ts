import { describe, expect, it } from 'vitest'
import { arpList } from '../../src/arp/list.ts'
import { IFF_UP } from '../../src/link/state.ts'
import { ifSetFlags } from '../../src/link/ifnet.ts'
import { addAddr, createHost, know, ME, pass, PEER, PEER_MAC, rx, take } from '../ip/harness.ts'
import { arpOf, frameOf } from '../ip/packet.ts'

describe('up and down', () => {
  it('down forgets learnt neighbours, keeps static ones; up announces the address (RFC 5227 §2.1)', () => {
    const h = createHost()
    know(h, '10.0.0.9', '02:00:00:00:00:09')
    rx(h, frameOf(0xffffffffffff, PEER_MAC, 0x0806, arpOf(1, PEER_MAC, PEER, 0, ME)))
    take(h)
    expect(arpList(h.vn)).toHaveLength(2)
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags & ~IFF_UP)
    expect(arpList(h.vn).map((r) => r.status)).toEqual(['permanent'])
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags | IFF_UP)
    pass(h, 5_000_000)
    expect(take(h).map((s) => [s.arp?.spa, s.arp?.tpa])).toEqual([[ME, ME]])
    expect(ifSetFlags(h.vn, 99, 0)).toBe(2)
  })

  it('an address that brings an interface up starts the probing of those that waited', () => {
    const h = createHost({ bare: true })
    addAddr(h, h.ifp, '10.0.0.1/24', true)
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags & ~IFF_UP)
    pass(h, 10_000_000)
    expect(take(h)).toEqual([])
    addAddr(h, h.ifp, '10.0.0.5/24')
    pass(h, 10_000_000)
    expect(h.ifp.addrs.map((a) => a.status)).toEqual([0, 0])
    expect(take(h).filter((s) => s.arp?.spa === 0)).toHaveLength(3)
  })
})
