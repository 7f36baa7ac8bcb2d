/**
 * Churn mode of the worlds: their own tests, with a Vnet saved, destroyed and restored between every two events, one
 * Vnet after the other. A world whose snapshots have come to some 20 MB (that is thousands of events, but for bulk
 * transfers, with their buffers full) is churned now and then from there on; `VIMAGE_CHURN=all` does not stop, and takes
 * half an hour. (test/snapshot/churn.test.ts churns all Vnets of smaller worlds all the time.)
 */

import { readdirSync } from 'node:fs'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { World } from '../../src/sim/world.ts'
import type { RunOptions, RunResult } from '../../src/sim/world.ts'
import { churnHost } from '../snapshot/churn.ts'
import { WORLD_TESTS } from './worlds.ts'

const FIRST_BYTES = 20e6
const LATER_EVERY = 499
const ALL = process.env['VIMAGE_CHURN'] === 'all'
const churned = { count: 0, worlds: 0, thinned: 0 }
vi.setConfig({ testTimeout: ALL ? 7_200_000 : 240_000 })
const known = new WeakMap<World, { asked: number; bytes: number }>()
// eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
const { run } = World.prototype
World.prototype.run = function (this: World, options: RunOptions = {}): RunResult {
  const until = (): boolean => {
    if (this.hosts.length > 0) churnNext(this)
    return options.until?.() === true
  }
  return run.call(this, { ...options, until })
}

function churnNext(world: World): void {
  const w = known.get(world) ?? { asked: 0, bytes: 0 }
  if (w.asked === 0) {
    known.set(world, w)
    churned.worlds++
  }
  const n = w.asked++
  const due = ALL || w.bytes < FIRST_BYTES ? n : n % LATER_EVERY === 0 ? n / LATER_EVERY : -1
  if (due < 0) return
  const before = w.bytes
  w.bytes += churnHost(world, world.hosts[due % world.hosts.length])
  churned.count++
  if (!ALL && before < FIRST_BYTES && w.bytes >= FIRST_BYTES) churned.thinned++
}

afterAll(() => { World.prototype.run = run })

for (const file of WORLD_TESTS) await import(file)

describe('churn: the worlds', () => {
  it('every world was churned', () => {
    const worlds = readdirSync(new URL('../worlds/', import.meta.url)).filter((name) => name.endsWith('.test.ts'))
    expect(WORLD_TESTS).toEqual(expect.arrayContaining(worlds.map((name) => `../worlds/${name}`)))
    console.log(`${churned.count} times in ${churned.worlds} worlds, ${churned.thinned} of them now and then after a while`)
    expect(churned.count).toBeGreaterThan(15_000)
    expect(churned.thinned).toBeLessThan(churned.worlds / 4)
  })
})
