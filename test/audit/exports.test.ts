import { beforeAll, describe, expect, it } from 'vitest'
import { auditedModules, load } from './sources.ts'
import { mutableIn, picture } from './walk.ts'
import { traffic } from './traffic.ts'

describe('the walk itself', () => {
  class Counter { static count = [1] }
  const counted = Object.assign(() => 0, { calls: new Map() })
  it.each<[string, unknown, string[]]>([
    ['an array', [1], ['x']],
    ['a frozen array of arrays', Object.freeze([[1], Object.freeze([2])]), ['x.0']],
    ['an object', { a: 1 }, ['x']],
    ['a Map, frozen or not', Object.freeze(new Map()), ['x']],
    ['a Set in a frozen object', Object.freeze({ s: new Set() }), ['x.s']],
    ['a typed array', new Uint8Array(1), ['x', 'x.buffer']],
    ['a regular expression that remembers', /a/g, ['x']],
    ['a static member', Counter, ['x.count']],
    ['a property of a function', counted, ['x.calls']],
    ['an instance', new Counter(), ['x']],
  ])('finds %s', (_, value, paths) => {
    expect(mutableIn(value, 'x')).toEqual(expect.arrayContaining(paths.filter((p) => p !== 'x.buffer')))
  })

  it('lets constants pass', () => {
    class Plain { n = 1; get twice(): number { return 2 * this.n } }
    for (const x of [1, 'a', null, /a/u, () => 1, Plain, Object.freeze({ a: Object.freeze([1]) }), new Uint8Array(0)]) {
      expect(mutableIn(x, 'x')).toEqual([])
    }
  })

  it('sees a change in a picture', () => {
    const x = { a: new Map([[1, { n: 1 }]]) }
    const before = picture(x, 'x')
    x.a.get(1)!.n++
    expect(picture(x, 'x')).not.toEqual(before)
  })
})

describe('invariant 1: no module exports anything mutable', () => {
  const modules = auditedModules()

  it.each(modules)('%s', async (path) => {
    const found = Object.entries(await load(path)).flatMap(([name, value]) => mutableIn(value, name))
    expect(found).toEqual([])
  })

  describe('and nothing reachable changes under traffic', () => {
    let before: Map<string, unknown>
    beforeAll(async () => {
      before = await pictureOf(modules)
    })

    it('ping, datagrams, a transfer, errors, fragments', async () => {
      const { seen } = traffic()
      expect(seen).toEqual({ pings: 3, datagrams: 2, bytes: 200_000, unreachable: 1 })
      const after = await pictureOf(modules)
      expect([...after].filter(([path, value]) => before.get(path) !== value)).toEqual([])
      expect(after.size).toBe(before.size)
    })
  })
})

async function pictureOf(modules: readonly string[]): Promise<Map<string, unknown>> {
  const all = new Map<string, unknown>()
  for (const path of modules) {
    for (const [name, value] of Object.entries(await load(path))) {
      for (const [at, x] of picture(value, `${path} ${name}`)) all.set(at, x)
    }
  }
  return all
}
