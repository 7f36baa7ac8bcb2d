import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

const CYCLES = 20
const BYTES = 1_000_000_000
/** 20 moves a second apart, with their pauses, fit into the 28 seconds and more that curl takes at this rate. */
const RATE = '35M'
const EVERY_MS = 800

describeInterop('live migration', new URL('migrate-scenarios.ts', import.meta.url), ['curl', 'sha256sum'], (run) => {
  // twice more where other tests took the machine in a pause: 300 ms are a bar for a machine that has time
  it('curl downloads 1 GB from a vimage that is 20 times saved, killed, and restored in a new process', async () => {
    const r = await run('download', BYTES, RATE, CYCLES, EVERY_MS)
    console.log(`longest pause ${r.longestMs.toFixed(1)} ms; curl: ${r.curl}`)
    expect(r.curl).toBe(`200 ${BYTES}`)
    expect(r.got).toBe(r.expected)
    expect(r.cycles).toBe(CYCLES)
    expect(r.longestMs).toBeLessThan(300)
  })
})
