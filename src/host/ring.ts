/**
 * A ring of frames in shared memory, for one producer and one consumer, each in a thread of its own.
 *
 * A record is a head of four words (length; offset of the transport header; phase, checksum state and protocol; segment size
 * of a super-segment) and the frame's bytes, aligned to 16 octets and never cut at the ring's end: a length of -1 there
 * says that the next record is at the beginning. Positions count octets and wrap at 2^32; only their differences count.
 *
 * The bytes begin `phase` octets behind the head, so that they lie as they did in the frame and will in the next one, modulo 8: to and
 * from shared memory V8 copies words where both sides agree in that, and single octets where they do not (64 KiB: 4 µs and 20 to 27;
 * bench `threads`).
 *
 * The consumer that goes to sleep says so (SLEEPS) and looks at the ring again; the producer publishes (TAIL) and then
 * looks at SLEEPS. Both do it with sequentially consistent operations, so one of them sees the other.
 */

import { CSUM_PARTIAL, FRAME_HEADROOM, FRAME_LARGE, frameAlloc, frameRelease } from '../lib/frame.ts'
import type { Frame, FramePool } from '../lib/frame.ts'
import { gsoIsSound } from '../wire/gso.ts'

/** Words of control in front of each ring; those that different threads write are on lines of their own. */
export const RING_CONTROL_BYTES = 256
const TAIL = 0
const HEAD = 16
const SLEEPS = 32

const RECORD_HEAD = 16
const ALIGN = 16
/** What V8 copies at once is a word of so many octets. */
const WORD = 8
const WRAP = -1
/** Octets written before the consumer is told of them, unless a batch ends. */
const PUBLISH_BYTES = 16_384
const FRAME_MOST = FRAME_LARGE - FRAME_HEADROOM
/** Below it a loop is cheaper than two views and a call. */
const COPY_LOOP = 64

export interface Ring {
  readonly control: Int32Array
  readonly words: Int32Array
  readonly bytes: Uint8Array
  readonly size: number
  /** The producer's own: what it has written, what it has published, and the head as it last saw it. */
  tail: number
  published: number
  seenHead: number
  /** The consumer's own: what it has read, and the tail as it last saw it. */
  head: number
  seenTail: number
  /** Records that were not what a producer writes, or that found no buffer. */
  lost: number
}

/** A view of the ring at octet `at` of `buffer` (control words, then `size` octets, a power of two), as it stands. */
export function ringOpen(buffer: SharedArrayBuffer, at: number, size: number): Ring {
  const control = new Int32Array(buffer, at, RING_CONTROL_BYTES / 4)
  const [tail, head] = [Atomics.load(control, TAIL), Atomics.load(control, HEAD)]
  return {
    control,
    words: new Int32Array(buffer, at + RING_CONTROL_BYTES, size / 4),
    bytes: new Uint8Array(buffer, at + RING_CONTROL_BYTES, size),
    size, tail, published: tail, seenHead: head, head, seenTail: tail, lost: 0,
  }
}

/**
 * Copies a frame, and what it has on loan, into the ring; false where there is no room. The consumer sees it after `ringPublish` at
 * the latest.
 */
export function ringWrite(ring: Ring, f: Frame): boolean {
  const { size, words, bytes } = ring
  const head = f.len - f.lentLen
  // most of the octets are those on loan
  const phase = f.lentLen === 0 ? phaseOf(f) : (f.lent.byteOffset + f.lentAt + (WORD - 1) * head) % WORD
  const need = RECORD_HEAD + ((phase + f.len + ALIGN - 1) & -ALIGN)
  let at = ring.tail & (size - 1)
  const skip = at + need > size ? size - at : 0
  if (((ring.tail - ring.seenHead) | 0) + skip + need > size) {
    ring.seenHead = Atomics.load(ring.control, HEAD)
    if (((ring.tail - ring.seenHead) | 0) + skip + need > size) return false
  }
  if (skip > 0) {
    words[at >> 2] = WRAP
    at = 0
  }
  const word = at >> 2
  const described = f.csum === CSUM_PARTIAL || f.gsoSize > 0
  words[word] = f.len
  words[word + 1] = described ? f.l4 - f.off : 0
  words[word + 2] = (phase << 16) | (f.csum << 8) | (described ? f.proto : 0)
  words[word + 3] = f.gsoSize
  copy(f.slab, f.off, bytes, at + RECORD_HEAD + phase, head)
  if (f.lentLen !== 0) copyLent(f, bytes, at + RECORD_HEAD + phase + head)
  ring.tail = (ring.tail + skip + need) | 0
  if (((ring.tail - ring.published) | 0) >= PUBLISH_BYTES) ringPublish(ring)
  return true
}

