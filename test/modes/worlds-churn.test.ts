/**
 * Churn mode of the worlds: their own tests, with a Vnet saved, destroyed and restored between every two of a world's
 * first events, one Vnet after the other, and between every few later on (test/snapshot/churn.test.ts does it to all
 * Vnets of smaller worlds all the time).
 */

import { readdirSync } from 'node:fs'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { World } from '../../src/sim/world.ts'
import type { RunOptions, RunResult } from '../../src/sim/world.ts'
import { churnHost } from '../snapshot/churn.ts'
import { WORLD_TESTS } from './worlds.ts'

const FIRST_EVENTS = 60
const LATER_EVERY = 499
/** VIMAGE_CHURN=all: between every two events, one Vnet after the other; takes minutes. */
const ALL = process.env['VIMAGE_CHURN'] === 'all'
const churned = { count: 0 }
vi.setConfig({ testTimeout: ALL ? 3_600_000 : 240_000 })
const asked = new WeakMap<World, number>()
// eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
const { run } = World.prototype
World.prototype.run = function (this: World, options: RunOptions = {}): RunResult {
  const until = (): boolean => {
    const n = asked.get(this) ?? 0
    asked.set(this, n + 1)
    const due = ALL || n < FIRST_EVENTS ? n : n % LATER_EVERY === 0 ? n / LATER_EVERY : -1
    if (due >= 0 && this.hosts.length > 0) {
      churnHost(this, this.hosts[due % this.hosts.length])
      churned.count++
    }
    return options.until?.() === true
  }
  return run.call(this, { ...options, until })
}
afterAll(() => { World.prototype.run = run })

for (const file of WORLD_TESTS) await import(file)

describe('churn: the worlds', () => {
  it('every world was churned', () => {
    const worlds = readdirSync(new URL('../worlds/', import.meta.url)).filter((name) => name.endsWith('.test.ts'))
    expect(WORLD_TESTS).toEqual(expect.arrayContaining(worlds.map((name) => `../worlds/${name}`)))
    expect(churned.count).toBeGreaterThan(1000)
  })
})
