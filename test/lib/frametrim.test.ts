import { expect, it, vi } from 'vitest'
import { addrParse, createPair, Driver, ifAddAddr } from '../../src/index.ts'
import type { Addr } from '../../src/lib/addr.ts'
import {
  createFramePool, frameAlloc, frameRelease, FRAME_LARGE, FRAME_HEADROOM, LARGE_PER_SLAB, SMALL_PER_SLAB,
} from '../../src/lib/frame.ts'
import type { Frame, FramePool } from '../../src/lib/frame.ts'
import { framePoolIsLarge, framePoolTrim } from '../../src/lib/frametrim.ts'

function take(pool: FramePool, count: number, size = 100): Frame[] {
  return Array.from({ length: count }, () => frameAlloc(pool, size) as Frame)
}

function giveBack(pool: FramePool, frames: readonly Frame[]): void {
  for (const f of frames) frameRelease(pool, f)
}

const bytes = (pool: FramePool): number => pool.slabs.reduce((sum, slab) => sum + slab.length, 0)

it('a pool keeps what was needed since it was last looked through, and gives the rest back the time after', () => {
  const pool = createFramePool()
  giveBack(pool, take(pool, 4 * SMALL_PER_SLAB))
  const full = bytes(pool)
  framePoolTrim(pool)
  expect(bytes(pool)).toBe(full)
  giveBack(pool, take(pool, 2 * SMALL_PER_SLAB))
  framePoolTrim(pool)
  // two slabs were in use, one is kept for the next burst
  expect(pool.smallTotal).toBe(3 * SMALL_PER_SLAB)
  expect(bytes(pool)).toBe(full / 4 * 3)
  framePoolTrim(pool)
  expect([pool.smallTotal, bytes(pool), framePoolIsLarge(pool)]).toEqual([SMALL_PER_SLAB, full / 4, false])
})

it('frames in use keep their slabs, and frames of a slab that went are never handed out again', () => {
  const pool = createFramePool()
  const frames = take(pool, 4 * SMALL_PER_SLAB)
  const held = frames.splice(SMALL_PER_SLAB, 1)
  giveBack(pool, frames)
  for (let n = 0; n < 3; n++) framePoolTrim(pool)
  expect(pool.slabs).toContain(held[0].slab)
  expect(pool.smallTotal).toBe(2 * SMALL_PER_SLAB)
  const again = take(pool, 4 * SMALL_PER_SLAB - 1)
  for (const f of [...again, ...held]) expect(pool.slabs[f.slabId]).toBe(f.slab)
  expect(new Set([...again, ...held].map((f) => `${f.slabId} ${f.slot}`)).size).toBe(4 * SMALL_PER_SLAB)
  expect([pool.slabs.length, pool.inUse]).toEqual([4, 4 * SMALL_PER_SLAB])
})

it('large frames, too', () => {
  const pool = createFramePool()
  giveBack(pool, take(pool, 3 * LARGE_PER_SLAB, FRAME_LARGE - FRAME_HEADROOM))
  framePoolTrim(pool)
  framePoolTrim(pool)
  expect(pool.largeTotal).toBe(LARGE_PER_SLAB)
})

it('a driver gives back what a burst took, and has no timer when all is quiet', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const driver = new Driver()
  try {
    for (let i = 0; i < 2 * SMALL_PER_SLAB; i++) {
      const host = driver.addVnet({ seed: [i] })
      // announced: a frame for each waits for the turn
      ifAddAddr(host.vnet.vn, host.attach(createPair(driver.pool)[0], 'eth0'), addrParse('10.0.0.1') as Addr, 24)
    }
    expect(driver.pool.smallTotal).toBe(2 * SMALL_PER_SLAB)
    for (let n = 0; n < 100 && driver.pool.inUse > 0; n++) await new Promise((resolve) => { setImmediate(resolve) })
    expect(driver.pool.inUse).toBe(0)
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(5000)
    expect([driver.pool.smallTotal, vi.getTimerCount()]).toEqual([SMALL_PER_SLAB, 0])
  } finally {
    driver.close()
    vi.useRealTimers()
  }
})
