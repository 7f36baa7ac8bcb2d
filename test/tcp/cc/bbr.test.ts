/** The shape of BBR (draft-ietf-ccwg-bbr §5.3) on paths whose queue is deep enough that nothing is lost. */

import { describe, expect, test } from 'vitest'
import { measurePath } from '../../../src/sim/path.ts'
import { BBR_VARS } from '../../../src/tcp/cc/bbr-vars.ts'
import { CUBIC_VARS } from '../../../src/tcp/cc/cubic.ts'
import { HS_VARS } from '../../../src/tcp/cc/hystart.ts'
import { CC_NAMES } from '../../../src/tcp/cc/names.ts'
import { CC_VARS } from '../../../src/tcp/state-cc.ts'

const RATE = 10e6
const RTT = 100_000
/** 100 ms at 10 Mb/s. */
const BDP = 125_000

test('a record has as many variables as its algorithm names', () => {
  expect(CC_NAMES).toEqual(['newreno', 'cubic', 'bbr'])
  expect(CC_VARS).toEqual([HS_VARS, CUBIC_VARS, BBR_VARS])
})

describe('one BBR connection, 100 ms and 10 Mb/s', () => {
  const path = measurePath({
    cc: 'bbr', rttUs: RTT, rateBps: RATE, queueBytes: 4 * BDP, warmUpUs: 5e6, measureUs: 15e6, traceUs: 20_000,
  })
  const { trace } = path
  const at = (from: number, to: number): typeof trace => trace.filter((s) => s.atUs >= from * 1e6 && s.atUs < to * 1e6)

  test('fills the link, and loses nothing', () => {
    expect(path.goodputShare).toBeGreaterThan(0.95)
    expect(path.dropped).toBe(0)
    expect(path.retransmittedShare).toBe(0)
  })

  test('startup fills the pipe within 1.5 s, twice the BDP in flight; drain empties the queue that it made', () => {
    expect(Math.max(...at(0, 1.5).map((s) => s.flight))).toBeGreaterThan(1.9 * BDP)
    expect(Math.max(...at(0, 5).map((s) => s.flight))).toBeLessThan(2.3 * BDP)
    expect(Math.min(...at(1.5, 3).map((s) => s.queueUs))).toBeLessThan(5000)
  })

  test('cruises with a short queue, and probes with a quarter more every two or three seconds', () => {
    const short = at(5, 20).filter((s) => s.queueUs < 10_000).length / at(5, 20).length
    expect(short).toBeGreaterThan(0.5)
    let probes = 0
    at(5, 20).forEach((s, i, all) => { if (i > 0 && s.flight > 1.2 * BDP && all[i - 1].flight <= 1.2 * BDP) probes++ })
    expect(probes).toBeGreaterThanOrEqual(3)
    expect(probes).toBeLessThanOrEqual(9)
  })

  test('§5.3.4.3: looks for the smallest round trip with half a BDP in flight, for 200 ms and a round', () => {
    const low = trace.filter((s) => s.atUs > 3e6 && s.flight < 0.6 * BDP)
    expect(low.length).toBeGreaterThanOrEqual(10)
    expect(low.length).toBeLessThan(100)
    expect(Math.min(...low.map((s) => s.flight))).toBeGreaterThan(0.4 * BDP)
  })
})

test('four BBR connections share a link fairly: Jain ≥ 0.95', () => {
  const path = measurePath({
    cc: 'bbr', rttUs: 20_000, rateBps: RATE, flows: 4, queueBytes: 400_000, warmUpUs: 10e6, measureUs: 20e6,
  })
  expect(path.jain).toBeGreaterThan(0.95)
  expect(path.goodputShare).toBeGreaterThan(0.95)
})
