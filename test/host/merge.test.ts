/** TCP segments that the addon puts together (native/merge.c): whoever cuts them again gets what came, octet for octet, in order. */

import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeInNetns, openNetns } from './netns.ts'
import type { NetnsChild } from './netns.ts'
import type { Arrived } from './merge-scenarios.ts'

const SCENARIOS = new URL('merge-scenarios.ts', import.meta.url)
const ACK = 0x10
const PSH = 0x08
/** Fits, with options and a tag, into 1,500 octets: a bridge drops what does not. */
const MSS = 1400

/** One segment; the sums are right unless `bad` says which is not. */
interface Shape {
  v6: boolean; tag: boolean; ident: number; frag: number; ttl: number; tos: number; ipOptions: boolean
  port: number; seq: number; ack: number; flags: number; window: number; urgent: number; options: number[]; payload: number
  bad: '' | 'ip' | 'tcp'; pad: number
}

const SHAPE: Shape = {
  v6: false, tag: false, ident: 1000, frag: 0x4000, ttl: 64, tos: 0, ipOptions: false, port: 5000, seq: 0xfffffa00, ack: 77, flags: ACK,
  window: 500, urgent: 0, options: [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8], payload: MSS, bad: '', pad: 0,
}

/** `count` segments that follow each other, the k-th with `changes[k]`; those behind go on from there. */
function row(count: number, base: Partial<Shape> = {}, changes: Record<number, Partial<Shape>> = {}): Shape[] {
  const shapes: Shape[] = []
  let { seq, ident } = { ...SHAPE, ...base }
  for (let k = 0; k < count; k++) {
    const shape = { ...SHAPE, ...base, seq, ident, ...changes[k] }
    shapes.push(shape)
    seq = shape.seq + shape.payload >>> 0
    ident = shape.ident + 1 & 0xffff
  }
  return shapes
}

const words = (n: number): number[] => [n >>> 8 & 255, n & 255]
const long = (n: number): number[] => [...words(n >>> 16), ...words(n & 0xffff)]

/** RFC 1071, on its own. */
function sum(bytes: readonly number[]): number {
  let s = 0
  for (let i = 0; i < bytes.length; i += 2) s += bytes[i] * 256 + (bytes[i + 1] ?? 0)
  while (s > 0xffff) s = (s & 0xffff) + (s >>> 16)
  return ~s & 0xffff
}

function bytesOf(s: Shape): string {
  const payload = Array.from({ length: s.payload }, (_, i) => (s.seq + i) * 7 & 255)
  const tcp = [
    ...words(s.port), ...words(9), ...long(s.seq), ...long(s.ack), (20 + s.options.length) / 4 << 4, s.flags, ...words(s.window), 0, 0,
    ...words(s.urgent), ...s.options, ...payload,
  ]
  const options = s.ipOptions ? [1, 1, 1, 0] : []
  const [src, dst] = s.v6
    ? [[0xfd, ...new Array<number>(14).fill(0), 1], [0xfd, ...new Array<number>(14).fill(0), 2]] : [[10, 9, 0, 1], [10, 9, 0, 2]]
  const pseudo = s.v6 ? [...src, ...dst, ...long(tcp.length), 0, 0, 0, 6] : [...src, ...dst, 0, 6, ...words(tcp.length)]
  tcp.splice(16, 2, ...words(sum([...pseudo, ...tcp]) ^ (s.bad === 'tcp' ? 1 : 0)))
  const ip = s.v6
    ? [...long(0x60000000 | s.tos << 20 | s.ident % 3), ...words(tcp.length), 6, s.ttl, ...src, ...dst]
    : [0x45 + options.length / 4, s.tos, ...words(20 + options.length + tcp.length), ...words(s.ident), ...words(s.frag), s.ttl, 6, 0, 0,
        ...src, ...dst, ...options]
  if (!s.v6) ip.splice(10, 2, ...words(sum(ip) ^ (s.bad === 'ip' ? 1 : 0)))
  const type = s.v6 ? [0x86, 0xdd] : [0x08, 0x00]
  const link = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, ...(s.tag ? [0x81, 0, 0, 5] : []), ...type]
  return Buffer.from([...link, ...ip, ...tcp, ...new Array<number>(s.pad).fill(0)]).toString('hex')
}

/** What came of `shapes` must be what was sent; how many segments each frame was that came. */
function check(shapes: readonly Shape[], arrived: Arrived): number[] {
  const sent = shapes.map(bytesOf)
  // not the frames themselves: printing where thousands of octets differ takes minutes
  const wrong = sent.findIndex((hex, k) => hex !== arrived.frames[k])
  if (wrong >= 0) expect({ wrong, frame: arrived.frames[wrong] }).toEqual({ wrong, frame: sent[wrong] })
  expect(arrived.frames.length).toBe(sent.length)
  expect(shapes.filter((s, k) => (s.bad === 'tcp' || s.bad === 'ip' && !s.v6) && arrived.summed[k])).toEqual([])
  expect(arrived.rxFrames).toBe(sent.length)
  expect(arrived.rxBytes).toBe(sent.join('').length / 2)
  expect(arrived.inUse).toBe(0)
  return arrived.counts
}

