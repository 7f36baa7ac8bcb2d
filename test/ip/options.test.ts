import { describe, expect, it } from 'vitest'
import { addEther, createHost, ip, know, ME, PEER, rxIp, take } from './harness.ts'
import type { Host } from './harness.ts'
import { icmpOf, ipOf, pattern } from './packet.ts'

const FAR = ip('10.1.0.9')

function octets(text: string): number[] {
  const n = ip(text)
  return [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]
}

function ping(options: number[], more: { src?: number; dst?: number } = {}): Uint8Array {
  const payload = icmpOf(8, 0, 1, pattern(8))
  return ipOf({ src: PEER, dst: ME, p: 1, options: Uint8Array.from(options), payload, ...more })
}

function host(sysctls: Record<string, number> = {}): Host {
  const h = createHost({ sysctls })
  addEther(h, 'eth1', '02:00:00:00:01:01', '10.1.0.1/24')
  know(h)
  know(h, '10.1.0.9', '02:00:00:00:01:09')
  h.vnet.advance(1_500_000)
  return h
}

/** 1,500 ms since boot, marked as no time of day. */
const NOW = [0x80, 0, 0x05, 0xdc]

describe('reflected in an echo reply (RFC 1122 §3.2.2.6, §3.2.1.8)', () => {
  it('none but route and time: no-ops, security, router alert and unknown ones are left out', () => {
    const h = host()
    rxIp(h, ping([1, 1, 148, 4, 0, 0, 130, 3, 0, 99, 5, 1, 2, 3, 0, 0]))
    expect(take(h)[0]?.options).toEqual(new Uint8Array(0))
    expect(h.drops).toEqual([])
  })

  it('(d) record route: our address is added', () => {
    const h = host()
    rxIp(h, ping([7, 11, 8, ...octets('192.0.2.1'), 0, 0, 0, 0, 0]))
    expect([...(take(h)[0]?.options ?? [])]).toEqual([7, 11, 12, ...octets('192.0.2.1'), ...octets('10.0.0.1'), 0])
  })

  it('(d) a full record route goes back as it came', () => {
    const h = host()
    rxIp(h, ping([7, 7, 8, ...octets('192.0.2.1'), 0]))
    expect([...(take(h)[0]?.options ?? [])]).toEqual([7, 7, 8, ...octets('192.0.2.1'), 0])
  })

  it.each<[string, number[], number[]]>([
    ['time only', [68, 8, 5, 0, 0, 0, 0, 0], [68, 8, 9, 0, ...NOW]],
    ['address and time', [68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0], [68, 12, 13, 1, ...octets('10.0.0.1'), ...NOW]],
    ['pre-specified, ours', [68, 12, 5, 3, ...octets('10.0.0.1'), 0, 0, 0, 0],
      [68, 12, 13, 3, ...octets('10.0.0.1'), ...NOW]],
    ['pre-specified, another\'s', [68, 12, 5, 3, ...octets('10.9.9.9'), 0, 0, 0, 0],
      [68, 12, 5, 3, ...octets('10.9.9.9'), 0, 0, 0, 0]],
    ['full: the overflow counts', [68, 8, 9, 0x20, 1, 2, 3, 4], [68, 8, 9, 0x30, 1, 2, 3, 4]],
  ])('(e) timestamp, %s', (_name, options, back) => {
    const h = host()
    rxIp(h, ping(options))
    expect([...(take(h)[0]?.options ?? [])]).toEqual(back)
  })
})

describe('bad options (RFC 1122 §3.2.2.5): parameter problem that points at the octet', () => {
  it.each<[string, number[], number]>([
    ['length 0', [7, 0, 4, 0], 21],
    ['length 1', [7, 1, 4, 0], 21],
    ['length beyond the header', [7, 9, 4, 0], 21],
    ['no room for a length', [1, 1, 1, 7], 23],
    ['pointer too small', [7, 7, 3, 0, 0, 0, 0, 0], 22],
    ['two record routes', [7, 3, 4, 7, 3, 4, 0, 0], 23],
    ['two source routes', [131, 3, 4, 137, 3, 4, 0, 0], 23],
    ['room for part of an address', [7, 6, 4, 0, 0, 0, 0, 0], 22],
    ['room for part of a timestamp', [68, 10, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0], 22],
    ['overflow of the overflow', [68, 4, 5, 0xf0], 23],
    ['timestamp pointer too small', [68, 8, 4, 0, 0, 0, 0, 0], 22],
    ['router alert of a wrong length', [148, 3, 0, 0], 21],
  ])('%s', (_name, options, pointer) => {
    const h = host()
    const packet = ping(options)
    rxIp(h, packet)
    expect(h.drops).toEqual(['ip.badoptions'])
    const [error] = take(h)
    expect(error?.icmp).toMatchObject({ type: 12, code: 0, rest: pointer * 0x1000000 })
    expect(error?.data).toEqual(packet)
  })

  it('options can be ignored, or be a reason to refuse', () => {
    const ignoring = host({ 'net.inet.ip.process_options': 0 })
    rxIp(ignoring, ping([7, 0, 4, 0]))
    expect(take(ignoring)[0]?.icmp?.type).toBe(0)
    const refusing = host({ 'net.inet.ip.process_options': 2 })
    rxIp(refusing, ping([1, 1, 1, 1]))
    expect(refusing.drops).toEqual(['ip.badoptions'])
    expect(refusing.sent).toEqual([])
  })
})

