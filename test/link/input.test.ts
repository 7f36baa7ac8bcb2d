import { describe, expect, it } from 'vitest'
import { IFF_UP, IFT_IP } from '../../src/link/state.ts'
import { ifByName, ifCreate, ifDelAddr, ifDestroy, ifSetFlags, ifSetMtu } from '../../src/link/ifnet.ts'
import { addrFromIp4 } from '../../src/lib/addr.ts'
import { frameFrom, frameRelease } from '../../src/lib/frame.ts'
import type { Frame } from '../../src/lib/frame.ts'
import { addAddr, createHost, ip, know, mac, ME, MY_MAC, PEER, PEER_MAC, rx, rxIp, send, take } from '../ip/harness.ts'
import { frameOf, icmpOf, ipOf, parseIp, pattern } from '../ip/packet.ts'

const PING = ipOf({ src: PEER, dst: ME, p: 1, payload: icmpOf(8, 0, 1, pattern(60)) })

describe('Ethernet (RFC 894, RFC 1042, RFC 1122 §2.3)', () => {
  it.each<[string, Uint8Array]>([
    ['link.tooshort', new Uint8Array(13)],
    ['link.tooshort', new Uint8Array(0)],
    ['link.notforus', frameOf(mac('02:00:00:00:00:99'), PEER_MAC, 0x0800, PING)],
    ['link.notforus', frameOf(mac('33:33:00:00:00:01'), PEER_MAC, 0x0800, PING)],
    ['link.notforus', frameOf(mac('01:00:5e:7f:ff:fa'), PEER_MAC, 0x0800, PING)],
    ['link.badsource', frameOf(MY_MAC, 0xffffffffffff, 0x0800, PING)],
    ['link.badtype', frameOf(MY_MAC, PEER_MAC, 0x86dd, PING)],
    ['link.badtype', frameOf(MY_MAC, PEER_MAC, 0x1234, PING)],
    ['link.badsnap', frameOf(MY_MAC, PEER_MAC, 100, PING)],
    ['link.badsnap', frameOf(MY_MAC, PEER_MAC, 7, PING)],
    ['link.badsnap', frameOf(MY_MAC, PEER_MAC, 1500, PING)],
  ])('%s', (counter, bytes) => {
    const h = createHost()
    rx(h, bytes)
    expect(h.drops).toEqual([counter])
    expect(h.sent).toEqual([])
  })

  it('§2.3.3: an RFC 1042 frame is received, its length field cuts the padding off', () => {
    const h = createHost()
    know(h)
    const packet = ipOf({ src: PEER, dst: ME, p: 1, payload: icmpOf(8, 0, 1, pattern(2)) })
    const snap = Uint8Array.of(0xaa, 0xaa, 3, 0, 0, 0, 8, 0)
    rx(h, frameOf(MY_MAC, PEER_MAC, 8 + packet.length, Uint8Array.of(...snap, ...packet, 9, 9, 9, 9)))
    const [echo] = take(h)
    expect(echo?.ether.type).toBe(0x0800)
    expect(echo?.data).toEqual(pattern(2))
    // one byte less than the packet says: what lies behind the length is padding, not packet
    rx(h, frameOf(MY_MAC, PEER_MAC, 7 + packet.length, Uint8Array.of(...snap, ...packet, 9, 9, 9, 9)))
    expect(h.drops).toEqual(['ip.tooshort'])
  })

  it('RFC 894: short frames are padded with zeros to 60 bytes', () => {
    const h = createHost()
    know(h)
    send(h, '10.0.0.2', 253, Uint8Array.of(1, 2, 3))
    const [s] = take(h)
    expect(s?.bytes.length).toBe(60)
    expect(s?.ip?.len).toBe(23)
    expect([...(s?.bytes.slice(37) ?? [1])].every((b) => b === 0)).toBe(true)
  })

  it('counts per interface', () => {
    const h = createHost()
    know(h)
    rxIp(h, PING)
    rx(h, frameOf(0xffffffffffff, PEER_MAC, 0x1234, PING))
    expect(h.ifp.stats).toMatchObject({ ipackets: 2, ibytes: 2 * (14 + PING.length), imcasts: 1, noproto: 1 })
    expect(take(h)).toHaveLength(1)
    expect(h.ifp.stats).toMatchObject({ opackets: 2, omcasts: 1 })
  })

  it('an interface that is down neither receives nor sends', () => {
    const h = createHost()
    know(h)
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags & ~IFF_UP)
    rxIp(h, PING)
    expect(h.drops).toEqual(['link.ifdown'])
    expect(send(h, '10.0.0.2', 253, pattern(3))).toBe(101)
    expect(take(h)).toEqual([])
  })

  it('a frame on an interface that is gone is counted', () => {
    const h = createHost()
    const f = frameFrom(h.vn.pool, PING) as Frame
    h.vnet.input(99, f, 0)
    frameRelease(h.vn.pool, f)
    expect(h.drops).toEqual(['link.nointerface'])
  })
})

