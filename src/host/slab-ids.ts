/**
 * The addon's numbers for a pool's slabs: each slab is registered when its first frame is seen, and let go on close.
 */

import type { Frame, FramePool } from '../lib/frame.ts'
import { assert } from '../lib/assert.ts'
import type { Native } from './native.ts'

export class SlabIds {
  private readonly native: Native
  private readonly pool: FramePool
  private readonly ids: number[] = []

  constructor(native: Native, pool: FramePool) {
    this.native = native
    this.pool = pool
  }

  /** The number of the slab `f` lies in. A frame of another pool is a bug: its slab number means something else here. */
  of(f: Frame): number {
    while (this.ids.length <= f.slabId) {
      this.ids.push(this.native.registerArray(this.pool.slabs[this.ids.length]))
    }
    assert(this.pool.slabs[f.slabId] === f.slab, 'frame of another pool')
    return this.ids[f.slabId]
  }

  close(): void {
    for (const id of this.ids) this.native.unregisterArray(id)
    this.ids.length = 0
  }
}
