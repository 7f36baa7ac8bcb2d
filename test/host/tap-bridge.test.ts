import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeInNetns, openNetns } from './netns.ts'
import type { NetnsChild } from './netns.ts'

const SCENARIOS = new URL('tap-bridge-scenarios.ts', import.meta.url)
const MTU_FRAME = 1514

interface Transfer {
  ok: boolean
  seen: Record<'a' | 'b', { longest: number; superSegments: number }>
  dropped: number[]
  inUse: number
  megabytesPerSecond: number
}

describeInNetns('offload between TAPs and the kernel', () => {
  let ns: NetnsChild
  beforeAll(async () => { ns = await openNetns() })
  afterAll(() => ns.close())

  const transfer = (a: boolean, b: boolean, family: 4 | 6, bytes: number, merge = false): Promise<Transfer> =>
    ns.call(SCENARIOS, 'transfer', a, b, family, bytes, merge)

  it.each([4, 6] as const)('VIRTIO 1.2 §5.1.6: super-segments cross as they are (IPv%i)', async (family) => {
    const r = await transfer(true, true, family, 16 << 20)
    expect(r).toMatchObject({ ok: true, dropped: [0, 0, 0, 0], inUse: 0 })
    expect(r.seen.a.superSegments).toBeGreaterThan(10)
    expect(r.seen.b.superSegments).toBeGreaterThan(10)
    expect(r.seen.a.longest).toBeGreaterThan(32_768)
  }, 20_000)

  it.each([4, 6] as const)('cuts super-segments for a TAP without offload, checksums finished (IPv%i)', async (family) => {
    const r = await transfer(true, false, family, 8 << 20)
    expect(r).toMatchObject({ ok: true, dropped: [0, 0, 0, 0], inUse: 0 })
    expect(r.seen.a.superSegments).toBeGreaterThan(10)
    expect(r.seen.b).toMatchObject({ superSegments: 0, longest: MTU_FRAME })
  }, 20_000)

  it.each([4, 6] as const)('without offload, what is put together on one side is cut again on the other (IPv%i)', async (family) => {
    const r = await transfer(false, false, family, 8 << 20, true)
    expect(r).toMatchObject({ ok: true, dropped: [0, 0, 0, 0], inUse: 0 })
    expect(r.seen.a.superSegments).toBeGreaterThan(10)
    expect(r.seen.b.superSegments).toBeGreaterThan(10)
  }, 20_000)

  it('without offload on either side frames are MTU-sized and complete', async () => {
    const r = await transfer(false, false, 4, 8 << 20)
    expect(r).toMatchObject({ ok: true, dropped: [0, 0, 0, 0], inUse: 0 })
    expect(r.seen).toEqual({ a: { longest: MTU_FRAME, superSegments: 0 }, b: { longest: MTU_FRAME, superSegments: 0 } })
  }, 20_000)
})
