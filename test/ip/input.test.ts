import { describe, expect, it } from 'vitest'
import { ifJoinGroup } from '../../src/link/multicast.ts'
import { addEther, createHost, ip, know, mac, ME, MY_MAC, PEER, PEER_MAC, rx, rxIp, send, take } from './harness.ts'
import { frameOf, icmpOf, ipOf, pattern } from './packet.ts'
import type { IpFields } from './packet.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

const PING = { src: PEER, dst: ME, p: 1, payload: icmpOf(8, 0, 1, pattern(20)) }

function truncated(fields: IpFields, len: number): Uint8Array {
  return ipOf(fields).slice(0, len)
}

describe('header checks (RFC 791 §3.1, RFC 1122 §3.2.1.1, §3.2.1.2): discarded, each under its counter', () => {
  it.each<[string, Uint8Array]>([
    ['ip.toosmall', truncated(PING, 19)],
    ['ip.toosmall', new Uint8Array(0)],
    ['ip.badvers', ipOf({ ...PING, vhl: 0x65 })],
    ['ip.badvers', ipOf({ ...PING, vhl: 0x05 })],
    ['ip.badhlen', ipOf({ ...PING, vhl: 0x44 })],
    ['ip.badhlen', truncated({ ...PING, vhl: 0x4f }, 48)],
    ['ip.badsum', ipOf({ ...PING, sum: 0x1234 })],
    ['ip.badlen', ipOf({ ...PING, len: 19 })],
    ['ip.badlen', ipOf({ ...PING, len: 0 })],
    ['ip.tooshort', ipOf({ ...PING, len: 49 })],
    ['ip.tooshort', ipOf({ ...PING, len: 65_535 })],
  ])('%s', (counter, packet) => {
    const h = createHost()
    know(h)
    rxIp(h, packet)
    expect(h.drops).toEqual([counter])
    expect(h.sent).toEqual([])
    expect(h.vn.state.ip.stats).toMatchObject({ total: 1, delivered: 0, [counter.slice(3)]: 1 })
  })

  it('RFC 894: padding after the total length is cut off', () => {
    const h = createHost()
    know(h)
    rxIp(h, Uint8Array.of(...ipOf({ ...PING, payload: icmpOf(8, 0, 9, pattern(3)) }), ...pattern(40)))
    expect(take(h)[0]?.data).toEqual(pattern(3))
  })

  it('§3.2.1.7: a packet with time to live 0 or 1 is for us all the same', () => {
    const h = createHost()
    know(h)
    for (const ttl of [0, 1]) rxIp(h, ipOf({ ...PING, ttl }))
    expect(take(h)).toHaveLength(2)
  })
})

