/** Frame pools give back what they have not needed for a while: a burst does not keep its memory for ever. */

import { NO_BYTES } from './empty.ts'
import { LARGE_PER_SLAB, SMALL_PER_SLAB } from './frame.ts'
import type { Frame, FramePool } from './frame.ts'

/** True for a pool of more than the one slab of each size that it keeps. */
export function framePoolIsLarge(pool: FramePool): boolean {
  return pool.smallTotal > SMALL_PER_SLAB || pool.largeTotal > LARGE_PER_SLAB
}

/**
 * Gives slabs back whose frames are all free, as many as were not needed at any time since the last call; one of each size stays.
 * A frame's `slabId` may then become that of another slab. True where some were needed meanwhile: the next call may find more.
 */
export function framePoolTrim(pool: FramePool): boolean {
  const needed = pool.smallLow < pool.smallFree.length || pool.largeLow < pool.largeFree.length
  pool.smallTotal -= trim(pool, pool.smallFree, SMALL_PER_SLAB, pool.smallLow - SMALL_PER_SLAB)
  pool.largeTotal -= trim(pool, pool.largeFree, LARGE_PER_SLAB, pool.largeLow - LARGE_PER_SLAB)
  pool.smallLow = pool.smallFree.length
  pool.largeLow = pool.largeFree.length
  return needed
}

/** Lets whole slabs of `perSlab` go, `spare` frames at most. Returns how many frames went. */
function trim(pool: FramePool, free: Frame[], perSlab: number, spare: number): number {
  if (spare < perSlab) return 0
  const counts = new Map<number, number>()
  for (const { slabId } of free) counts.set(slabId, (counts.get(slabId) ?? 0) + 1)
  const going = new Set<number>()
  for (const [slabId, count] of counts) {
    if (count === perSlab && (going.size + 1) * perSlab <= spare) going.add(slabId)
  }
  for (const slabId of going) pool.slabs[slabId] = NO_BYTES
  let kept = 0
  for (const f of free) if (!going.has(f.slabId)) free[kept++] = f
  free.length = kept
  return going.size * perSlab
}
