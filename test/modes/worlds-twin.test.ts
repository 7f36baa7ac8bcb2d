/**
 * Twin mode of the worlds: their own tests, with an event of another world's Vnets between every two of a world's first
 * 2000 events, and between every few later on.
 */

import { readdirSync } from 'node:fs'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { World } from '../../src/sim/world.ts'
import type { RunOptions, RunResult } from '../../src/sim/world.ts'
import { Background, undisturbed } from './background.ts'
import { WORLD_TESTS } from './worlds.ts'

const FIRST_EVENTS = 2000
const LATER_EVERY = 13
const background = new Background()
const asked = new WeakMap<World, number>()
vi.setConfig({ testTimeout: 240_000 })
// eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
const { run } = World.prototype
World.prototype.run = function (this: World, options: RunOptions = {}): RunResult {
  if (background.running) return run.call(this, options)
  const until = (): boolean => {
    const n = asked.get(this) ?? 0
    asked.set(this, n + 1)
    if (n < FIRST_EVENTS || n % LATER_EVERY === 0) background.step()
    return options.until?.() === true
  }
  return run.call(this, { ...options, until })
}
afterAll(() => { World.prototype.run = run })

for (const file of WORLD_TESTS) await import(file)

describe('twins: what ran beside the worlds', () => {
  it('every world has its turn', () => {
    const worlds = readdirSync(new URL('../worlds/', import.meta.url)).filter((name) => name.endsWith('.test.ts'))
    expect(WORLD_TESTS).toEqual(expect.arrayContaining(worlds.map((name) => `../worlds/${name}`)))
  })

  it('did what it does alone', () => {
    expect(background.events).toBeGreaterThan(10_000)
    const { steps } = background
    const digest = background.digest()
    World.prototype.run = run
    expect(digest).toBe(undisturbed(steps))
  }, 60_000)
})
