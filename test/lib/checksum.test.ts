import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checksumAdd, checksumFold, checksumUpdate16 } from '../../src/lib/checksum.ts'

/** RFC 1071 §1, octet by octet. */
function naive(bytes: Uint8Array, at: number, len: number, sum: number): number {
  let total = sum
  for (let i = 0; i < len; i++) total += i % 2 === 0 ? bytes[at + i] * 256 : bytes[at + i]
  while (total > 0xffff) total = (total % 0x10000) + Math.floor(total / 0x10000)
  return ~total & 0xffff
}

test('RFC 1071 §3: the sum of the example', () => {
  const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7)
  expect(checksumFold(checksumAdd(0, new DataView(bytes.buffer), 0, 8))).toBe(~0xddf2 & 0xffff)
})

test('any bytes at any offset, of any length, on any running sum', () => {
  fc.assert(fc.property(
    fc.uint8Array({ minLength: 0, maxLength: 200 }), fc.nat(20), fc.nat(0x1fffff), (bytes, skip, sum) => {
      const at = Math.min(skip, bytes.length)
      const len = bytes.length - at
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      expect(checksumFold(checksumAdd(sum, view, at, len))).toBe(naive(bytes, at, len, sum))
    }), { numRuns: 2000 })
})

test('64 KiB of ones lose nothing', () => {
  const bytes = new Uint8Array(65_600).fill(0xff)
  const view = new DataView(bytes.buffer)
  for (const len of [65_600, 65_599, 65_535]) {
    expect(checksumFold(checksumAdd(0, view, 0, len))).toBe(naive(bytes, 0, len, 0))
  }
})

test('RFC 1624: a changed word is as good as a new sum', () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), fc.nat(9), fc.nat(0xffff), (bytes, word, is) => {
    const view = new DataView(bytes.buffer)
    bytes[0] |= 1
    const before = checksumFold(checksumAdd(0, view, 0, 20))
    const was = view.getUint16(word * 2)
    if (word === 0 && is === 0) return
    view.setUint16(word * 2, is)
    const after = checksumFold(checksumAdd(0, view, 0, 20))
    expect([after, after === 0 ? 0xffff : after]).toContain(checksumUpdate16(before, was, is))
  }))
})
