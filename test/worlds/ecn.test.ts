/** ECN end to end (RFC 3168): CoDel before a bottleneck marks instead of dropping, and the sender slows down as well. */
import { describe, expect, it } from 'vitest'
import { measurePath } from '../../src/sim/path.ts'
import { FAMILIES } from '../sim/families.ts'

describe.each(FAMILIES)('ECN through a bottleneck (RFC 3168 §6.1) over $name', ({ inet }) => {
  const PATH = { family: inet, queue: 'codel', rttUs: 20_000, warmUpUs: 1e6, measureUs: 6e6 } as const

  it('marks take the place of drops, nothing goes twice, and the link is used', () => {
    const without = measurePath(PATH)
    expect(without.dropped).toBeGreaterThan(0)
    expect(without.retransmittedShare).toBeGreaterThan(0)
    const r = measurePath({ ...PATH, ecn: true })
    expect(r.marked).toBeGreaterThan(0)
    expect([r.dropped, r.retransmittedShare, r.rtos]).toEqual([0, 0, 0])
    // a halved window under CoDel's 5 ms does not quite fill 20 ms (RFC 8511 is about that)
    expect(r.goodputShare).toBeGreaterThan(0.85)
  })

  it('two connections share what they are told to share', () => {
    const r = measurePath({ ...PATH, ecn: true, flows: 2, measureUs: 20e6 })
    expect(r.jain).toBeGreaterThan(0.9)
    expect(r.retransmittedShare).toBe(0)
  })
})
