import { describe, expect, it } from 'vitest'
import { routeAdd } from '../../src/ip/route.ts'
import { RTF_BLACKHOLE, RTF_REJECT } from '../../src/ip/state.ts'
import { CSUM_PARTIAL, frameFrom, frameRelease } from '../../src/lib/frame.ts'
import type { Frame } from '../../src/lib/frame.ts'
import { IFF_UP } from '../../src/link/state.ts'
import type { Ifnet } from '../../src/link/state.ts'
import { ifSetFlags } from '../../src/link/ifnet.ts'
import { addEther, createHost, ip, know, ME, MY_MAC, pass, PEER, PEER_MAC, rx, rxIp, take } from './harness.ts'
import type { Host } from './harness.ts'
import { arpOf, frameOf, icmpOf, ipOf, pattern, sumOk } from './packet.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

const FAR = ip('10.1.0.9')
const FAR_MAC = 0x020000000109
const DATA = { src: PEER, dst: FAR, p: 17, payload: pattern(100) }

function router(mtu = 1500, sysctls: Record<string, number> = {}): Host & { eth1: Ifnet } {
  const h = createHost({ sysctls: { 'net.inet.ip.forwarding': 1, ...sysctls } })
  const eth1 = addEther(h, 'eth1', '02:00:00:00:01:01', '10.1.0.1/24', mtu)
  know(h)
  know(h, '10.1.0.9', '02:00:00:00:01:09')
  take(h)
  return Object.assign(h, { eth1 })
}

describe('forwarding (RFC 1812 §5)', () => {
  it('RFC 1122 §3.1: off by default', () => {
    const h = createHost()
    addEther(h, 'eth1', '02:00:00:00:01:01', '10.1.0.1/24')
    rxIp(h, ipOf(DATA))
    expect(h.drops).toEqual(['ip.cantforward'])
    expect(h.sent).toEqual([])
  })

  it('§5.3.1, RFC 1624: time to live one less, checksum follows, everything else as it was', () => {
    const h = router()
    for (let ttl = 2; ttl < 256; ttl++) {
      rxIp(h, ipOf({ ...DATA, ttl, id: ttl * 257, tos: ttl }))
      const [s] = take(h)
      expect(s?.ifId).toBe(h.eth1.id)
      expect(s?.ether).toMatchObject({ dst: FAR_MAC, src: h.eth1.mac })
      const same = { src: PEER, dst: FAR, p: 17, len: 120, off: 0, id: ttl * 257, tos: ttl }
      expect(s?.ip).toMatchObject({ ...same, ttl: ttl - 1 })
      expect(sumOk(s?.bytes.slice(14, 34) ?? new Uint8Array(1))).toBe(true)
      expect(s?.payload).toEqual(DATA.payload)
    }
    expect(h.vn.state.ip.stats.forward).toBe(254)
  })

  it.each([0, 1])('§5.3.1: time to live %i: dropped, time exceeded', (ttl) => {
    const h = router()
    const packet = ipOf({ ...DATA, ttl })
    rxIp(h, packet)
    expect(h.drops).toEqual(['ip.ttlexceeded'])
    const [error] = take(h)
    expect(error?.ip).toMatchObject({ src: ME, dst: PEER, tos: 0 })
    expect(error?.icmp).toMatchObject({ type: 11, code: 0, rest: 0 })
    expect(error?.data).toEqual(packet)
  })

  it('§5.2.7.1: no route is net unreachable, a reject route host unreachable, a blackhole nothing', () => {
    const h = router()
    rxIp(h, ipOf({ ...DATA, dst: ip('192.0.2.1') }))
    routeAdd(h.vn, ip('192.0.2.0'), 24, 0, 0, RTF_REJECT)
    rxIp(h, ipOf({ ...DATA, dst: ip('192.0.2.1') }))
    routeAdd(h.vn, ip('198.51.100.0'), 24, 0, 0, RTF_BLACKHOLE)
    rxIp(h, ipOf({ ...DATA, dst: ip('198.51.100.1') }))
    expect(h.drops).toEqual(['ip.noroute', 'ip.rejected', 'ip.rejected'])
    expect(take(h).map((s) => [s.icmp?.type, s.icmp?.code])).toEqual([[3, 0], [3, 1]])
  })

  it('§3.3.2: a neighbour that does not answer is host unreachable, for each packet that waited', () => {
    const h = router()
    for (let i = 0; i < 3; i++) rxIp(h, ipOf({ ...DATA, dst: ip('10.1.0.77'), id: i }))
    expect(take(h).map((s) => s.arp?.tpa)).toEqual([ip('10.1.0.77')])
    pass(h, 6_000_000)
    const errors = take(h).filter((s) => s.icmp !== null)
    expect(errors).toHaveLength(3)
    for (const s of errors) expect([s.icmp?.type, s.icmp?.code, s.ip?.dst]).toEqual([3, 1, PEER])
    // the quoted packet is what we would have sent: one hop on
    expect(errors[0]?.data[8]).toBe(63)
    rxIp(h, ipOf({ ...DATA, dst: ip('10.1.0.77') }))
    expect(take(h).map((s) => [s.icmp?.type, s.icmp?.code])).toEqual([[3, 1]])
  })

  it('packets that waited leave when the neighbour answers', () => {
    const h = router()
    rxIp(h, ipOf({ ...DATA, dst: ip('10.1.0.77') }))
    take(h)
    rx(h, frameOf(h.eth1.mac, FAR_MAC, 0x0806, arpOf(2, FAR_MAC, ip('10.1.0.77'), h.eth1.mac, ip('10.1.0.1'))), h.eth1)
    expect(take(h).map((s) => [s.ether.dst, s.ip?.ttl])).toEqual([[FAR_MAC, 63]])
  })

  it('an interface that is down is net unreachable', () => {
    const h = router()
    ifSetFlags(h.vn, h.eth1.id, h.eth1.flags & ~IFF_UP)
    rxIp(h, ipOf(DATA))
    expect(take(h).map((s) => [s.icmp?.type, s.icmp?.code])).toEqual([[3, 0]])
  })

  it.each([
    ['10.1.0.255', 'ip.noforwardbcast'], ['224.0.0.9', 'ip.nogroup'], ['240.0.0.1', 'ip.cantforward'],
    ['0.1.2.3', 'ip.cantforward'], ['169.254.1.1', 'ip.cantforward'],
  ])('%s is not forwarded (RFC 2644, RFC 1812 §5.3.7, RFC 3927 §2.7): %s', (dst, counter) => {
    const h = router()
    routeAdd(h.vn, 0, 0, FAR, 0, 0)
    rxIp(h, ipOf({ ...DATA, dst: ip(dst) }))
    expect(h.drops).toEqual([counter])
    expect(h.sent).toEqual([])
  })
})

