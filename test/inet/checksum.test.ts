import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inetChecksumOk, inetChecksumSet, inetPseudo } from '../../src/inet/checksum.ts'
import { addrCopy, addrFromIp4 } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import {
  CSUM_NONE, CSUM_PARTIAL, CSUM_VALID, createFramePool, frameAlloc, frameRelease,
} from '../../src/lib/frame.ts'
import type { Frame, FramePool } from '../../src/lib/frame.ts'
import { createSmallVn } from './vn.ts'

const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff })
const ip4 = int32.map(addrFromIp4)
const ip6 = fc.record({ w0: int32, w1: int32, w2: int32, w3: int32, zone: fc.constant(0) })
const pair = fc.oneof(fc.tuple(ip4, ip4), fc.tuple(ip6, ip6))
const payload = fc.uint8Array({ minLength: 8, maxLength: 1800 })

/** RFC 1071 §1 word by word over pseudo-header and data, written without a thought for speed. */
function naive(src: Addr, dst: Addr, proto: number, data: Uint8Array): number {
  const v4 = src.w0 === 0 && src.w1 === 0 && src.w2 === 0xffff && dst.w0 === 0 && dst.w1 === 0 && dst.w2 === 0xffff
  const bytes: number[] = []
  const word = (w: number): void => void bytes.push((w >>> 24) & 255, (w >>> 16) & 255, (w >>> 8) & 255, w & 255)
  for (const a of [src, dst]) for (const w of v4 ? [a.w3] : [a.w0, a.w1, a.w2, a.w3]) word(w)
  word(data.length)
  word(proto)
  bytes.push(...data)
  if (bytes.length % 2 === 1) bytes.push(0)
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) {
    sum += ((bytes[i]) << 8) + (bytes[i + 1])
    if (sum > 0xffff) sum -= 0xffff
  }
  return ~sum & 0xffff
}

function packet(pool: FramePool, src: Addr, dst: Addr, proto: number, data: Uint8Array, shift: number): Frame {
  const f = frameAlloc(pool, data.length + shift) as Frame
  f.off += shift
  f.l4 = f.off
  f.len = data.length
  f.slab.set(data, f.off)
  addrCopy(f.src, src)
  addrCopy(f.dst, dst)
  f.proto = proto
  return f
}

const isV6Pair = (s: Addr, d: Addr): boolean => s.w2 !== 0xffff && d.w2 !== 0xffff

test('RFC 768, RFC 9293 §3.1, RFC 8200 §8.1: a filled checksum equals the word-by-word sum and verifies', () => {
  const pool = createFramePool()
  const vn = createSmallVn()
  fc.assert(fc.property(pair, payload, fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 3 }),
    ([src, dst], data, proto, shift) => {
      fc.pre(src.w2 === 0xffff || isV6Pair(src, dst))
      const f = packet(pool, src, dst, proto, data, shift)
      inetChecksumSet(f, f.l4 + 6)
      const zeroed = data.slice()
      zeroed[6] = 0
      zeroed[7] = 0
      expect(f.view.getUint16(f.l4 + 6)).toBe(naive(src, dst, proto, zeroed))
      f.csum = CSUM_NONE
      expect(inetChecksumOk(vn, f)).toBe(true)
      expect(f.csum).toBe(CSUM_VALID)
      frameRelease(pool, f)
    }))
  expect(pool.inUse).toBe(0)
})

test('RFC 1071 §1: any single changed byte is noticed', () => {
  const pool = createFramePool()
  const vn = createSmallVn()
  const flips = fc.integer({ min: 1, max: 255 })
  fc.assert(fc.property(ip4, ip4, payload, fc.nat(), flips, (src, dst, data, where, flip) => {
    const f = packet(pool, src, dst, 17, data, 0)
    inetChecksumSet(f, f.l4 + 6)
    f.csum = CSUM_NONE
    const at = f.off + (where % f.len)
    f.slab[at] = (f.slab[at]) ^ flip
    expect(inetChecksumOk(vn, f)).toBe(false)
    expect(f.csum).toBe(CSUM_NONE)
    frameRelease(pool, f)
  }))
})

test('a partial checksum holds the pseudo-header only, and counts as right where it is received', () => {
  const pool = createFramePool()
  const vn = createSmallVn()
  const f = packet(pool, addrFromIp4(0x0a000001), addrFromIp4(0x0a000002), 17, new Uint8Array(100).fill(7), 0)
  f.csum = CSUM_PARTIAL
  inetChecksumSet(f, f.l4 + 6)
  expect(f.view.getUint16(f.l4 + 6)).toBe((0x0a00 + 1 + 0x0a00 + 2 + 17 + 100))
  expect(inetPseudo(f, 100)).toBe(0x0a000001 + 0x0a000002 + 17 + 100)
  expect(inetChecksumOk(vn, f)).toBe(true)
  expect(f.csum).toBe(CSUM_PARTIAL)
  frameRelease(pool, f)
})
