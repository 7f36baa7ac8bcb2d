import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

const BYTES = 200_000_000

describeInterop('TCP in bulk', new URL('bulk-scenarios.ts', import.meta.url), ['socat'], (run) => {
  it.each([[false], [true]])('socat sends 200 MB to a Vnet (offload: %s)', async (offload) => {
    const r = await run('toVnet', 0, offload, BYTES)
    console.log(`to the Vnet, offload ${offload}: ${JSON.stringify(r)}`)
    expect(r.bytes).toBe(BYTES)
    expect(r.gbps).toBeGreaterThan(0.05)
  }, 60_000)

  it.each([[false], [true]])('a Vnet sends 200 MB to socat (offload: %s)', async (offload) => {
    const r = await run('fromVnet', 0, offload, BYTES)
    console.log(`from the Vnet, offload ${offload}: ${JSON.stringify(r)}`)
    expect(r.bytes).toBe(BYTES)
    expect(r.gbps).toBeGreaterThan(0.05)
  }, 60_000)

  it('a Vnet opens and closes 500 connections to the kernel, one after the other', async () => {
    const r = await run('connections', 0, 500)
    console.log(`connections: ${r.perSecond} a second`)
    expect(r.done).toBe(500)
  }, 60_000)
})