describe('interfaces of bare IP packets', () => {
  it('receive and send without a header, without ARP', () => {
    const h = createHost({ bare: true })
    const tun = ifCreate(h.vn, 'tun0', IFT_IP, 0, 1400)
    addAddr(h, tun, '192.0.2.1/24')
    take(h)
    rx(h, ipOf({ src: ip('192.0.2.9'), dst: ip('192.0.2.1'), p: 1, payload: icmpOf(8, 0, 1, pattern(5)) }), tun)
    const [s] = take(h)
    const back = parseIp(s?.bytes ?? new Uint8Array(40))
    expect(back.ip).toMatchObject({ src: ip('192.0.2.1'), dst: ip('192.0.2.9'), len: 33 })
    expect(back.data).toEqual(pattern(5))
  })

  it('an address to be probed is used at once: there is nobody to ask', () => {
    const h = createHost({ bare: true })
    const tun = ifCreate(h.vn, 'tun0', IFT_IP, 0, 1400)
    expect(addAddr(h, tun, '192.0.2.1/32', true)).toBe(0)
    expect(h.vn.state.ip.local.get(ip('192.0.2.1'))).toBe(tun.id)
    expect(h.sent).toEqual([])
  })
})

describe('configuration', () => {
  it.each(['0.0.0.1/8', '224.0.0.1/24', '255.255.255.255/32', '10.1.0.0/24', '10.1.0.255/24', '10.1.0.1/33'])(
    'refuses %s (RFC 1122 §3.2.1.3)', (prefix) => {
      const h = createHost()
      expect(addAddr(h, h.ifp, prefix)).toBe(22)
      expect(h.ifp.addrs).toHaveLength(1)
    })

  it('RFC 3021: both addresses of a /31 are hosts, and neither is a broadcast', () => {
    const h = createHost({ bare: true })
    expect(addAddr(h, h.ifp, '10.5.0.0/31')).toBe(0)
    take(h)
    know(h, '10.5.0.1')
    expect(send(h, '10.5.0.1', 253, pattern(1))).toBe(0)
    expect(take(h)[0]?.ether.dst).toBe(PEER_MAC)
  })

  it('an address is there once; taking it away takes its route, gateways behind it and its claims', () => {
    const h = createHost()
    expect(addAddr(h, h.ifp, '10.0.0.1/16')).toBe(17)
    expect(ifDelAddr(h.vn, h.ifp.id, addrFromIp4(ip('10.0.0.9')))).toBe(99)
    expect(ifDelAddr(h.vn, h.ifp.id, addrFromIp4(ME))).toBe(0)
    expect(send(h, '10.0.0.2', 253, pattern(1))).toBe(101)
    expect([...h.vn.state.ip.local.keys()]).toEqual([ip('127.0.0.1')])
    expect([...h.vn.state.ip.broadcasts.keys()]).toEqual([])
  })

  it('of two addresses on one prefix the first to go leaves the route to the other', () => {
    const h = createHost()
    addAddr(h, h.ifp, '10.0.0.7/24')
    know(h)
    take(h)
    ifDelAddr(h.vn, h.ifp.id, addrFromIp4(ME))
    expect(send(h, '10.0.0.2', 253, pattern(1))).toBe(0)
    expect(take(h)[0]?.ip?.src).toBe(ip('10.0.0.7'))
    rx(h, frameOf(0xffffffffffff, PEER_MAC, 0x0800, ipOf({ src: PEER, dst: ip('10.0.0.255'), p: 253 })))
    expect(h.drops).toEqual(['ip.noproto'])
  })

  it('an interface that is destroyed leaves nothing', () => {
    const h = createHost()
    know(h)
    send(h, '10.0.0.9', 253, pattern(1))
    expect(ifDestroy(h.vn, h.ifp.id)).toBe(0)
    expect(ifByName(h.vn, 'eth0')).toBeNull()
    expect(ifDestroy(h.vn, h.ifp.id)).toBe(2)
    take(h)
    expect(h.vn.state.arp.heldBytes).toBe(0)
    expect(h.vn.state.ip.local.size).toBe(1)
  })

  it('checks an MTU', () => {
    const h = createHost()
    for (const bad of [67, 65_536, 1.5, NaN]) expect(ifSetMtu(h.vn, h.ifp.id, bad)).toBe(22)
    expect(ifSetMtu(h.vn, 77, 1000)).toBe(2)
    expect(ifSetMtu(h.vn, h.ifp.id, 576)).toBe(0)
    expect(h.ifp.mtu).toBe(576)
  })
})
