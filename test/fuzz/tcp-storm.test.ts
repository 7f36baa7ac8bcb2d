/**
 * Two TCPs through a chaotic cable (RFC 9293 §2.2: every byte, once, in order), each watched by an independent checker.
 *
 * VIMAGE_SEED and VIMAGE_FUZZ_STORMS repeat and lengthen a run. What a failure does not need is left out of what is shown.
 */

import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { runStorm, stormConfig } from './tcp-storm.ts'
import type { StormConfig } from './tcp-storm.ts'

const SEED = Number(process.env['VIMAGE_SEED'] ?? 1)
const STORMS = Number(process.env['VIMAGE_FUZZ_STORMS'] ?? 100)
const TESTS = Math.min(STORMS, 40)

let steps = 0
let retransmitted = 0

describe(`TCP through storms (seed ${SEED}, ${STORMS} of them)`, () => {
  it.each(Array.from({ length: TESTS }, (_, i) => i))('storms %i and so on', (first) => {
    for (let n = first; n < STORMS; n += TESTS) storm(SEED + n)
  }, STORMS > 100 ? 36_000_000 : 30_000)

  afterAll(() => {
    if (STORMS < 100) return
    expect(steps).toBeGreaterThan(40_000)
    expect(retransmitted).toBeGreaterThan(1000)
  })
})

function storm(seed: number): void {
  const config = stormConfig(seed)
  const error = failure(config)
  if (error === null) return
  const small = shrink(config)
  const file = join(tmpdir(), `vimage-storm-${seed}.txt`)
  writeFileSync(file, `${error.stack ?? error.message}\n\nrunStorm(${JSON.stringify(config)})\n`)
  throw new Error(`VIMAGE_SEED=${seed}: ${(failure(small) as Error).message}\nrunStorm(${JSON.stringify(small)})\nas it began: ${file}`)
}

function failure(config: StormConfig): Error | null {
  try {
    const result = runStorm(config)
    steps += result.steps
    retransmitted += result.retransmitted
    return null
  } catch (error) {
    return error as Error
  }
}

/** Fewer connections, fewer bytes, and one impairment less, as long as it fails. */
function shrink(config: StormConfig): StormConfig {
  let best = config
  const attempt = (change: Partial<StormConfig>): void => {
    const smaller = { ...best, ...change }
    if (failure(smaller) !== null) best = smaller
  }
  attempt({ connections: 1 })
  attempt({ tune: 0 })
  attempt({ lazy: false })
  attempt({ restore: false })
  for (const key of Object.keys(config.cable)) {
    const cable = Object.fromEntries(Object.entries(best.cable).filter(([name]) => name !== key))
    attempt({ cable })
  }
  for (let bytes = best.bytes >> 1; bytes >= 1; bytes >>= 1) attempt({ bytes })
  return best
}
