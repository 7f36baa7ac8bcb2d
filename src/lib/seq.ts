/**
 * TCP sequence numbers (RFC 9293 §3.4): modulo 2^32, kept as *signed* int32 so that they stay small integers.
 * Compare them only through these functions; lint forbids `<` and friends on a `Seq`.
 */

declare const seqBrand: unique symbol
export type Seq = number & { readonly [seqBrand]: true }

export const SEQ_ZERO = 0 as Seq

export function toSeq(n: number): Seq {
  return (n | 0) as Seq
}

export function seqAdd(a: Seq, n: number): Seq {
  return ((a as number) + n | 0) as Seq
}

/** Signed distance a − b: negative when a is before b. */
export function seqDiff(a: Seq, b: Seq): number {
  return (a as number) - (b as number) | 0
}

export function seqLt(a: Seq, b: Seq): boolean {
  return ((a as number) - (b as number) | 0) < 0
}

export function seqLeq(a: Seq, b: Seq): boolean {
  return ((a as number) - (b as number) | 0) <= 0
}

export function seqGt(a: Seq, b: Seq): boolean {
  return ((a as number) - (b as number) | 0) > 0
}

export function seqGeq(a: Seq, b: Seq): boolean {
  return ((a as number) - (b as number) | 0) >= 0
}

export function seqMax(a: Seq, b: Seq): Seq {
  return seqGt(a, b) ? a : b
}

export function seqMin(a: Seq, b: Seq): Seq {
  return seqLt(a, b) ? a : b
}

/** The value as it stands on the wire, 0…2^32−1. */
export function seqToWire(a: Seq): number {
  return (a as number) >>> 0
}
