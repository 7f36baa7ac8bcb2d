/** Payload on loan (docs/architecture.md): what a frame lends, how it is made whole, and what a send buffer does meanwhile. */

import { expect, it } from 'vitest'
import { createByteRing, ringAppend, ringDrop, ringIndex } from '../../src/lib/bytering.ts'
import {
  createFramePool, frameAlloc, frameBytes, frameCopy, frameLend, frameRelease, frameWhole,
} from '../../src/lib/frame.ts'
import type { Frame, FramePool } from '../../src/lib/frame.ts'

const HEADER = [1, 2, 3, 4]
const RING = Uint8Array.from({ length: 4096 }, (_, i) => i * 7)

/** A frame of four bytes of its own and `n` of RING from `at` on. */
function lending(pool: FramePool, at: number, n: number): Frame {
  const f = frameAlloc(pool, 65_000) as Frame
  f.slab.set(HEADER, f.off)
  f.len = HEADER.length
  frameLend(f, RING, at, n)
  return f
}

const LOANS = [[0, 4096], [100, 2000], [4000, 96], [4000, 97], [4095, 4096]]
it.each(LOANS)('a frame that lends from byte %i on %i bytes is made whole', (at, n) => {
  const pool = createFramePool({ poison: true })
  const f = lending(pool, at, n)
  const expected = [...HEADER, ...Array.from({ length: n }, (_, i) => RING[(at + i) % RING.length])]
  expect(f.len).toBe(HEADER.length + n)
  const copy = frameCopy(pool, lending(pool, at, n)) as Frame
  expect([...copy.slab.subarray(copy.off, copy.off + copy.len)]).toEqual(expected)
  expect([...frameBytes(f)]).toEqual(expected)
  expect(f.lentLen).toBe(0)
  frameWhole(f)
  expect([...frameBytes(f)]).toEqual(expected)
})

it('a frame that is given back lends no longer, nor does it keep a buffer alive', () => {
  const pool = createFramePool()
  const f = lending(pool, 5, 3000)
  frameRelease(pool, f)
  expect([f.lentLen, f.lent.length]).toEqual([0, 0])
})

it('a send buffer that grows, wraps and drops leaves alone what has not been dropped, wherever it was lent from', () => {
  const ring = createByteRing()
  const loans: { bytes: Uint8Array; at: number; from: number; n: number }[] = []
  let random = 12345
  const below = (limit: number): number => {
    random = Math.imul(random, 1103515245) + 12345 | 0
    return (random >>> 8) % limit
  }
  let [dropped, written, checked, old] = [0, 0, 0, 0]
  for (let step = 0; step < 3000; step++) {
    const n = 1 + below(step < 1500 ? 700 : 9000)
    ringAppend(ring, Uint8Array.from({ length: n }, (_, i) => (written + i) * 31 >> 3), 0, n)
    written += n
    const pos = below(ring.len)
    loans.push({ bytes: ring.buf, at: ringIndex(ring, pos), from: dropped + pos, n: 1 + below(ring.len - pos) })
    if (ring.len > 20_000 || below(4) === 0) {
      const gone = below(ring.len + 1)
      ringDrop(ring, gone)
      dropped += gone
    }
    for (let k = loans.length - 1; k >= 0; k--) {
      const { bytes, at, from, n: length } = loans[k]
      // what is dropped has arrived: nobody needs the frame for it any more
      if (from < dropped) loans.splice(k, 1)
      else {
        let bad = -1
        for (let i = 0; i < length && bad < 0; i += 37) if (bytes[(at + i) % bytes.length] !== ((from + i) * 31 >> 3 & 255)) bad = i
        expect(bad, `step ${step}`).toBe(-1)
        checked++
        if (bytes !== ring.buf) old++
      }
    }
  }
  expect(checked).toBeGreaterThan(3000)
  expect(old).toBeGreaterThan(3)
})
