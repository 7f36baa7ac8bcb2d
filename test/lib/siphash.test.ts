import { expect, test } from 'vitest'
import { sipHash32 } from '../../src/lib/siphash.ts'

const KEY = [0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c] as const

test('SipHash-2-4 gives the low halves of the published vectors for 0, 4 and 8 bytes', () => {
  expect(sipHash32(KEY, []) >>> 0).toBe(0xdd0e0e31)
  expect(sipHash32(KEY, [0x03020100]) >>> 0).toBe(0x277187b7)
  expect(sipHash32(KEY, [0x03020100, 0x07060504]) >>> 0).toBe(0x9a932462)
})