/** The consumer sees what was written. */
export function ringPublish(ring: Ring): void {
  if (ring.published === ring.tail) return
  ring.published = ring.tail
  Atomics.store(ring.control, TAIL, ring.tail)
}

/** True for the one caller who has to notify the consumer: it was asleep. To be asked after publishing. */
export function ringClaimWake(ring: Ring): boolean {
  return Atomics.load(ring.control, SLEEPS) === 1 && Atomics.compareExchange(ring.control, SLEEPS, 1, 0) === 1
}

/**
 * The next frame of a ring that is not empty, with one reference; null where it is lost: the pool is empty, or the record
 * is not sound (a producer's fault: counted, and nothing of it is believed).
 */
export function ringRead(ring: Ring, pool: FramePool): Frame | null {
  const { size, words, bytes } = ring
  let at = ring.head & (size - 1)
  if (words[at >> 2] === WRAP) {
    ring.head = (ring.head + size - at) | 0
    at = 0
  }
  const word = at >> 2
  const len = words[word]
  const phase = (words[word + 2] >>> 16) % WORD
  const taken = RECORD_HEAD + phase + len
  if (len < 0 || len > FRAME_MOST || taken > ((ring.seenTail - ring.head) | 0) || at + taken > size) {
    // where the next record begins is not known any more
    ring.lost++
    ring.head = ring.seenTail
    return null
  }
  ring.head = (ring.head + ((taken + ALIGN - 1) & -ALIGN)) | 0
  const f = frameAlloc(pool, len)
  if (f === null) {
    ring.lost++
    return null
  }
  f.len = len
  // a little less headroom
  f.off -= (phaseOf(f) - phase + WORD) % WORD
  copy(bytes, at + RECORD_HEAD + phase, f.slab, f.off, len)
  f.csum = Math.min((words[word + 2] >>> 8) & 0xff, CSUM_PARTIAL)
  f.gsoSize = words[word + 3] & 0xffff
  if (f.csum !== CSUM_PARTIAL && f.gsoSize === 0) return f
  f.proto = words[word + 2] & 0xff
  f.l4 = f.off + words[word + 1]
  if (gsoIsSound(f)) return f
  ring.lost++
  frameRelease(pool, f)
  return null
}

/** Gives the producer the room of what was read. */
export function ringDone(ring: Ring): void {
  Atomics.store(ring.control, HEAD, ring.head)
}

export function ringIsEmpty(ring: Ring): boolean {
  if (ring.head !== ring.seenTail) return false
  ring.seenTail = Atomics.load(ring.control, TAIL)
  return ring.head === ring.seenTail
}

/** The consumer is about to sleep; false, and it does not, where there is something to read after all. */
export function ringSleep(ring: Ring): boolean {
  Atomics.store(ring.control, SLEEPS, 1)
  if (ringIsEmpty(ring)) return true
  Atomics.store(ring.control, SLEEPS, 0)
  return false
}

/** Where the consumer waits: word `RING_SLEEPS` of `control`, while it is 1. */
export const RING_SLEEPS = SLEEPS

/** Where in a word of memory the frame's bytes begin. */
function phaseOf(f: Frame): number {
  return (f.slab.byteOffset + f.off) % WORD
}

/** What the frame has on loan (docs/architecture.md, "Payload on loan"). */
function copyLent({ lent, lentAt, lentLen }: Frame, to: Uint8Array, at: number): void {
  const first = Math.min(lentLen, lent.length - lentAt)
  copy(lent, lentAt, to, at, first)
  if (first < lentLen) copy(lent, 0, to, at + first, lentLen - first)
}

function copy(from: Uint8Array, at: number, to: Uint8Array, toAt: number, len: number): void {
  if (len > COPY_LOOP) {
    to.set(from.subarray(at, at + len), toAt)
    return
  }
  for (let i = 0; i < len; i++) to[toAt + i] = from[at + i]
}
