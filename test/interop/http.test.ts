import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

const BYTES = 100_000_000

describeInterop('HTTP in bulk', new URL('http-scenarios.ts', import.meta.url), ['curl', 'sha256sum'], (run) => {
  it.each([[true], [false]])('curl fetches and uploads 100 MB, a Vnet serves (offload: %s)', async (offload) => {
    const r = await run('vnetServes', 0, offload, BYTES)
    expect(r.down).toBe(r.expected)
    expect(r.up).toBe(r.expected)
    console.log(`Vnet serves, offload ${offload}: down ${r.downGbps}, up ${r.upGbps} Gb/s, ${r.retransmitted} resent`)
  })

  it.each([[true], [false]])('a Vnet fetches and uploads 100 MB, the kernel serves (offload: %s)', async (offload) => {
    const r = await run('vnetFetches', 0, offload, BYTES)
    expect(r.down).toBe(r.expected)
    expect(r.up).toBe(r.expected)
    console.log(`Vnet fetches, offload ${offload}: down ${r.downGbps}, up ${r.upGbps} Gb/s, ${r.retransmitted} resent`)
  })

  it('curl fetches 300 files of 200 kB, 50 at a time, and one slowly', async () => {
    const r = await run('many', 0, 300, 50, 200_000)
    expect(r).toMatchObject({ right: 300, slow: true })
    expect(r.accepts).toBeLessThanOrEqual(300)
  }, 30_000)
})
