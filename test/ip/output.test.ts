import { describe, expect, it } from 'vitest'
import { F_ANYSRC, F_BROADCAST_OK, F_DF, F_DONTROUTE } from '../../src/lib/frame.ts'
import { ipOutput } from '../../src/ip/output.ts'
import { pmtuUpdate } from '../../src/ip/pmtu.ts'
import { routeAdd } from '../../src/ip/route.ts'
import { RTF_BLACKHOLE, RTF_REJECT } from '../../src/ip/state.ts'
import { ifJoinGroup } from '../../src/link/multicast.ts'
import { frameAlloc } from '../../src/lib/frame.ts'
import type { Frame } from '../../src/lib/frame.ts'
import { addrFromIp4 } from '../../src/lib/addr.ts'
import { addEther, createHost, ip, know, ME, PEER, PEER_MAC, send, take } from './harness.ts'
import { icmpOf, pattern, sumOk } from './packet.ts'

const ALL = 0xffffffffffff

describe('the header (RFC 791 §3.1, RFC 1122 §3.2.1)', () => {
  it('is complete and its checksum right; time to live from sysctl', () => {
    const h = createHost({ sysctls: { 'net.inet.ip.ttl': 77 } })
    know(h)
    expect(send(h, '10.0.0.2', 253, pattern(10), { tos: 0xb8 })).toBe(0)
    const [s] = take(h)
    expect(s?.ip).toMatchObject({ vhl: 0x45, tos: 0xb8, len: 30, off: 0, ttl: 77, p: 253, src: ME, dst: PEER })
    expect(sumOk(s?.bytes.slice(14, 34) ?? new Uint8Array(1))).toBe(true)
    send(h, '10.0.0.2', 253, pattern(10), { ttl: 3 })
    expect(take(h)[0]?.ip?.ttl).toBe(3)
  })

  it('RFC 6864: datagrams that may be fragmented differ in their identification; with DF it is 0', () => {
    const h = createHost()
    know(h)
    know(h, '10.0.0.3')
    const ids: number[] = []
    for (let i = 0; i < 500; i++) send(h, i % 2 === 0 ? '10.0.0.2' : '10.0.0.3', 253, pattern(4))
    for (const s of take(h)) if (s.ip?.dst === ip('10.0.0.2')) ids.push(s.ip.id)
    expect(new Set(ids).size).toBe(250)
    send(h, '10.0.0.2', 253, pattern(4), { flags: F_DF })
    expect(take(h)[0]?.ip).toMatchObject({ id: 0, off: 0x4000 })
  })
})

describe('routes', () => {
  it('a neighbour directly, others by their gateway, the longest prefix first', () => {
    const h = createHost()
    know(h)
    know(h, '10.0.0.254', '02:00:00:00:00:fe')
    expect(routeAdd(h.vn, 0, 0, ip('10.0.0.254'), 0, 0)).toBe(0)
    expect(routeAdd(h.vn, ip('192.0.2.0'), 24, ip('10.0.0.2'), 0, 0)).toBe(0)
    for (const dst of ['10.0.0.2', '192.0.2.77', '198.51.100.1']) expect(send(h, dst, 253, pattern(1))).toBe(0)
    expect(take(h).map((s) => s.ether.dst)).toEqual([PEER_MAC, PEER_MAC, 0x0200000000fe])
  })

  it('no route: ENETUNREACH; reject: EHOSTUNREACH; blackhole: silence', () => {
    const h = createHost()
    expect(send(h, '192.0.2.1', 253, pattern(1))).toBe(101)
    routeAdd(h.vn, ip('192.0.2.0'), 24, 0, 0, RTF_REJECT)
    expect(send(h, '192.0.2.1', 253, pattern(1))).toBe(113)
    routeAdd(h.vn, ip('198.51.100.0'), 24, 0, 0, RTF_BLACKHOLE)
    expect(send(h, '198.51.100.1', 253, pattern(1))).toBe(0)
    expect(send(h, '0.0.0.0', 253, pattern(1))).toBe(101)
    expect(h.drops).toEqual(['ip.noroute', 'ip.rejected', 'ip.rejected', 'ip.noroute'])
    expect(h.sent).toEqual([])
  })

  it('SO_DONTROUTE reaches neighbours only', () => {
    const h = createHost()
    know(h)
    routeAdd(h.vn, 0, 0, ip('10.0.0.2'), 0, 0)
    expect(send(h, '192.0.2.1', 253, pattern(1), { flags: F_DONTROUTE })).toBe(101)
    expect(send(h, '10.0.0.2', 253, pattern(1), { flags: F_DONTROUTE })).toBe(0)
    expect(take(h)).toHaveLength(1)
  })
})

describe('source addresses (RFC 1122 §3.2.1.3, §3.3.4.3)', () => {
  it('unspecified becomes the address on the next hop\'s prefix', () => {
    const h = createHost()
    addEther(h, 'eth1', '02:00:00:00:01:01', '10.1.0.1/24')
    routeAdd(h.vn, ip('192.0.2.0'), 24, ip('10.1.0.9'), 0, 0)
    know(h, '10.1.0.9')
    send(h, '192.0.2.1', 253, pattern(1))
    expect(take(h)[0]?.ip?.src).toBe(ip('10.1.0.1'))
  })

  it('one that is not ours is refused, unless an address is being asked for', () => {
    const h = createHost()
    know(h)
    expect(send(h, '10.0.0.2', 253, pattern(1), { src: '10.0.0.9' })).toBe(99)
    expect(h.drops).toEqual(['ip.badsource'])
    expect(send(h, '255.255.255.255', 17, pattern(8), { flags: F_ANYSRC | F_BROADCAST_OK })).toBe(0)
    expect(take(h)[0]?.ip).toMatchObject({ src: 0, dst: -1 })
  })
})

