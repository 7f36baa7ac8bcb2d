import { describe, expect, it } from 'vitest'
import { createHost, ip, know, ME, pass, PEER, rxIp, take } from './harness.ts'
import type { Host } from './harness.ts'
import { fragmentsOf, icmpOf, ipOf, pattern, sumOk } from './packet.ts'

const MESSAGE = icmpOf(8, 0, 7, pattern(4000))
const FIELDS = { src: PEER, dst: ME, p: 1, id: 42, payload: MESSAGE }
const PARTS = fragmentsOf(FIELDS, [0, 1000, 2000, 3000])

function host(sysctls: Record<string, number> = {}): Host {
  const h = createHost({ sysctls })
  know(h)
  return h
}

/** The data that our echo reply carries, from its fragments. */
function echoed(h: Host): Uint8Array {
  const bytes = new Uint8Array(MESSAGE.length)
  for (const s of take(h)) bytes.set(s.payload, ((s.ip?.off ?? 0) & 0x1fff) * 8)
  return bytes.slice(8)
}

function isEmpty(h: Host): void {
  expect(h.vn.state.ip.reass.size).toBe(0)
  expect([h.vn.state.ip.reassFragments, h.vn.state.ip.reassBytes]).toEqual([0, 0])
}

function permutations<T>(list: readonly T[]): T[][] {
  if (list.length < 2) return [[...list]]
  return list.flatMap((x, i) => permutations([...list.slice(0, i), ...list.slice(i + 1)]).map((rest) => [x, ...rest]))
}

describe('reassembly (RFC 791 §3.2, RFC 815)', () => {
  it('in every order of arrival', () => {
    for (const order of permutations(PARTS)) {
      const h = host()
      for (const part of order) {
        expect(h.sent).toEqual([])
        rxIp(h, part)
      }
      expect(echoed(h)).toEqual(pattern(4000))
      isEmpty(h)
      expect(h.vn.state.ip.stats).toMatchObject({ fragments: 4, reassembled: 1, delivered: 1, fragdropped: 0 })
    }
  })

  it('exact copies are ignored, wherever they come', () => {
    const h = host()
    for (const i of [1, 1, 3, 1, 0, 0, 3, 2]) rxIp(h, PARTS[i])
    expect(h.drops).toEqual(['ip.fragdup', 'ip.fragdup', 'ip.fragdup', 'ip.fragdup'])
    expect(echoed(h)).toEqual(pattern(4000))
    isEmpty(h)
  })

  it('datagrams in between each other are told apart by source, destination, protocol and identification', () => {
    const h = host()
    know(h, '10.0.0.3')
    const mixed = [
      PARTS,
      fragmentsOf({ ...FIELDS, id: 43 }, [0, 1000, 2000, 3000]),
      fragmentsOf({ ...FIELDS, src: ip('10.0.0.3') }, [0, 1000, 2000, 3000]),
      fragmentsOf({ ...FIELDS, p: 253 }, [0, 1000, 2000, 3000]),
    ]
    for (let i = 0; i < 4; i++) for (const parts of mixed) rxIp(h, parts[i])
    expect(h.vn.state.ip.stats.reassembled).toBe(4)
    expect(h.vn.state.icmp.stats.outechoreply).toBe(3)
    isEmpty(h)
    take(h)
  })

  it('1,365 fragments of 48 bytes make 65,515 bytes', () => {
    const h = host({ 'net.inet.ip.maxfragsperpacket': 1400 })
    const message = icmpOf(8, 0, 7, pattern(65_507))
    const parts = fragmentsOf({ ...FIELDS, payload: message }, Array.from({ length: 1365 }, (_, i) => i * 48))
    for (const part of parts.reverse()) rxIp(h, part)
    expect(h.vn.state.icmp.stats.outechoreply).toBe(1)
    const back = new Uint8Array(message.length)
    for (const s of take(h)) back.set(s.payload, ((s.ip?.off ?? 0) & 0x1fff) * 8)
    expect(sumOk(back)).toBe(true)
    isEmpty(h)
  })

  it('the header is the first fragment\'s: its options, time to live and type of service', () => {
    const h = host()
    const rr = Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0)
    const [first, second] = [FIELDS, { ...FIELDS, ttl: 9 }]
    rxIp(h, fragmentsOf(second, [0, 2000])[1])
    rxIp(h, fragmentsOf({ ...first, options: rr }, [0, 2000])[0])
    const [reply] = take(h)
    expect(reply?.options).toEqual(Uint8Array.of(7, 7, 8, 10, 0, 0, 1, 0))
  })

  it('RFC 3168 §5.3: one marked fragment marks the datagram; marks and not-capable do not mix', () => {
    const h = host()
    const tos = (t: number, i: number): Uint8Array => fragmentsOf({ ...FIELDS, tos: t }, [0, 2000])[i]
    rxIp(h, tos(2, 0))
    rxIp(h, tos(3, 1))
    expect(take(h)[0]?.ip?.tos).toBe(3)
    rxIp(h, tos(0, 0))
    rxIp(h, tos(3, 1))
    expect(h.drops).toEqual(['ip.fragecn'])
    isEmpty(h)
  })
})

