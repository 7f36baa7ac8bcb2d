import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

const BYTES = 2_000_000

describeInterop('TCP MD5 signatures (RFC 2385)', new URL('md5-scenarios.ts', import.meta.url), ['python3'], (run) => {
  it.each([['connects'], ['listens']])('the kernel %s with the same key: 2 MB are echoed, every segment signed', async (who) => {
    const r = await run('signed', 71, who === 'connects', BYTES, 'router secret', 'router secret')
    expect(r).toMatchObject({ echoed: BYTES, bad: 0, unsigned: 0 })
    expect(r.good).toBeGreaterThan(100)
  })

  it('the kernel has another key: neither side hears of the other', async () => {
    const r = await run('signed', 72, true, 10, 'router secret', 'another secret')
    expect(r.echoed).toBe(0)
    expect(r.bad).toBeGreaterThan(0)
  })
})