describe('broadcasts and multicasts', () => {
  it('SO_BROADCAST: EACCES without it', () => {
    const h = createHost()
    for (const dst of ['255.255.255.255', '10.0.0.255']) {
      expect(send(h, dst, 253, pattern(1))).toBe(13)
      expect(send(h, dst, 253, pattern(1), { flags: F_BROADCAST_OK })).toBe(0)
    }
    expect(take(h).map((s) => s.ether.dst)).toEqual([ALL, ALL])
  })

  it('a limited broadcast leaves by the interface of its source', () => {
    const h = createHost()
    const eth1 = addEther(h, 'eth1', '02:00:00:00:01:01', '10.1.0.1/24')
    send(h, '255.255.255.255', 253, pattern(1), { flags: F_BROADCAST_OK, src: '10.1.0.1' })
    send(h, '255.255.255.255', 253, pattern(1), { flags: F_BROADCAST_OK })
    expect(take(h).map((s) => [s.ifId, s.ip?.src])).toEqual([[eth1.id, ip('10.1.0.1')], [h.ifp.id, ME]])
  })

  it('we hear our own broadcasts', () => {
    const h = createHost({ sysctls: { 'net.inet.icmp.bmcastecho': 1 } })
    send(h, '10.0.0.255', 1, icmpOf(8, 0, 1), { flags: F_BROADCAST_OK })
    expect(h.vn.state.icmp.stats).toMatchObject({ inecho: 1, outechoreply: 1, inechoreply: 1 })
    expect(take(h)).toHaveLength(1)
  })

  it('RFC 1112 §6.1, §6.4: multicasts: time to live 1, to 01-00-5E and the low 23 bits, to us if we joined', () => {
    const h = createHost()
    expect(send(h, '239.129.2.3', 253, pattern(1))).toBe(0)
    const [s] = take(h)
    expect(s?.ether.dst).toBe(0x01005e010203)
    expect(s?.ip).toMatchObject({ ttl: 1, src: ME })
    expect(h.vn.state.ip.stats.total).toBe(0)
    ifJoinGroup(h.ifp, ip('239.129.2.3'))
    send(h, '239.129.2.3', 253, pattern(1))
    expect(h.vn.state.ip.stats.total).toBe(1)
    take(h)
  })
})

describe('size (RFC 791 §3.2, RFC 1191 §3)', () => {
  it('DF and too big: EMSGSIZE, for the interface and for a known path', () => {
    const h = createHost()
    know(h)
    expect(send(h, '10.0.0.2', 253, pattern(1480), { flags: F_DF })).toBe(0)
    expect(send(h, '10.0.0.2', 253, pattern(1481), { flags: F_DF })).toBe(90)
    pmtuUpdate(h.vn, ip('10.0.0.2'), 1000)
    expect(send(h, '10.0.0.2', 253, pattern(981), { flags: F_DF })).toBe(90)
    expect(send(h, '10.0.0.2', 253, pattern(980), { flags: F_DF })).toBe(0)
    expect(h.drops).toEqual(['ip.cantfrag', 'ip.cantfrag'])
    expect(take(h)).toHaveLength(2)
  })

  it('65,535 bytes are the end', () => {
    const h = createHost()
    know(h)
    expect(send(h, '10.0.0.2', 253, pattern(65_515))).toBe(0)
    expect(take(h)).toHaveLength(45)
    expect(send(h, '10.0.0.2', 253, pattern(65_516))).toBe(90)
  })

  it('a path MTU below the interface\'s makes smaller fragments', () => {
    const h = createHost()
    know(h)
    pmtuUpdate(h.vn, ip('10.0.0.2'), 576)
    send(h, '10.0.0.2', 253, pattern(1000))
    const sent = take(h)
    expect(sent.map((s) => [s.ip?.len, s.ip?.off])).toEqual([[572, 0x2000], [468, 69]])
  })

  it('fragments on a link of MTU 68 carry 48 bytes each; only options with the copied bit go on', () => {
    const h = createHost()
    h.ifp.mtu = 68
    know(h)
    const f = frameAlloc(h.vn.pool, 200) as Frame
    // router alert (copied), no-op, record route of 3 bytes (not copied)
    const options = Uint8Array.of(148, 4, 0, 0, 1, 7, 3, 4)
    f.slab.set(options, f.off)
    f.slab.set(pattern(100), f.off + 8)
    f.len = 108
    Object.assign(f.dst, addrFromIp4(ip('10.0.0.2')))
    f.proto = 253
    expect(ipOutput(h.vn, f, 8)).toBe(0)
    send(h, '10.0.0.2', 253, Uint8Array.of(1))
    const sent = take(h).slice(0, -1)
    expect(sent.map((s) => [s.options.length, s.payload.length, s.ip?.off])).toEqual([
      [8, 40, 0x2000], [4, 40, 0x2005], [4, 20, 10],
    ])
    expect(sent[1]?.options).toEqual(Uint8Array.of(148, 4, 0, 0))
    expect(Uint8Array.of(...sent.flatMap((s) => [...s.payload]))).toEqual(pattern(100))
    for (const s of sent) expect(sumOk(s.bytes.slice(14, 14 + ((s.ip?.vhl ?? 0) & 15) * 4))).toBe(true)
  })
})