describe('fragments that are refused', () => {
  it.each<[string, Uint8Array]>([
    ['ip.fragbadlen', ipOf({ ...FIELDS, off: 0x2000, payload: pattern(1001) })],
    ['ip.fragbadlen', ipOf({ ...FIELDS, off: 0x2000, payload: new Uint8Array(0) })],
    ['ip.fragbadlen', ipOf({ ...FIELDS, off: 10, payload: new Uint8Array(0) })],
    ['ip.toolong', ipOf({ ...FIELDS, off: 0x1fff, payload: pattern(8) })],
    ['ip.toolong', ipOf({ ...FIELDS, off: 8189, payload: pattern(4) })],
    ['ip.fragtiny', ipOf({ ...FIELDS, p: 6, off: 1, payload: pattern(40) })],
  ])('%s', (counter, packet) => {
    const h = host()
    rxIp(h, packet)
    expect(h.drops).toEqual([counter])
    isEmpty(h)
  })

  it('"ping of death": the sum of header and data is checked when the first header comes last', () => {
    const h = host({ 'net.inet.ip.maxfragsperpacket': 100 })
    const tail = ipOf({ ...FIELDS, off: 8186, payload: pattern(27) })
    rxIp(h, tail)
    const options = new Uint8Array(40).fill(1)
    for (let at = 0; at < 8186 * 8; at += 8184) {
      const n = Math.min(8184, 8186 * 8 - at)
      const part = { ...FIELDS, off: (at >> 3) | 0x2000, payload: pattern(n) }
      rxIp(h, ipOf(at === 0 ? { ...part, options } : part))
    }
    expect(h.drops).toEqual(['ip.toolong'])
    isEmpty(h)
  })

  it.each<[string, number[][]]>([
    // [offset, length, more]
    ['starts inside the one before', [[0, 1000, 1], [992, 1000, 1]]],
    ['ends inside the one after', [[1000, 1000, 1], [0, 1008, 1]]],
    ['covers one', [[1000, 1000, 1], [0, 3000, 1]]],
    ['lies inside one', [[0, 3000, 1], [1000, 1000, 1]]],
    ['is shorter at the same place', [[0, 1000, 1], [0, 992, 1]]],
    ['has other bytes at the same place', [[0, 1000, 1], [0, 1000, 1, 9]]],
    ['goes beyond the last one', [[2000, 500, 0], [2000, 1000, 1]]],
    ['is another last one', [[2000, 500, 0], [3000, 500, 0]]],
    ['is a last one before others', [[2000, 1000, 1], [1000, 500, 0]]],
  ])('RFC 5722 §4 (as a policy for IPv4): a fragment that %s ends the datagram', (_name, list) => {
    const h = host()
    for (const [at, n, more, seed] of list as [number, number, number, number?][]) {
      rxIp(h, ipOf({ ...FIELDS, off: (at >> 3) | (more === 1 ? 0x2000 : 0), payload: pattern(n, seed ?? 1) }))
    }
    expect(h.drops).toEqual(['ip.fragoverlap'])
    isEmpty(h)
  })
})

