/**
 * One TCP against a random adversary and a random user, watched by an independent checker (invariant 5; RFC 9293).
 *
 * VIMAGE_SEED and VIMAGE_FUZZ_STEPS repeat and lengthen a run. A failing list of steps is cut down before it is shown.
 */

import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createRandom } from '../../src/kern/random.ts'
import { randomSteps, runAdversary } from './tcp-adversary.ts'
import type { Step } from './tcp-adversary.ts'

const SEED = Number(process.env['VIMAGE_SEED'] ?? 1)
const STEPS = Number(process.env['VIMAGE_FUZZ_STEPS'] ?? 75_000)
const PER_GAME = 1500
const GAMES = Math.ceil(STEPS / PER_GAME)

const seen = new Set<number>()

describe(`TCP and an adversary (seed ${SEED}, ${STEPS} steps)`, () => {
  it.each(Array.from({ length: Math.min(GAMES, 40) }, (_, i) => i))('games %i and so on', (first) => {
    for (let game = first; game < GAMES; game += 40) play(SEED + game)
  }, STEPS > 100_000 ? 36_000_000 : 20_000)

  it.each([29, 67, 5124, 5882, 400_149, 7_004_051, 7_005_163, 7_006_175, 7_007_157, 7_012_090])('a game that went wrong once: %i', play)

  afterAll(() => {
    // every state has been visited, or the fuzz does not reach what it is about
    if (STEPS >= 75_000) expect([2, 3, 4, 5, 6, 7, 8, 9].filter((state) => !seen.has(state))).toEqual([])
  })
})

function play(seed: number): void {
  const steps = randomSteps(createRandom([seed, 0x616476]), PER_GAME)
  const error = failure(seed, steps)
  if (error === null) return
  const few = shrink(seed, steps, error)
  // what went before is for those who want it; the error shows the few steps alone
  const file = join(tmpdir(), `vimage-adversary-${seed}.txt`)
  writeFileSync(file, `${error.stack ?? error.message}\n\nrunAdversary(${seed}, ${JSON.stringify(steps)})\n`)
  throw new Error(`VIMAGE_SEED=${seed}: ${(failure(seed, few) as Error).message}\n` +
    `runAdversary(${seed}, ${JSON.stringify(few)})\nall ${steps.length} steps: ${file}`)
}

function failure(seed: number, steps: readonly Step[]): Error | null {
  try {
    for (const state of runAdversary(seed, steps).states) seen.add(state)
    return null
  } catch (error) {
    return error as Error
  }
}

/** Leaves out what the failure does not need: halves, quarters, … single steps. */
function shrink(seed: number, steps: readonly Step[], error: Error): readonly Step[] {
  let best = steps
  let tries = 600
  for (let size = best.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < best.length && tries > 0;) {
      const fewer = [...best.slice(0, at), ...best.slice(at + size)]
      tries--
      if (sameFault(failure(seed, fewer), error)) best = fewer
      else at += size
    }
  }
  return best
}

/** Numbers aside, the same message. */
function sameFault(a: Error | null, b: Error): boolean {
  const words = (text: string): string => text.replace(/^step \d+: /, '').slice(0, 60).replaceAll(/\d+/g, '')
  return a !== null && words(a.message) === words(b.message)
}
