import { describe, expect, it } from 'vitest'
import { routeAdd, routeList, routeLookup } from '../../src/ip/route.ts'
import { RTF_DYNAMIC } from '../../src/ip/state.ts'
import { ip4Print } from '../../src/lib/addr.ts'
import { udpGetOpt, udpSetOpt } from '../../src/udp/sockopt.ts'
import { udpAttach, udpBind, udpConnect, udpSendTo } from '../../src/udp/usrreq.ts'
import { IP_MTU_DISCOVER, PMTUD_DO, SO_ERROR, SOL_IP, SOL_SOCKET } from '../../src/inet/sockopt.ts'
import { addrFromIp4 } from '../../src/lib/addr.ts'
import { pmtuGet } from '../../src/ip/pmtu.ts'
import { createHost, ip, know, ME, pass, PEER, PEER_MAC, rx, rxIp, send, take } from '../ip/harness.ts'
import type { Host } from '../ip/harness.ts'
import { frameOf, icmpOf, ipOf, pattern } from '../ip/packet.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

const ROUTER = ip('10.0.0.254')
const FAR = ip('192.0.2.7')

function host(sysctls: Record<string, number> = {}): Host {
  const h = createHost({ sysctls })
  know(h)
  know(h, '10.0.0.254', '02:00:00:00:00:fe')
  know(h, '10.0.0.253', '02:00:00:00:00:fd')
  routeAdd(h.vn, 0, 0, ROUTER, 0, 0)
  return h
}

function icmp(h: Host, message: Uint8Array, src = ROUTER): void {
  rxIp(h, ipOf({ src, dst: ME, p: 1, payload: message }))
}

/** A quoted UDP packet of ours. */
function quoted(more: Partial<Parameters<typeof ipOf>[0]> = {}): Uint8Array {
  return ipOf({ src: ME, dst: FAR, p: 17, payload: Uint8Array.of(0x13, 0x88, 0, 53, 0, 20, 0, 0, 1, 2, 3), ...more })
}

/** A UDP socket of port 5000 connected to 192.0.2.7:53, and its pending error. */
function socket(h: Host): () => number {
  const id = udpAttach(h.vn, 2)
  expect(udpBind(h.vn, id, addrFromIp4(ME), 5000)).toBe(0)
  expect(udpConnect(h.vn, id, addrFromIp4(FAR), 53)).toBe(0)
  expect(udpSetOpt(h.vn, id, SOL_IP, IP_MTU_DISCOVER, PMTUD_DO)).toBe(0)
  return () => udpGetOpt(h.vn, id, SOL_SOCKET, SO_ERROR)
}

describe('discarded, each under its counter (RFC 1122 §3.2.2)', () => {
  const bad = (message: Uint8Array): Uint8Array => {
    message[2] = (message[2] ?? 0) ^ 0x55
    return message
  }
  it.each<[string, Uint8Array]>([
    ['icmp.tooshort', icmpOf(8, 0, 0).slice(0, 7)],
    ['icmp.tooshort', new Uint8Array(0)],
    ['icmp.checksum', bad(icmpOf(8, 0, 0))],
    ['icmp.badtype', icmpOf(42, 0, 0)],
    ['icmp.badtype', icmpOf(255, 255, 0)],
    ['icmp.badtype', icmpOf(15, 0, 0)],
    ['icmp.badtype', icmpOf(9, 0, 0, pattern(8))],
    ['icmp.maskreq', icmpOf(17, 0, 0, pattern(4))],
    ['icmp.maskreq', icmpOf(18, 0, 0, pattern(4))],
    ['icmp.quench', icmpOf(4, 0, 0, quoted())],
    ['icmp.badlen', icmpOf(13, 0, 0, pattern(11))],
    ['icmp.badcode', icmpOf(3, 16, 0, quoted())],
    ['icmp.badcode', icmpOf(11, 2, 0, quoted())],
    ['icmp.badcode', icmpOf(12, 3, 0, quoted())],
    ['icmp.badcode', icmpOf(5, 4, 0, quoted())],
    ['icmp.badquote', icmpOf(3, 1, 0)],
    ['icmp.badquote', icmpOf(3, 1, 0, quoted().slice(0, 27))],
    ['icmp.badquote', icmpOf(11, 0, 0, quoted({ vhl: 0x4f }))],
    ['icmp.badquote', icmpOf(12, 0, 0, quoted({ vhl: 0x44 }))],
    ['icmp.badquote', icmpOf(3, 1, 0, quoted({ vhl: 0x65 }))],
    ['icmp.badquote', icmpOf(5, 1, ROUTER >>> 0, quoted().slice(0, 19))],
    ['icmp.notours', icmpOf(3, 1, 0, quoted({ src: PEER }))],
    ['icmp.notours', icmpOf(5, 1, ip('10.0.0.253'), quoted({ src: PEER }))],
    ['icmp.quotedfrag', icmpOf(3, 1, 0, quoted({ off: 100 }))],
  ])('%s', (counter, message) => {
    const h = host()
    icmp(h, message)
    expect(h.drops).toEqual([counter])
    expect(h.sent).toEqual([])
  })

  it.each([3, 5, 11, 12])('an error (type %i) that was broadcast', (type) => {
    const h = host()
    const packet = ipOf({ src: ROUTER, dst: ip('10.0.0.255'), p: 1, payload: icmpOf(type, 0, 0, quoted()) })
    rx(h, frameOf(0xffffffffffff, PEER_MAC, 0x0800, packet))
    expect(h.drops).toEqual(['icmp.badbcast'])
  })

  it('any first bytes of a message, cut anywhere, do no harm', () => {
    const h = host()
    for (const type of [0, 3, 4, 5, 8, 11, 12, 13, 14, 17]) {
      for (let n = 0; n < 40; n++) icmp(h, icmpOf(type, type === 3 ? 4 : 0, 0x0a0000fd, quoted().slice(0, n)))
    }
    take(h)
  })
})

