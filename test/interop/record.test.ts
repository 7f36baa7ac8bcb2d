import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

const TAPS = [[95, false], [96, true]] as const

describeInterop('record', new URL('record-scenarios.ts', import.meta.url), ['ping', 'socat', 'tcpdump'], (run) => {
  it.each(TAPS)('a run against the kernel, done again elsewhere, to the bit (TAP %i, offload %s)', async (n, offload) => {
    const r = await run('recorded', n, offload, 3_000_000)
    expect(r.back).toBe(200_000)
    expect(r).toMatchObject({ code: 0, replay: { difference: '', end: 'closed', cutBytes: 0, states: 2, frames: r.live } })
    expect(r.replay.digest).toMatch(/^[0-9a-f]{64}$/)
    expect(r.replay.inputs).toBeGreaterThan(50)
    expect(r.live).toBeGreaterThan(50)
    expect(r.seen).toBe(r.replay.inputs + r.replay.frames)
  })
})
