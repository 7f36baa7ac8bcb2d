/**
 * A growable byte ring: the send and receive buffers of sockets.
 *
 * Starts without memory and doubles on demand; the owner gives the memory back (`ringIsRoomy`, `ringClear`) when the ring has been
 * empty for a while. Giving it back whenever it runs empty would cost a busy one more than the bytes it carries.
 * Positions are relative to the first unread byte. Bytes may be written beyond the end (`ringPut`): that is how
 * TCP parks data that arrived out of order, copied once to the place where the reader will have it.
 *
 * Bytes stay where they are in `buf` until they are dropped; a ring that grows leaves its old `buf` as it was. Frames that lend
 * from a send buffer rely on it (docs/architecture.md, "Payload on loan").
 */

import { assert } from './assert.ts'
import { NO_BYTES } from './empty.ts'

export interface ByteRing {
  buf: Uint8Array
  /** Index in `buf` of the first byte. */
  head: number
  /** Readable bytes. */
  len: number
}

const MIN_SIZE = 1024
/** What an idle ring keeps, so that a quiet conversation does not allocate for every message. */
const IDLE_SIZE = 65_536

export function createByteRing(): ByteRing {
  return { buf: NO_BYTES, head: 0, len: 0 }
}

/** Appends `n` bytes of `from` at `at`. The caller has checked its own limit. */
export function ringAppend(r: ByteRing, from: Uint8Array, at: number, n: number): void {
  ringPut(r, r.len, from, at, n)
  r.len += n
}

/** Copies `n` bytes to position `pos` (≥ 0, may lie beyond `len`) without making them readable. */
export function ringPut(r: ByteRing, pos: number, from: Uint8Array, at: number, n: number): void {
  if (n === 0) return
  if (pos + n > r.buf.length) reserve(r, pos + n)
  const size = r.buf.length
  let to = r.head + pos
  if (to >= size) to -= size
  const first = Math.min(n, size - to)
  copy(from, at, r.buf, to, first)
  if (first < n) copy(from, at + first, r.buf, 0, n - first)
}

/** Copies `n` readable bytes from position `pos` into `to` at `at`. */
export function ringPeek(r: ByteRing, pos: number, to: Uint8Array, at: number, n: number): void {
  assert(pos + n <= r.len, 'peek beyond the ring')
  if (n === 0) return
  const from = ringIndex(r, pos)
  const first = Math.min(n, r.buf.length - from)
  copy(r.buf, from, to, at, first)
  if (first < n) copy(r.buf, 0, to, at + first, n - first)
}

/** Where in `buf` the byte at position `pos` lies; what follows goes on from 0 at the end of `buf`. */
export function ringIndex(r: ByteRing, pos: number): number {
  const at = r.head + pos
  return at >= r.buf.length ? at - r.buf.length : at
}

/** Forgets the first `n` bytes. `keep` says that bytes beyond `len` are in use (parked data), so they stay in place. */
export function ringDrop(r: ByteRing, n: number, keep = false): void {
  assert(n <= r.len, 'drop beyond the ring')
  r.len -= n
  if (r.len === 0 && !keep) {
    r.head = 0
    return
  }
  r.head += n
  if (r.head >= r.buf.length) r.head -= r.buf.length
}

/** Makes `n` parked bytes that follow the readable ones readable. */
export function ringCommit(r: ByteRing, n: number): void {
  assert(r.len + n <= r.buf.length, 'commit beyond the ring')
  r.len += n
}

/** True for an empty ring that holds more memory than an idle one may. */
export function ringIsRoomy(r: ByteRing): boolean {
  return r.len === 0 && ringIsLarge(r)
}

/** True for a ring that has more memory than an idle one may keep. */
export function ringIsLarge(r: ByteRing): boolean {
  return r.buf.length > IDLE_SIZE
}

/** Gives all memory back. */
export function ringClear(r: ByteRing): void {
  r.buf = NO_BYTES
  r.head = 0
  r.len = 0
}

/** Doubles to hold `need` bytes; parked bytes move too, so the whole old buffer is unrolled. */
function reserve(r: ByteRing, need: number): void {
  let size = Math.max(MIN_SIZE, r.buf.length)
  while (size < need) size *= 2
  const buf = new Uint8Array(size)
  const tail = r.buf.length - r.head
  buf.set(r.buf.subarray(r.head), 0)
  buf.set(r.buf.subarray(0, r.head), tail)
  r.buf = buf
  r.head = 0
}

function copy(from: Uint8Array, at: number, to: Uint8Array, pos: number, n: number): void {
  to.set(at === 0 && n === from.length ? from : from.subarray(at, at + n), pos)
}
