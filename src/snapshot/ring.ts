/**
 * Byte rings without their slack: the readable bytes, and what is parked behind them at its place. A rebuilt ring has
 * the size it would have grown to for them.
 */

import { createByteRing } from '../lib/bytering.ts'
import type { ByteRing } from '../lib/bytering.ts'
import type { RingNode } from './node.ts'

/** The parked [position, length) pairs of `owner`'s ring, flat; none for a ring without such. */
export function ringParked(node: RingNode, owner: object): number[] {
  return node.parked === null ? [] : node.parked(owner as never)
}

/** True when the ring has room for what it says it holds. */
export function ringHolds(r: ByteRing, parked: readonly number[]): boolean {
  const size = r.buf.length
  if (!(Number.isInteger(r.len) && r.len >= 0 && r.len <= size)) return false
  if (!(Number.isInteger(r.head) && r.head >= 0 && (r.head < size || r.head === 0))) return false
  // the first may touch what is readable: text on a crossing SYN is parked until the connection stands
  let end = r.len - 1
  for (let i = 0; i < parked.length; i += 2) {
    if (!(parked[i] > end && parked[i + 1] > 0)) return false
    end = parked[i] + parked[i + 1]
  }
  return Math.max(end, r.len) <= size
}

/** A ring with the live bytes of `from` (readable and parked). */
export function ringCopy(from: ByteRing, parked: readonly number[]): ByteRing {
  const to = createByteRing()
  const end = parked.length === 0 ? from.len : parked[parked.length - 2] + parked[parked.length - 1]
  if (end === 0) return to
  to.buf = new Uint8Array(ringSize(end))
  ringRead(from, 0, from.len, to.buf, 0)
  for (let i = 0; i < parked.length; i += 2) ringRead(from, parked[i], parked[i + 1], to.buf, parked[i])
  to.len = from.len
  return to
}

/** Like ringPeek, for parked bytes, too. */
export function ringRead(r: ByteRing, pos: number, n: number, to: Uint8Array, at: number): void {
  const size = r.buf.length
  const from = r.head + pos < size ? r.head + pos : r.head + pos - size
  const first = Math.min(n, size - from)
  to.set(r.buf.subarray(from, from + first), at)
  to.set(r.buf.subarray(0, n - first), at + first)
}

/** The size of a ring that has grown to hold `n` bytes: what ringPut would make of it. */
export function ringSize(n: number): number {
  let size = 1024
  while (size < n) size *= 2
  return size
}