describe('queries (RFC 1122 §3.2.2.6, §3.2.2.8)', () => {
  it('§3.2.2.6: a broadcast echo request is ignored, or by sysctl answered from our own address', () => {
    for (const answer of [0, 1]) {
      const h = host({ 'net.inet.icmp.bmcastecho': answer })
      for (const type of [8, 13]) {
        const packet = ipOf({ src: PEER, dst: ip('10.0.0.255'), p: 1, payload: icmpOf(type, 0, 0, pattern(12)) })
        rx(h, frameOf(0xffffffffffff, PEER_MAC, 0x0800, packet))
      }
      expect(h.drops).toEqual(answer === 1 ? [] : ['icmp.bmcastecho', 'icmp.bmcasttstamp'])
      expect(take(h).map((s) => [s.icmp?.type, s.ip?.src])).toEqual(answer === 1 ? [[0, ME], [14, ME]] : [])
    }
  })

  it('§3.2.2.8: a timestamp reply keeps the originate time and marks ours as non-standard', () => {
    const h = host()
    pass(h, 90_061_000_000)
    icmp(h, icmpOf(13, 0, 0x00070009, Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 99)), PEER)
    const [s] = take(h)
    expect(s?.icmp).toMatchObject({ type: 14, code: 0, rest: 0x00070009 })
    const ms = [0x85, 0x5e, 0x38, 0xc8]
    expect(s?.data).toEqual(Uint8Array.of(1, 2, 3, 4, ...ms, ...ms))
    sysctlsIn(h.vn.state)['net.inet.icmp.tstamprepl'] = 0
    icmp(h, icmpOf(13, 0, 0, pattern(12)), PEER)
    expect(h.drops).toEqual(['icmp.tstampoff'])
  })

  it('the code and the type of service of a request come back', () => {
    const h = host()
    rxIp(h, ipOf({ src: PEER, dst: ME, p: 1, tos: 0x48, payload: icmpOf(8, 7, 3) }))
    const [s] = take(h)
    expect(s?.ip?.tos).toBe(0x48)
    expect(s?.icmp).toMatchObject({ type: 0, code: 7 })
  })
})

