import { describe, expect, it } from 'vitest'
import { createHost, ip, know, mac, ME, pass, PEER, PEER_MAC, rx, rxIp, take } from '../ip/harness.ts'
import type { Host } from '../ip/harness.ts'
import { fragmentsOf, frameOf, icmpOf, ipOf, pattern, sumOk } from '../ip/packet.ts'
import type { IpFields } from '../ip/packet.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

/** A protocol that nobody here speaks: each such packet asks for a protocol unreachable. */
const ODD: IpFields = { src: PEER, dst: ME, p: 253, payload: pattern(100) }

function host(sysctls: Record<string, number> = {}): Host {
  const h = createHost({ sysctls })
  know(h)
  return h
}

describe('what an error quotes', () => {
  it('RFC 1812 §4.3.2.3: as much as fits into 576 bytes, unchanged; §4.3.2.4: from the address spoken to', () => {
    const h = host()
    const packet = ipOf({ ...ODD, tos: 0x10, options: Uint8Array.of(1, 1, 1, 1), payload: pattern(1000) })
    rxIp(h, packet)
    const [s] = take(h)
    expect(s?.ip).toMatchObject({ src: ME, dst: PEER, len: 576, p: 1, tos: 0, ttl: 64 })
    expect(s?.icmp).toMatchObject({ type: 3, code: 2, rest: 0 })
    expect(s?.data).toEqual(packet.slice(0, 548))
    expect(sumOk(s?.payload ?? new Uint8Array(1))).toBe(true)
  })

  it('net.inet.icmp.quotelen makes it shorter', () => {
    const h = host({ 'net.inet.icmp.quotelen': 28 })
    rxIp(h, ipOf(ODD))
    expect(take(h)[0]?.data).toEqual(ipOf(ODD).slice(0, 28))
  })

  it('a datagram put together from fragments is quoted whole', () => {
    const h = host()
    for (const f of fragmentsOf({ ...ODD, payload: pattern(2000) }, [0, 1000])) rxIp(h, f)
    expect(take(h)[0]?.data.slice(20)).toEqual(pattern(2000).slice(0, 528))
  })
})

describe('RFC 1122 §3.2.2: no error about', () => {
  it.each([3, 4, 5, 11, 12])('an ICMP error (type %i)', (type) => {
    const h = host()
    // bad options are the one fault that comes before ICMP looks at the message
    rxIp(h, ipOf({ ...ODD, p: 1, options: Uint8Array.of(7, 0, 0, 0), payload: icmpOf(type, 0, 0, pattern(28)) }))
    expect(h.sent).toEqual([])
    expect(h.vn.state.icmp.stats).toMatchObject({ error: 1, oldicmp: 1 })
  })

  it('an ICMP message too short to tell', () => {
    const h = host()
    rxIp(h, ipOf({ ...ODD, p: 1, options: Uint8Array.of(7, 0, 0, 0), payload: new Uint8Array(0) }))
    expect(h.vn.state.icmp.stats.oldshort).toBe(1)
    expect(h.sent).toEqual([])
  })

  it('but about an ICMP query', () => {
    const h = host()
    rxIp(h, ipOf({ ...ODD, p: 1, options: Uint8Array.of(7, 0, 0, 0), payload: icmpOf(8, 0, 0) }))
    expect(take(h)[0]?.icmp?.type).toBe(12)
  })

  it('a broadcast or multicast, of IP or of the link', () => {
    const h = host()
    rx(h, frameOf(0xffffffffffff, PEER_MAC, 0x0800, ipOf({ ...ODD, dst: ip('10.0.0.255') })))
    rx(h, frameOf(0xffffffffffff, PEER_MAC, 0x0800, ipOf({ ...ODD, dst: -1 })))
    rx(h, frameOf(mac('01:00:5e:00:00:01'), PEER_MAC, 0x0800, ipOf({ ...ODD, dst: ip('224.0.0.1') })))
    expect(h.drops).toEqual(['ip.noproto', 'ip.noproto', 'ip.noproto'])
    expect(h.vn.state.icmp.stats.oldbcast).toBe(3)
    rx(h, frameOf(h.ifp.mac, PEER_MAC, 0x0800, ipOf({ ...ODD, dst: ip('10.0.0.255') })))
    expect(h.vn.state.icmp.stats.oldbcast).toBe(4)
    expect(h.sent).toEqual([])
  })

  it('a fragment that is not the first', () => {
    const h = host()
    rxIp(h, ipOf({ ...ODD, off: 3, options: Uint8Array.of(7, 0, 0, 0) }))
    expect(h.vn.state.icmp.stats.oldfrag).toBe(1)
    expect(h.sent).toEqual([])
  })

  it('a source that is not one host', () => {
    const h = host()
    rx(h, frameOf(0xffffffffffff, PEER_MAC, 0x0800, ipOf({ ...ODD, src: 0, dst: -1 })))
    expect(h.drops).toEqual(['ip.noproto'])
    expect(h.sent).toEqual([])
  })
})

describe('RFC 1812 §4.3.2.8: rate', () => {
  it('200 at once, then 200 a second; what is suppressed is counted', () => {
    const h = host()
    for (let i = 0; i < 300; i++) rxIp(h, ipOf(ODD))
    expect(take(h)).toHaveLength(200)
    expect(h.vn.state.icmp.stats.ratelimited).toBe(100)
    pass(h, 100_000)
    for (let i = 0; i < 300; i++) rxIp(h, ipOf(ODD))
    expect(take(h)).toHaveLength(20)
    pass(h, 10_000_000)
    for (let i = 0; i < 300; i++) rxIp(h, ipOf(ODD))
    expect(take(h)).toHaveLength(200)
  })

  it('net.inet.icmp.icmplim: another rate, or none', () => {
    const h = host({ 'net.inet.icmp.icmplim': 3 })
    for (let i = 0; i < 10; i++) rxIp(h, ipOf(ODD))
    expect(take(h)).toHaveLength(3)
    sysctlsIn(h.vn.state)['net.inet.icmp.icmplim'] = 0
    for (let i = 0; i < 1000; i++) rxIp(h, ipOf(ODD))
    expect(take(h)).toHaveLength(1000)
  })

  it('echo replies are not errors', () => {
    const h = host()
    for (let i = 0; i < 500; i++) rxIp(h, ipOf({ ...ODD, p: 1, payload: icmpOf(8, 0, i) }))
    expect(take(h)).toHaveLength(500)
  })
})
