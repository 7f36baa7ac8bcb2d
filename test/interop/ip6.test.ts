import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

const SIZES = [0, 56, 1452, 1453, 8000, 60_000]
const BYTES = 4_000_000

describeInterop('IPv6', new URL('ip6-scenarios.ts', import.meta.url), ['ping', 'curl', 'ip'], (run) => {
  it('RFC 4443 §4.2, RFC 8200 §4.5: the kernel pings global and link-local addresses, in one packet and in fragments', async () => {
    const r = await run('kernelToVnet', 0, SIZES)
    for (const row of r.rows) {
      expect(row.received, `size ${row.size}`).toEqual([3, '', 3, ''])
      expect([row.reassembled, row.fragmented], `size ${row.size}`).toEqual(row.size > 1452 ? [6, 6] : [0, 0])
    }
    expect(r.neighbours).toMatch(/2001:db8:66::2 lladdr \S+ (REACHABLE|STALE|DELAY)/)
    expect(r.ours.length).toBeGreaterThan(0)
  }, 60_000)

  it('RFC 4443 §4.1: a Vnet pings the kernel, with a zone where it needs one (RFC 4007 §11)', async () => {
    const rows = await run('vnetToKernel', 0, SIZES)
    expect(rows).toEqual(SIZES.flatMap((size) => [[size, 3, 0], [size, 3, 0]]))
  }, 60_000)

  it.each([false, true])('RFC 8200 §8: TCP both ways unharmed, curl and node:net, offload %s', async (offload) => {
    const r = await run('bulk', 0, offload, BYTES)
    expect([r.down, r.up, r.echoed]).toEqual([r.expected, r.expected, r.expected])
    expect([r.viaLink, r.drops]).toEqual([BYTES, 0])
  }, 120_000)

  it('RFC 4862 §5.4.4: an address that the kernel has is found to be a duplicate and not used', async () => {
    expect(await run('conflict', 0)).toEqual({ status: 'duplicated', dupaddr: 1 })
  }, 30_000)
})