describe('fragmentation on the way (RFC 791 §3.2, RFC 1191 §4)', () => {
  it('what is too big for the next link goes in pieces', () => {
    const h = router(500)
    rxIp(h, ipOf({ ...DATA, payload: pattern(1200) }))
    const sent = take(h)
    expect(sent.map((s) => [s.ip?.len, s.ip?.off])).toEqual([[500, 0x2000], [500, 0x203c], [260, 120]])
    expect(sent.every((s) => s.ip?.ttl === 63)).toBe(true)
    expect(Uint8Array.of(...sent.flatMap((s) => [...s.payload]))).toEqual(pattern(1200))
  })

  it('a fragment is cut again: offsets add up, more-fragments stays', () => {
    const h = router(500)
    rxIp(h, ipOf({ ...DATA, off: 0x2000 | 50, payload: pattern(960) }))
    rxIp(h, ipOf({ ...DATA, off: 170, payload: pattern(500) }))
    expect(take(h).map((s) => s.ip?.off)).toEqual([0x2000 | 50, 0x2000 | 110, 0x2000 | 170, 230])
  })

  it('with DF: fragmentation needed, with the next hop\'s MTU', () => {
    const h = router(500)
    const packet = ipOf({ ...DATA, off: 0x4000, payload: pattern(1200) })
    rxIp(h, packet)
    expect(h.drops).toEqual(['ip.cantfrag'])
    const [error] = take(h)
    expect(error?.icmp).toMatchObject({ type: 3, code: 4, rest: 500 })
    expect(error?.data).toEqual(packet.slice(0, 548))
    expect(error?.ip?.len).toBe(576)
  })

  it('a checksum left to the device is completed before a datagram is cut up', () => {
    const h = router(500)
    const udp = Uint8Array.of(0, 9, 0, 9, 0x03, 0xe8, 0, 0, ...pattern(992))
    const pseudo = [PEER >>> 16, PEER & 0xffff, FAR >>> 16, FAR & 0xffff, 17, 1000]
    const partial = pseudo.reduce((s, w) => s + w, 0)
    const folded = (partial & 0xffff) + (partial >>> 16)
    udp[6] = folded >> 8
    udp[7] = folded & 255
    const f = frameFrom(h.vn.pool, frameOf(MY_MAC, PEER_MAC, 0x0800, ipOf({ ...DATA, payload: udp }))) as Frame
    f.csum = CSUM_PARTIAL
    h.vnet.input(h.ifp.id, f, 0)
    frameRelease(h.vn.pool, f)
    pass(h, 0)
    const whole = Uint8Array.of(...take(h).flatMap((s) => [...s.payload]))
    expect(sumOk(Uint8Array.of(...pseudo.flatMap((w) => [w >> 8, w & 255]), ...whole))).toBe(true)
  })
})

describe('redirects sent (RFC 1812 §5.2.7.2)', () => {
  const setup = (sysctls: Record<string, number> = {}): Host => {
    const h = router(1500, sysctls)
    know(h, '10.0.0.254', '02:00:00:00:00:fe')
    routeAdd(h.vn, ip('192.0.2.0'), 24, ip('10.0.0.254'), 0, 0)
    return h
  }

  it('a neighbour that could ask the next hop itself is told, and the packet goes on', () => {
    const h = setup()
    const packet = ipOf({ ...DATA, dst: ip('192.0.2.5') })
    rxIp(h, packet)
    const [redirect, onward] = take(h)
    expect(redirect?.icmp).toMatchObject({ type: 5, code: 1, rest: ip('10.0.0.254') })
    expect(redirect?.data).toEqual(packet)
    expect(onward?.ip).toMatchObject({ ttl: 63, dst: ip('192.0.2.5') })
  })

  it('not to who is no neighbour, not when switched off', () => {
    const h = setup()
    rxIp(h, ipOf({ ...DATA, src: ip('203.0.113.1'), dst: ip('192.0.2.5') }))
    expect(take(h)).toHaveLength(1)
    sysctlsIn(h.vn.state)['net.inet.ip.redirect'] = 0
    rxIp(h, ipOf({ ...DATA, dst: ip('192.0.2.5') }))
    expect(take(h)).toHaveLength(1)
  })

  it('an ICMP error is forwarded like any packet', () => {
    const h = router()
    rxIp(h, ipOf({ ...DATA, p: 1, payload: icmpOf(3, 3, 0, pattern(28)) }))
    expect(take(h)[0]?.icmp?.type).toBe(3)
  })
})
