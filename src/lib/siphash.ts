/**
 * SipHash-2-4 over a few 32-bit words, in 32-bit halves (no BigInt).
 *
 * The keyed function behind everything that must not be guessed from outside: initial sequence numbers
 * (RFC 6528 §3), ephemeral ports (RFC 6056 §3.3.3), SYN cookies, hash tables, and the Vnet's random numbers.
 */

/** 128-bit key as four int32 words. */
export type SipKey = readonly [number, number, number, number]

/** The low 32 bits of SipHash-2-4 of `words` (each taken as a little-endian int32), as a signed int32. */
export function sipHash32(key: SipKey, words: ArrayLike<number>): number {
  return sipHash(key, words, false)
}

/** The high 32 bits of the same. */
export function sipHashHigh32(key: SipKey, words: ArrayLike<number>): number {
  return sipHash(key, words, true)
}

function sipHash(key: SipKey, words: ArrayLike<number>, high: boolean): number {
  // v0..v3 as (low, high) pairs
  let a0 = key[0] ^ 0x70736575
  let a1 = key[1] ^ 0x736f6d65
  let b0 = key[2] ^ 0x6e646f6d
  let b1 = key[3] ^ 0x646f7261
  let c0 = key[0] ^ 0x6e657261
  let c1 = key[1] ^ 0x6c796765
  let d0 = key[2] ^ 0x79746573
  let d1 = key[3] ^ 0x74656462
  const n = words.length
  // message blocks of 64 bits, then the block that carries the length, then four finalization rounds
  const blocks = (n >> 1) + 1
  for (let i = 0; i < blocks + 2; i++) {
    let m0 = 0
    let m1 = 0
    if (i < blocks) {
      const last = i === blocks - 1
      m0 = last && (n & 1) === 0 ? 0 : (words[2 * i]) | 0
      m1 = last ? (n << 26) : (words[2 * i + 1]) | 0
      d0 ^= m0
      d1 ^= m1
    } else if (i === blocks) c0 ^= 0xff
    for (let r = 0; r < 2; r++) {
      // a carry where the sum is below what was added: within 32 bits, a fifth faster than in a double (bench/peers/density.mjs)
      a0 = (a0 + b0) | 0
      a1 = (a1 + b1 + ((a0 >>> 0) < (b0 >>> 0) ? 1 : 0)) | 0
      c0 = (c0 + d0) | 0
      c1 = (c1 + d1 + ((c0 >>> 0) < (d0 >>> 0) ? 1 : 0)) | 0
      let t = (b0 << 13) | (b1 >>> 19)
      b1 = ((b1 << 13) | (b0 >>> 19)) ^ a1
      b0 = t ^ a0
      t = (d0 << 16) | (d1 >>> 16)
      d1 = ((d1 << 16) | (d0 >>> 16)) ^ c1
      d0 = t ^ c0
      t = a0
      a0 = a1
      a1 = t
      a0 = (a0 + d0) | 0
      a1 = (a1 + d1 + ((a0 >>> 0) < (d0 >>> 0) ? 1 : 0)) | 0
      c0 = (c0 + b0) | 0
      c1 = (c1 + b1 + ((c0 >>> 0) < (b0 >>> 0) ? 1 : 0)) | 0
      t = (d0 << 21) | (d1 >>> 11)
      d1 = ((d1 << 21) | (d0 >>> 11)) ^ a1
      d0 = t ^ a0
      t = (b0 << 17) | (b1 >>> 15)
      b1 = ((b1 << 17) | (b0 >>> 15)) ^ c1
      b0 = t ^ c0
      t = c0
      c0 = c1
      c1 = t
    }
    if (i < blocks) {
      a0 ^= m0
      a1 ^= m1
    }
  }
  return high ? a1 ^ b1 ^ c1 ^ d1 : a0 ^ b0 ^ c0 ^ d0
}
