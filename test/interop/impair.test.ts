import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

const BYTES = 1_000_000
const DELAY = { delayUs: 2000 }

/** What the link does, its counter, and the counter by which a Vnet that receives through it notices. */
const BAD = [
  ['loses 5 %', { ...DELAY, lossRate: 0.05 }, 'lost', 'rcvoopack'],
  ['reorders 5 %', { ...DELAY, reorderRate: 0.05, reorderUs: 3000 }, 'reordered', 'rcvoopack'],
  ['duplicates 5 %', { ...DELAY, duplicateRate: 0.05 }, 'duplicated', 'rcvduppack'],
  ['damages 2 %', { ...DELAY, corruptRate: 0.02 }, 'corrupted', 'rcvbadsum'],
] as const

const ALL = { ...DELAY, lossRate: 0.02, reorderRate: 0.05, reorderUs: 3000, duplicateRate: 0.05, corruptRate: 0.01 }

describeInterop('over a bad link', new URL('impair-scenarios.ts', import.meta.url), ['ping'], (run) => {
  for (const [what, bad, counter, noticed] of BAD) {
    it(`RFC 9293 §3.8: what goes to the kernel ${what} of its frames: 1 MB unharmed each way`, async () => {
      const r = await run('transfers', 0, { tx: bad, rx: DELAY }, BYTES)
      expect(r).toMatchObject({ up: { same: true, error: '' }, down: { same: true, error: '' } })
      expect(r.link.tx[counter]).toBeGreaterThan(10)
      // what came late or twice need not go again (RFC 8985 §6.2: reordering is not taken for loss)
      if (counter === 'lost' || counter === 'corrupted') expect(r.sending.sndrexmitpack).toBeGreaterThan(5)
    }, 60_000)

    it(`RFC 9293 §3.8: what comes from the kernel ${what} of its frames: 1 MB unharmed each way`, async () => {
      const r = await run('transfers', 0, { tx: DELAY, rx: bad }, BYTES)
      expect(r).toMatchObject({ up: { same: true, error: '' }, down: { same: true, error: '' } })
      expect(r.link.rx[counter]).toBeGreaterThan(10)
      expect(r.receiving[noticed]).toBeGreaterThan(5)
    }, 60_000)
  }

  it('RFC 9293 §3.8: loss, reordering, duplicates and damage at once, both ways: 1 MB unharmed each way', async () => {
    const r = await run('transfers', 0, { tx: ALL, rx: ALL }, BYTES)
    expect(r).toMatchObject({ up: { same: true, error: '' }, down: { same: true, error: '' } })
  }, 60_000)

  it('RFC 791 §3.2: fragments in any order, and doubled: every ping of 8,000 bytes is answered', async () => {
    const link = { ...DELAY, reorderRate: 0.3, duplicateRate: 0.3 }
    const r = await run('pings', 0, { tx: link, rx: link }, 100, 8000)
    expect(r.received).toBe(100)
    expect(r.link.rx.reordered).toBeGreaterThan(100)
    expect(r.ip.fragdup).toBeGreaterThan(50)
    expect(r.ip.fragoverlap).toBeUndefined()
  })
})
