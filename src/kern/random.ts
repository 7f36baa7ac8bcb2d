/** Random numbers of a Vnet: SipHash of a counter under the Vnet's own key, so they are plain data and replay exactly. */

import { sipHash32 } from '../lib/siphash.ts'
import type { SipKey } from '../lib/siphash.ts'

export interface RandomState {
  key: [number, number, number, number]
  /** Numbers drawn so far (two 32-bit words, low first). */
  count: number
}

/** From a seed of any number of 32-bit words; the host passes 128 random bits, tests a small number. */
export function createRandom(seed: readonly number[]): RandomState {
  const spread = (i: number): number => sipHash32([i, 0x76696d61, 0x67652d72, 0x6e640000], seed)
  return { key: [spread(1), spread(2), spread(3), spread(4)], count: 0 }
}

/** A signed random int32. */
export function randomInt32(r: RandomState): number {
  const n = r.count++
  return sipHash32(r.key, [n | 0, Math.floor(n / 0x100000000)])
}

/** A uniform integer 0…n−1 (n ≤ 2^32); the bias of a plain modulus is rejected. */
export function randomBelow(r: RandomState, n: number): number {
  const limit = 0x100000000 - (0x100000000 % n)
  for (;;) {
    const x = randomInt32(r) >>> 0
    if (x < limit) return x % n
  }
}

/** A fresh 128-bit key for a keyed hash. */
export function randomKey(r: RandomState): [SipKey[0], SipKey[1], SipKey[2], SipKey[3]] {
  return [randomInt32(r), randomInt32(r), randomInt32(r), randomInt32(r)]
}