describe('errors to sockets (RFC 1122 §3.2.2.1, .4, .5; §4.1.3.3)', () => {
  it.each<[string, number, number, number]>([
    ['port unreachable', 3, 3, 111],
    ['protocol unreachable', 3, 2, 92],
  ])('%s', (_name, type, code, errno) => {
    const h = host()
    const error = socket(h)
    icmp(h, icmpOf(type, code, 0, quoted()), FAR)
    expect(error()).toBe(errno)
    expect(h.drops).toEqual([])
  })

  it('about another socket changes nothing', () => {
    const h = host()
    const error = socket(h)
    icmp(h, icmpOf(3, 3, 0, quoted({ dst: ip('192.0.2.8') })))
    icmp(h, icmpOf(3, 3, 0, quoted({ payload: Uint8Array.of(0x13, 0x89, 0, 53, 0, 20, 0, 0) })))
    expect(error()).toBe(0)
  })

  it('RFC 1191 §4: the stated MTU is taken; §7: without one, the plateau below the packet', () => {
    const h = host()
    socket(h)
    icmp(h, icmpOf(3, 4, 1280, quoted()))
    expect(pmtuGet(h.vn, FAR)).toBe(1280)
    icmp(h, icmpOf(3, 4, 0, quoted({ len: 1280 })))
    expect(pmtuGet(h.vn, FAR)).toBe(1006)
    icmp(h, icmpOf(3, 4, 20, quoted()))
    expect(pmtuGet(h.vn, FAR)).toBe(552)
  })

  it('RFC 5927 §7.2: nobody\'s packet changes no path MTU', () => {
    const h = host()
    icmp(h, icmpOf(3, 4, 1280, quoted()))
    expect(pmtuGet(h.vn, FAR)).toBe(0)
  })

  it('RFC 1122 §2.4: a neighbour that does not answer is told to the socket that waits for it', () => {
    const h = host()
    const id = udpAttach(h.vn, 2)
    expect(udpConnect(h.vn, id, addrFromIp4(ip('10.0.0.77')), 53)).toBe(0)
    udpSendTo(h.vn, id, pattern(4), 0, 4, null, 0)
    pass(h, 6_000_000)
    expect(take(h).length).toBeGreaterThan(0)
    expect(udpGetOpt(h.vn, id, SOL_SOCKET, SO_ERROR)).toBe(113)
  })
})

describe('redirects (RFC 1122 §3.2.2.2)', () => {
  const redirect = (gateway: string, code = 1, dst = FAR): Uint8Array =>
    icmpOf(5, code, ip(gateway) >>> 0, quoted({ dst }))
  const gatewayOf = (h: Host): string => ip4Print(routeLookup(h.vn, FAR)?.gateway ?? 0)

  it.each([0, 1, 2, 3])('from the first hop, to a neighbour: taken (code %i, always for one host)', (code) => {
    const h = host()
    icmp(h, redirect('10.0.0.253', code))
    expect(gatewayOf(h)).toBe('10.0.0.253')
    send(h, '192.0.2.7', 253, pattern(1))
    expect(take(h)[0]?.ether.dst).toBe(0x0200000000fd)
    expect(routeLookup(h.vn, ip('192.0.2.8'))?.gateway).toBe(ROUTER)
    expect(routeList(h.vn).filter((r) => (r.flags & RTF_DYNAMIC) !== 0)).toHaveLength(1)
  })

  it('to the destination itself: a neighbour', () => {
    const h = host()
    routeAdd(h.vn, ip('10.0.0.200'), 32, ROUTER, 0, 0)
    icmp(h, redirect('10.0.0.200', 1, ip('10.0.0.200')))
    expect(routeLookup(h.vn, ip('10.0.0.200'))?.gateway).toBe(0)
  })

  it.each<[string, string, number]>([
    ['not from the first hop', '10.0.0.253', PEER],
    ['to a gateway on no link of ours', '192.0.2.1', ROUTER],
    ['to ourselves', '10.0.0.1', ROUTER],
    ['to a broadcast address', '10.0.0.255', ROUTER],
    ['to a multicast address', '224.0.0.1', ROUTER],
    ['to 0.0.0.0', '0.0.0.0', ROUTER],
  ])('%s: discarded', (_name, gateway, src) => {
    const h = host()
    icmp(h, redirect(gateway), src)
    expect(h.drops).toEqual(['icmp.badredirect'])
    expect(gatewayOf(h)).toBe('10.0.0.254')
  })

  it.each(['net.inet.icmp.drop_redirect', 'net.inet.ip.forwarding'])('with %s they are ignored', (name) => {
    const h = host({ [name]: 1 })
    icmp(h, redirect('10.0.0.253'))
    expect(h.drops).toEqual(['icmp.dropredirect'])
    expect(gatewayOf(h)).toBe('10.0.0.254')
  })

  it('end after ten minutes, and are bounded', () => {
    const h = host({ 'net.inet.icmp.maxredirects': 5 })
    for (let i = 1; i <= 20; i++) icmp(h, redirect('10.0.0.253', 1, ip(`192.0.2.${i}`)))
    expect(h.vn.state.ip.redirects.size).toBe(5)
    pass(h, 600_000_000)
    expect(h.vn.state.ip.redirects.size).toBe(0)
    expect(gatewayOf(h)).toBe('10.0.0.254')
    expect(h.vnet.nextDeadline()).toBe(Infinity)
  })
})
