import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

const BAD = {
  delayUs: 500, lossRate: 0.02, reorderRate: 0.05, reorderUs: 2000, duplicateRate: 0.03, corruptRate: 0.005,
}

describeInterop('random use of many connections', new URL('monkey-scenarios.ts', import.meta.url), [], (run) => {
  it.each([
    ['a good link', 1, {}, false], ['a good link with offload', 2, {}, true], ['a bad link', 3, BAD, false],
  ])('over %s (seed %i): what arrives was sent, and nothing is left in the end', async (_what, seed, link, offload) => {
    const r = await run('monkeys', 0, seed, link, offload, 4)
    expect(r.wrong).toBe(0)
    expect(r.opened).toBeGreaterThan(100)
    expect(r.bytes).toBeGreaterThan(5_000_000)
    // EPIPE: written after the other end's reset was read; ECONNREFUSED: reset before the SYN,ACK got through
    for (const code of Object.keys(r.errors)) expect(['ECONNRESET', 'EPIPE', 'ECONNREFUSED']).toContain(code)
    expect(r.stats.rcvtotal).toBeGreaterThan(1000)
  }, 60_000)
})
