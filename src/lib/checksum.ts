/**
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * A running sum is an ordinary number that has not been folded; `checksumFold` turns it into the 16-bit
 * field value. A buffer whose stored checksum is right sums to 0xffff, so its fold is 0.
 */

/**
 * Adds `len` bytes at `at` to the running sum. `at` may be odd: words are counted from `at`, an odd last
 * byte is padded with zero (RFC 1071 §1). Safe for len ≤ 64 KiB + 64 (no overflow past 2^53).
 */
export function checksumAdd(sum: number, view: DataView, at: number, len: number): number {
  const end = at + (len & ~3)
  const end16 = at + (len & ~15)
  let p = at
  // 32-bit words: 2^16 ≡ 1 (mod 2^16 - 1), so a wide sum folds to the same value (RFC 1071 §2 (C)).
  // Four sums that do not wait for each other (bench `headers`: 422 -> 242 ns for 1,460 bytes, 18.3 -> 10.1 µs for 65,483).
  let total = sum
  let b = 0
  let c = 0
  let d = 0
  for (; p < end16; p += 16) {
    total += view.getUint32(p)
    b += view.getUint32(p + 4)
    c += view.getUint32(p + 8)
    d += view.getUint32(p + 12)
  }
  total += b + c + d
  for (; p < end; p += 4) total += view.getUint32(p)
  if ((len & 2) !== 0) {
    total += view.getUint16(p)
    p += 2
  }
  if ((len & 1) !== 0) total += view.getUint8(p) << 8
  return total
}

/** One's-complement fold of a running sum into the value of a checksum field. */
export function checksumFold(sum: number): number {
  let s = sum
  while (s > 0xffff) s = Math.floor(s / 0x10000) + (s % 0x10000)
  return ~s & 0xffff
}

/** Folds to 16 bits without complementing: what a partial (pseudo-header) checksum field holds. */
export function checksumPartial(sum: number): number {
  return ~checksumFold(sum) & 0xffff
}

/** The checksum field after a 16-bit word changed from `was` to `is` (RFC 1624 eqn. 3). */
export function checksumUpdate16(field: number, was: number, is: number): number {
  return checksumFold((~field & 0xffff) + (~was & 0xffff) + is)
}