describe('impossible addresses (RFC 1122 §3.2.1.3, RFC 1812 §5.3.7)', () => {
  it.each<[string, string, string]>([
    ['224.0.0.1', '10.0.0.1', 'ip.badaddr'],
    ['239.1.2.3', '10.0.0.1', 'ip.badaddr'],
    ['255.255.255.255', '10.0.0.1', 'ip.badaddr'],
    ['240.0.0.1', '10.0.0.1', 'ip.badaddr'],
    ['10.0.0.255', '10.0.0.1', 'ip.badaddr'],
    ['0.0.0.0', '10.0.0.1', 'ip.badaddr'],
    ['127.0.0.1', '10.0.0.1', 'ip.badaddr'],
    ['10.0.0.2', '127.0.0.1', 'ip.badaddr'],
    ['10.0.0.2', '0.0.0.0', 'ip.badaddr'],
    ['10.0.0.1', '10.0.0.1', 'ip.spoofed'],
    ['10.0.0.2', '10.9.9.9', 'ip.cantforward'],
    ['10.0.0.2', '224.0.0.5', 'ip.nogroup'],
  ])('%s > %s is discarded (%s)', (src, dst, counter) => {
    const h = createHost()
    know(h)
    rxIp(h, ipOf({ ...PING, src: ip(src), dst: ip(dst) }))
    expect(h.drops).toEqual([counter])
    expect(h.sent).toEqual([])
  })

  it('§3.3.6: a unicast packet in a link broadcast or multicast is discarded', () => {
    const h = createHost()
    know(h)
    rx(h, frameOf(0xffffffffffff, PEER_MAC, 0x0800, ipOf(PING)))
    rx(h, frameOf(mac('01:00:5e:00:00:01'), PEER_MAC, 0x0800, ipOf(PING)))
    expect(h.drops).toEqual(['ip.linkbcast', 'ip.linkbcast'])
    expect(h.sent).toEqual([])
  })

  it('§3.3.6: limited and directed broadcasts of the receiving interface are for us', () => {
    const h = createHost({ sysctls: { 'net.inet.icmp.bmcastecho': 1 } })
    know(h)
    addEther(h, 'eth1', '02:00:00:00:01:01', '10.1.0.1/24')
    for (const dst of ['255.255.255.255', '10.0.0.255']) {
      rx(h, frameOf(0xffffffffffff, PEER_MAC, 0x0800, ipOf({ ...PING, dst: ip(dst) })))
    }
    expect(take(h).map((s) => [s.ip?.src, s.ip?.dst])).toEqual([[ME, PEER], [ME, PEER]])
    rx(h, frameOf(0xffffffffffff, PEER_MAC, 0x0800, ipOf({ ...PING, dst: ip('10.1.0.255') })))
    expect(h.drops).toEqual(['ip.cantforward'])
  })

  it('RFC 1112 §7.2: 224.0.0.1 and joined groups are received', () => {
    const h = createHost({ sysctls: { 'net.inet.icmp.bmcastecho': 1 } })
    know(h)
    const group = (text: string): void => {
      const low = ip(text) & 0x7fffff
      rx(h, frameOf(0x01005e000000 + low, PEER_MAC, 0x0800, ipOf({ ...PING, dst: ip(text) })))
    }
    group('224.0.0.1')
    group('239.1.2.3')
    expect(take(h)).toHaveLength(1)
    ifJoinGroup(h.ifp, ip('239.1.2.3'))
    group('239.1.2.3')
    // the same Ethernet address, another group
    group('239.129.2.3')
    expect(h.drops).toEqual(['ip.nogroup'])
    expect(take(h)).toHaveLength(1)
  })

  it('RFC 1122 §3.3.4.2: an address of another interface is taken, unless the strong model is asked for', () => {
    const h = createHost()
    know(h)
    addEther(h, 'eth1', '02:00:00:00:01:01', '10.1.0.1/24')
    rxIp(h, ipOf({ ...PING, dst: ip('10.1.0.1') }))
    expect(take(h)[0]?.ip).toMatchObject({ src: ip('10.1.0.1'), dst: PEER })
    sysctlsIn(h.vn.state)['net.inet.ip.rfc1122_strong_es'] = 1
    rxIp(h, ipOf({ ...PING, dst: ip('10.1.0.1') }))
    expect(h.drops).toEqual(['ip.wrongif'])
    expect(h.sent).toEqual([])
  })
})

describe('protocols', () => {
  it('RFC 1122 §3.2.2.1: an unknown protocol is answered with protocol unreachable', () => {
    const h = createHost()
    know(h)
    const packet = ipOf({ src: PEER, dst: ME, p: 253, payload: pattern(30) })
    rxIp(h, packet)
    expect(h.drops).toEqual(['ip.noproto'])
    const [error] = take(h)
    expect(error?.icmp).toMatchObject({ type: 3, code: 2 })
    expect(error?.data).toEqual(packet)
    expect(h.vn.state.ip.stats.delivered).toBe(0)
  })
})

describe('sending to ourselves (RFC 1122 §3.2.1.3 g)', () => {
  it.each(['127.0.0.1', '127.1.2.3', '10.0.0.1'])('%s goes by the loopback and never out', (dst) => {
    const h = createHost()
    expect(send(h, dst, 1, icmpOf(8, 0, 1, pattern(10)))).toBe(0)
    expect(h.sent).toEqual([])
    expect(h.vn.state.icmp.stats).toMatchObject({ inecho: 1, outechoreply: 1, inechoreply: 1 })
    expect(h.vn.state.link.ifnets.get(1)?.stats).toMatchObject({ ipackets: 2, opackets: 2 })
    expect(h.vn.state.link.loopQueue).toEqual([])
  })

  it('a datagram longer than the loopback MTU is fragmented and put together', () => {
    const h = createHost()
    send(h, '127.0.0.1', 1, icmpOf(8, 0, 1, pattern(65_000)))
    expect(h.vn.state.icmp.stats.inechoreply).toBe(1)
    expect(h.vn.state.ip.stats).toMatchObject({ fragmented: 2, reassembled: 2 })
  })

  it('the loopback queue is bounded', () => {
    const h = createHost({ sysctls: { 'net.link.loop.maxqueue': 3 } })
    expect(send(h, '127.0.0.1', 1, icmpOf(8, 0, 1, pattern(65_000)))).toBe(105)
    expect(h.drops).toContain('link.looplimit')
    expect(h.vn.state.link.loopQueue).toEqual([])
  })

  it('does not answer for 127/8 on a wire, and does not send it there', () => {
    const h = createHost()
    expect(send(h, '10.0.0.2', 253, pattern(4), { src: '127.0.0.1' })).toBe(99)
    expect(h.drops).toEqual(['ip.badsource'])
    expect(MY_MAC).toBe(h.ifp.mac)
  })
})