describe('source routes (RFC 1122 §3.2.1.8 c, §3.3.5)', () => {
  const LSRR = 131
  const SSRR = 137

  it('off by default: a hop of one is refused with source route failed, the end of one silently', () => {
    const h = host({ 'net.inet.ip.forwarding': 1 })
    rxIp(h, ping([LSRR, 7, 4, ...octets('10.1.0.9'), 0]))
    expect(take(h).map((s) => [s.icmp?.type, s.icmp?.code])).toEqual([[3, 5]])
    rxIp(h, ping([LSRR, 7, 8, ...octets('10.9.9.9'), 0]))
    expect(h.drops).toEqual(['ip.sourceroute'])
    expect(h.sent).toEqual([])
  })

  it.each([LSRR, SSRR])('a hop (option %i): to the next address, ours in its place', (option) => {
    const h = host({ 'net.inet.ip.forwarding': 1, 'net.inet.ip.sourceroute': 1 })
    rxIp(h, ping([option, 7, 4, ...octets('10.1.0.9'), 0]))
    const [s] = take(h)
    expect(s?.ip).toMatchObject({ src: PEER, dst: FAR, ttl: 63 })
    expect([...(s?.options ?? [])]).toEqual([option, 7, 8, ...octets('10.1.0.1'), 0])
  })

  it('a strict route to who is no neighbour, or past us, fails', () => {
    const h = host({ 'net.inet.ip.forwarding': 1, 'net.inet.ip.sourceroute': 1 })
    rxIp(h, ping([SSRR, 7, 4, ...octets('192.0.2.1'), 0]))
    rxIp(h, ping([SSRR, 7, 4, ...octets('192.0.2.1'), 0], { dst: FAR }))
    expect(take(h).map((s) => [s.icmp?.type, s.icmp?.code])).toEqual([[3, 5], [3, 5]])
  })

  it('a loose route for somebody else is forwarded as it is', () => {
    const h = host({ 'net.inet.ip.forwarding': 1 })
    rxIp(h, ping([LSRR, 7, 4, ...octets('192.0.2.1'), 0], { dst: FAR }))
    expect([...(take(h)[0]?.options ?? [])]).toEqual([LSRR, 7, 4, ...octets('192.0.2.1'), 0])
  })

  it.each<[string, string[], string, string[]]>([
    ['(A)', ['10.0.0.2', '10.0.0.3'], '10.0.0.3', ['10.0.0.2', '192.0.2.9']],
    ['(B): the sender in its own record', ['192.0.2.9', '10.0.0.2', '10.0.0.3'], '10.0.0.3', ['10.0.0.2', '192.0.2.9']],
    ['of one hop', ['10.0.0.3'], '10.0.0.3', ['192.0.2.9']],
  ])('the end of one, when accepted: the reply goes back by the reversed route %s', (_name, hops, first, rest) => {
    const h = host({ 'net.inet.ip.accept_sourceroute': 1 })
    know(h, '10.0.0.3', '02:00:00:00:00:03')
    const list = hops.flatMap(octets)
    rxIp(h, ping([LSRR, 3 + list.length, 4 + list.length, ...list, 0], { src: ip('192.0.2.9') }))
    const [s] = take(h)
    expect(s?.ip).toMatchObject({ src: ME, dst: ip(first) })
    const back = rest.flatMap(octets)
    expect([...(s?.options ?? [])]).toEqual([LSRR, 3 + back.length, 4, ...back, 0])
  })
})

describe('marks of a router (RFC 1812 §5.3.13)', () => {
  it('record route and timestamp get the address of the interface by which the packet leaves', () => {
    const h = host({ 'net.inet.ip.forwarding': 1 })
    rxIp(h, ping([7, 7, 4, 0, 0, 0, 0, 68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], { dst: FAR }))
    expect([...(take(h)[0]?.options ?? [])]).toEqual([
      7, 7, 8, ...octets('10.1.0.1'), 68, 12, 13, 1, ...octets('10.1.0.1'), ...NOW, 0,
    ])
  })
})