describe('limits', () => {
  it('RFC 1122 §3.3.2: after 60 s the rest is dropped, and the sender told when the first fragment was there', () => {
    const h = host()
    rxIp(h, PARTS[0])
    rxIp(h, PARTS[2])
    pass(h, 59_999_999)
    expect(h.sent).toEqual([])
    pass(h, 1)
    expect(h.drops).toEqual(['ip.fragtimeout'])
    isEmpty(h)
    const [error] = take(h)
    expect(error?.icmp).toMatchObject({ type: 11, code: 1 })
    expect(error?.data).toEqual((PARTS[0]).slice(0, 548))
  })

  it('without the first fragment the sender is not told', () => {
    const h = host()
    rxIp(h, PARTS[1])
    rxIp(h, PARTS[3])
    pass(h, 60_000_000)
    expect(h.sent).toEqual([])
    isEmpty(h)
    expect(h.vnet.nextDeadline()).toBe(Infinity)
  })

  it('each datagram has its own time', () => {
    const h = host()
    rxIp(h, PARTS[1])
    pass(h, 30_000_000)
    rxIp(h, fragmentsOf({ ...FIELDS, id: 43 }, [0, 1000])[1])
    pass(h, 31_000_000)
    expect(h.vn.state.ip.reass.size).toBe(1)
    pass(h, 30_000_000)
    isEmpty(h)
  })

  it('a bounded number of datagrams: the oldest gives way', () => {
    const h = host({ 'net.inet.ip.maxfragpackets': 4 })
    for (let id = 0; id < 20; id++) rxIp(h, fragmentsOf({ ...FIELDS, id }, [0, 1000])[0])
    expect([...h.vn.state.ip.reass.values()].map((q) => q.ident)).toEqual([16, 17, 18, 19])
    expect(h.vn.state.ip.stats.fragdropped).toBe(16)
    pass(h, 61_000_000)
    isEmpty(h)
    take(h)
  })

  it('no datagrams when the limit is 0', () => {
    const h = host({ 'net.inet.ip.maxfragpackets': 0 })
    for (const part of PARTS) rxIp(h, part)
    expect(h.drops).toEqual(['ip.fragdropped', 'ip.fragdropped', 'ip.fragdropped', 'ip.fragdropped'])
    isEmpty(h)
  })

  it('a bounded number of fragments of one datagram', () => {
    const h = host({ 'net.inet.ip.maxfragsperpacket': 3 })
    for (let i = 0; i < 4; i++) rxIp(h, ipOf({ ...FIELDS, off: (i * 2) | 0x2000, payload: pattern(8) }))
    expect(h.drops).toEqual(['ip.fragdropped'])
    isEmpty(h)
  })

  it.each<[string, number]>([['net.inet.ip.maxfragbytes', 10_000], ['net.inet.ip.maxfrags', 9]])(
    '%s %i holds, whatever comes', (name, limit) => {
      const h = host({ [name]: limit })
      for (let id = 0; id < 200; id++) {
        rxIp(h, ipOf({ ...FIELDS, id: id % 50, off: (1 + id) | 0x2000, payload: pattern(8 * (1 + (id % 100))) }))
        const { reassFragments, reassBytes, reass } = h.vn.state.ip
        expect(name.endsWith('bytes') ? reassBytes : reassFragments).toBeLessThanOrEqual(limit)
        expect([...reass.values()].reduce((n, q) => n + q.fragments.length, 0)).toBe(reassFragments)
      }
      pass(h, 61_000_000)
      isEmpty(h)
      take(h)
    })

  it('a storm of fragments leaves one timer', () => {
    const h = host()
    for (let id = 0; id < 2000; id++) {
      rxIp(h, fragmentsOf({ ...FIELDS, id }, [0, 1000])[1])
      if (id % 100 === 0) pass(h, 1000)
    }
    expect(h.vn.state.timers.at.length).toBeLessThanOrEqual(2)
    pass(h, 61_000_000)
    isEmpty(h)
  })
})