describeInNetns('TCP segments that follow each other', () => {
  let ns: NetnsChild
  const through = (rows: Shape[][], merge = true): Promise<Arrived[]> =>
    ns.call<Arrived[]>(SCENARIOS, 'through', rows.map((r) => r.map(bytesOf)), merge)
  beforeAll(async () => { ns = await openNetns() })
  afterAll(() => ns.close())

  it.each([
    ['IPv4', {}], ['IPv4 with a VLAN tag', { tag: true }], ['IPv6', { v6: true, ident: 0 }], ['no TCP options', { options: [] }],
    ['identification past its end', { ident: 0xfffe }], ['marked by the network (RFC 3168)', { tos: 3 }],
  ] as [string, Partial<Shape>][])('come as one frame: %s', async (_, base) => {
    // of IPv6 the flow label counts in `ident`: it must stay
    const shapes = row(6, base).map((s) => base.v6 === true ? { ...s, ident: 0 } : s)
    const [arrived] = await through([shapes])
    expect(check(shapes, arrived)).toEqual([6])
    const [apart] = await through([shapes], false)
    expect(check(shapes, apart)).toEqual([1, 1, 1, 1, 1, 1])
  })

  it('come as one frame until PSH, or a shorter one, or as much as an IP packet can be (RFC 791 §3.1)', async () => {
    const pushed = row(5, {}, { 2: { flags: ACK | PSH } })
    const shorter = row(5, {}, { 2: { payload: 100 } })
    const longer = row(4, { payload: 100 }, { 2: { payload: 101 } })
    const many = row(100)
    const tiny = row(130, { payload: 1 })
    const [a, b, c, d, e] = await through([pushed, shorter, longer, many, tiny])
    expect(check(pushed, a)).toEqual([3, 2])
    expect(check(shorter, b)).toEqual([3, 2])
    expect(check(longer, c)).toEqual([2, 2])
    expect(check(many, d)).toEqual([46, 46, 8])
    expect(check(tiny, e)).toEqual([64, 64, 2])
  })

  it.each([
    ['a gap', { seq: 1 }], ['another acknowledgment', { ack: 78 }], ['another window', { window: 501 }], ['another port', { port: 5001 }],
    ['other timestamps', { options: [1, 1, 8, 10, 1, 2, 3, 5, 5, 6, 7, 8] }], ['other options', { options: [] }],
    ['another identification', { ident: 7 }], ['a fragment', { frag: 0x2000 }], ['leave to fragment', { frag: 0 }],
    ['another time to live', { ttl: 63 }], ['a mark', { tos: 3 }], ['IP options', { ipOptions: true }], ['FIN', { flags: ACK | 1 }],
    ['RST', { flags: ACK | 4 }], ['URG', { flags: ACK | 0x20, urgent: 5 }], ['ECE', { flags: ACK | 0x40 }], ['CWR', { flags: ACK | 0x80 }],
    ['no ACK', { flags: 0 }], ['no data', { payload: 0 }], ['a wrong sum', { bad: 'tcp' }], ['a wrong IP sum', { bad: 'ip' }],
    ['padding', { pad: 6 }], ['a tag', { tag: true }], ['the other family', { v6: true, ident: 0 }],
  ] satisfies [string, Partial<Shape>][])('stay apart: %s', async (_, change) => {
    const shapes = row(5, {}, { 2: change })
    const [arrived] = await through([shapes])
    expect(check(shapes, arrived)[0]).toBe(2)
  })

  it('come as they were sent, whatever is among them', async () => {
    const change = fc.record({
      seq: fc.nat(0xffffffff), payload: fc.constantFrom(0, 1, 100, MSS), flags: fc.constantFrom(ACK, ACK | PSH, ACK | 1, 0),
      bad: fc.constantFrom<Shape['bad']>('', 'tcp', 'ip'), port: fc.constantFrom(5000, 5001), v6: fc.boolean(), tag: fc.boolean(),
      ident: fc.nat(0xffff), pad: fc.constantFrom(0, 3), window: fc.constantFrom(500, 501),
    }, { requiredKeys: [] })
    const changes = fc.dictionary(fc.nat(90).map(String), change, { maxKeys: 12 })
    const made = fc.tuple(fc.integer({ min: 2, max: 90 }), changes).map(([count, some]) => row(count, {}, some))
    const rows = fc.sample(made, { numRuns: 150, seed: 9293 })
    const all = await through(rows)
    const merged = rows.map((shapes, i) => check(shapes, all[i])).flat().filter((n) => n > 1).length
    expect(merged).toBeGreaterThan(150)
  }, 60_000)
})
