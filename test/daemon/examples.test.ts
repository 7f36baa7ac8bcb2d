import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/daemon/config.ts'
import type { PingSummary } from '../../src/vimage/ping-events.ts'
import { usePlaces } from './support.ts'
import type { Place } from './support.ts'

const place = usePlaces()
const EXAMPLES = new URL('../../examples/', import.meta.url).pathname
const files = readdirSync(EXAMPLES).filter((name) => name.endsWith('.yaml'))

/** Starts an example without its TAPs, from a copy: its captures go where it lies. */
async function startCopy(p: Place, file: string): Promise<void> {
  const copy = join(p.directory, file)
  cpSync(join(EXAMPLES, file), copy)
  await p.start('', { config: loadConfig(copy), taps: 'none' })
}

async function ping(p: Place, vimage: string, host: string, count: number): Promise<PingSummary> {
  let last: unknown
  await p.client.stream('POST', `/v1/vimages/${vimage}/ping`, { host, count, intervalMs: 20 }, (line) => (last = line))
  return last as PingSummary
}

describe('examples', () => {
  it.each(files)('%s: is right, short, and starts', async (file) => {
    expect(readFileSync(join(EXAMPLES, file), 'utf8').split('\n').length).toBeLessThanOrEqual(60)
    expect(loadConfig(join(EXAMPLES, file)).file).toContain(file)
    // a raw socket needs a privilege that this test shall not
    if (file !== 'uplink.yaml') await startCopy(place(), file)
  })

  it('router.yaml: packets go from one bridge to the other through the router', async () => {
    const p = place()
    await startCopy(p, 'router.yaml')
    expect(await ping(p, 'left', '10.2.0.2', 2)).toMatchObject({ transmitted: 2, received: 2 })
    const counters = await p.client.get<{ protocol: string; name: string; value: number }[]>(
      '/v1/vimages/router/counters')
    expect(counters.find((c) => c.protocol === 'ip' && c.name === 'forward')?.value).toBe(4)
  })

  it('router6.yaml: a host configures itself by what the router advertises, and reaches the other bridge', { timeout: 30_000 },
  async () => {
    const p = place()
    await startCopy(p, 'router6.yaml')
    await expect.poll(async () => {
      const [prefix] = await p.client.get<{ prefix: string }[]>('/v1/vimages/right/ndp-prefixes')
      return prefix?.prefix
    }, { timeout: 15_000 }).toBe('2001:db8:2::/64')
    await expect.poll(async () => (await ping(p, 'right', '2001:db8:1::2', 1)).received, { timeout: 15_000 }).toBe(1)
  })

  it('bad-link.yaml: the delay is there', async () => {
    const p = place()
    await startCopy(p, 'bad-link.yaml')
    const summary = await ping(p, 'near', '10.4.0.2', 5)
    expect(summary.received).toBeGreaterThan(0)
    expect(summary.rttMinUs).toBeGreaterThanOrEqual(40_000)
  })
})
