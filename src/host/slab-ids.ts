/**
 * The addon's numbers for a pool's slabs: each slab is registered when its first frame is seen, and let go on close.
 */

import type { Frame, FramePool } from '../lib/frame.ts'
import { assert } from '../lib/assert.ts'
import { NO_BYTES } from '../lib/empty.ts'
import type { Native } from './native.ts'

const NO_ID = -1

export class SlabIds {
  private readonly native: Native
  private readonly pool: FramePool
  private readonly ids: number[] = []
  /** Which slabs those are: the pool may give one back, and another get its number. */
  private readonly slabs: Uint8Array[] = []

  constructor(native: Native, pool: FramePool) {
    this.native = native
    this.pool = pool
  }

  /** The number of the slab `f` lies in. A frame of another pool is a bug: its slab number means something else here. */
  of(f: Frame): number {
    if (this.slabs[f.slabId] !== f.slab) this.register(f)
    return this.ids[f.slabId]
  }

  private register({ slab, slabId }: Frame): void {
    assert(this.pool.slabs[slabId] === slab, 'frame of another pool')
    while (this.ids.length <= slabId) {
      this.ids.push(NO_ID)
      this.slabs.push(NO_BYTES)
    }
    if (this.ids[slabId] !== NO_ID) this.native.unregisterArray(this.ids[slabId])
    this.ids[slabId] = this.native.registerArray(slab)
    this.slabs[slabId] = slab
  }

  close(): void {
    for (const id of this.ids) if (id !== NO_ID) this.native.unregisterArray(id)
    this.ids.length = 0
    this.slabs.length = 0
  }
}
