/** `explore` finds what only some seeds or faults show, and makes the schedule small; each with a bug that was planted for it. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { explore, simulate } from '../../src/testing/index.ts'
import type { Fault, TestWorld } from '../../src/testing/index.ts'
import { code } from '../../src/testing/explore.ts'
import { shrink } from '../../src/testing/shrink.ts'

const dir = mkdtempSync(join(tmpdir(), 'vimage-explore-'))
afterAll(() => { rmSync(dir, { recursive: true, force: true }) })

/** Five orders a second apart; a client that hears nothing for a while tries again. With a `key` the server knows an order that it has. */
async function shop(world: TestWorld, safe: boolean): Promise<void> {
  world.link('app', 'shop', { delay: 20 })
  const orders: string[] = []
  world.host('shop').run(() => {
    createServer((req, res) => {
      if (!safe || !orders.includes(String(req.url))) orders.push(String(req.url))
      res.end('taken')
    }).listen(80)
  })
  await world.host('app').run(async () => {
    for (let i = 0; i < 5; i++) {
      for (;;) {
        try {
          await (await fetch(`http://shop/${i}`, { signal: AbortSignal.timeout(2000) })).text()
          break
        } catch {
          await world.sleep('1s')
        }
      }
      await world.sleep('1s')
    }
  })
  if (orders.length !== 5) throw new Error(`${orders.length} orders were taken instead of 5`)
}

describe('explore', () => {
  it('finds the order that is taken twice, and shows that one partition is enough for it', async () => {
    const printed: string[] = []
    const found = explore({
      seeds: 50, kinds: ['partition', 'link', 'skew'], lasting: '10s', name: 'twice', output: dir, print: (text) => { printed.push(text) },
    }, (world) => shop(world, false))
    await expect(found).rejects.toThrow(/orders were taken instead of 5[^]*the smallest faults that do it/)
    expect(printed).toHaveLength(1)
    const text = printed[0]
    expect(text).toMatch(/seed \d+ fails \(\d+ of 50\), with 1 of \d faults left/)
    // what is printed does it again
    const seed = Number(/seed: (\d+)/.exec(text)?.[1])
    const faults = faultsIn(text)
    expect(faults).toHaveLength(1)
    expect(faults[0].do).not.toBe('skew')
    await expect(simulate((world) => shop(world, false), { seed, faults, output: null })).rejects.toThrow(/instead of 5/)
    await expect(simulate((world) => shop(world, false), { seed, output: null })).resolves.toBeUndefined()
    expect(existsSync(join(dir, `twice-seed${seed}`, 'capture.pcapng'))).toBe(true)
    expect(readFileSync(join(dir, `twice-seed${seed}`, 'timeline.txt'), 'utf8')).toContain('***')
  })

  it('finds nothing in one that knows its orders by their keys', async () => {
    const kinds = ['partition', 'cut', 'link', 'skew'] as const
    const done = await explore({ seeds: 15, kinds, lasting: '10s', output: null }, (world) => shop(world, true))
    expect(done).toEqual({ runs: 16, failures: 0 })
  })

  it('finds what depends on the seed alone, and says that no fault is needed', async () => {
    const printed: string[] = []
    const found = explore({ seeds: 200, kinds: ['skew'], output: null, print: (text) => { printed.push(text) } }, async (world) => {
      const drawn = world.host('a').run(() => Math.random())
      await world.sleep('10s')
      if (drawn < 0.05) throw new Error('one in twenty')
    })
    await expect(found).rejects.toThrow('one in twenty')
    expect(printed[0]).toMatch(/with 0 of \d faults left/)
    expect(printed[0]).not.toContain('faults: [')
  })

  it('is the same exploration each time', async () => {
    const one = async (): Promise<string> => {
      let text = ''
      const print = (t: string): void => { text = t }
      await explore({ seeds: 50, kinds: ['partition', 'link'], lasting: '10s', output: null, print }, (world) => shop(world, false))
        .catch(() => undefined)
      return text
    }
    expect(await one()).toBe(await one())
  })

  it('draws every kind of fault, and none that the world has nothing for', async () => {
    const seen = new Set<string>()
    const kinds = ['partition', 'cut', 'link', 'crash', 'kill', 'skew', 'rebind', 'dns'] as const
    const run = (withNat: boolean): Promise<unknown> => explore({ seeds: 40, kinds, lasting: '5s', output: null }, async (world) => {
      if (withNat) world.link(world.nat('box'), 'b')
      world.link('a', withNat ? world.nat('box').inside : 'b')
      await world.sleep('20s')
      for (const { text } of world.recorder.notes) seen.add(text.replace(/^(link).*(cut).*/, '$2').replace(/ .*/, ''))
    })
    await run(false)
    expect(seen).not.toContain('NAT')
    expect([...seen].sort()).toEqual(['DNS:', 'a', 'b', 'cut', 'healed:', 'link', 'partition:', 'the'])
    await run(true)
    expect(seen).toContain('NAT')
  }, 60_000)
})

describe('shrinking', () => {
  const schedule: Fault[] = Array.from({ length: 8 }, (_, i) => (
    { at: 1234 + 1000 * i, do: 'partition', between: ['a', i === 5 ? 'c' : 'b'], for: 20_000 }
  ))

  it('leaves what is needed, shorter and at a rounder time', async () => {
    let tries = 0
    const least = await shrink(schedule, async (faults) => {
      tries++
      return Promise.resolve(faults.some((f) => f.do === 'partition' && f.between[1] === 'c' && f.for > 3000 && f.at > 5000))
    })
    expect(least).toEqual([{ at: 6000, do: 'partition', between: ['a', 'c'], for: 5000 }])
    expect(tries).toBeLessThan(40)
  })

  it('keeps two that are needed together', async () => {
    const at = (n: number) => (f: Fault) => Math.floor(f.at / 1000) === n
    const least = await shrink(schedule, (faults) => Promise.resolve(faults.some(at(2)) && faults.some(at(7))))
    expect(least.map((f) => f.at)).toEqual([2000, 7000])
  })

  it('calms a link', async () => {
    const bad: Fault = { at: 7, do: 'link', link: ['a', 'b'], conditions: { loss: 0.32 }, for: 1000 }
    const least = await shrink([bad], (faults) => Promise.resolve(faults.some((f) => f.do === 'link' && Number(f.conditions.loss) > 0.07)))
    expect(least).toEqual([{ at: 0, do: 'link', link: ['a', 'b'], conditions: { loss: 0.08 }, for: 1 }])
  })
})

it('faults are printed as code', () => {
  const text = code(7, [{ at: 5, do: 'link', link: ['a', "it's"], conditions: { burst: { enter: 0.02, leave: 0.1 } }, for: 9 }], 'x')
  expect(text).toContain("    { at: 5, do: 'link', link: ['a', 'it\\'s'], conditions: { burst: { enter: 0.02, leave: 0.1 } }, for: 9 },")
  expect(text).toContain('seed: 7,\n  name: \'x\',')
})

/** The faults of a printed call of `simulate`. */
function faultsIn(text: string): Fault[] {
  const list = /faults: \[([^]*)\n {2}\],/.exec(text)?.[1] ?? ''
  return JSON.parse(`[${list.trim().replace(/,$/, '').replace(/(\w+):/g, '"$1":').replaceAll("'", '"')}]`) as Fault[]
}
