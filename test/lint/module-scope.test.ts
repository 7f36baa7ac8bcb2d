import { describe, expect, it } from 'vitest'
import { lintFiles } from './eslint.ts'

/** name → [what is planted, its clean twin] */
const CASES: Record<string, [string, string]> = {
  let: ['export let hits = 0', 'export const HITS = 0'],
  var: ['export var hits = 0', 'export const HITS = 2 ** 3'],
  'let without export': ['let hits = 0\nexport function hit(): number { return hits++ }',
    'export function hit(hits: number): number { let n = hits; return ++n }'],
  array: ['export const LIST = [1, 2]', 'export const LIST = Object.freeze([1, 2])'],
  'array by type alone': ['export const LIST: readonly number[] = [1]',
    'export const LIST: readonly number[] = Object.freeze([1])'],
  object: ['export const TABLE = { a: 1 }', 'export const TABLE = Object.freeze({ a: 1 })'],
  'as const without freeze': ['export const TABLE = { a: 1 } as const',
    'export const TABLE = Object.freeze({ a: 1 } as const)'],
 
    'Map behind a function': ['const cache = new Map<string, number>()\nexport function look(k: string) { return cache.get(k) }',
    'export function look(cache: Map<string, number>, k: string) { return cache.get(k) }'],
  'frozen Map': ['export const CACHE = Object.freeze(new Map<string, number>())',
    'export const CACHE = Object.freeze({ x: 1 })'],
  Set: ['export const SEEN = new Set<number>()', 'export const SEEN = new Uint8Array(0)'],
  'typed array': ['export const SCRATCH = new Uint8Array(4)', 'export const EMPTY = new Uint8Array(0)'],
  'array inside a frozen object': ['export const T = Object.freeze({ list: [1] })',
    'export const T = Object.freeze({ list: Object.freeze([1]) })'],
  'nested literals': ['export const T: Record<string, string[]> = Object.freeze({ a: [\'x\'] })',
    'export const T: Readonly<Record<string, readonly string[]>> = Object.freeze({ a: [\'x\'] })'],
  'Map inside a frozen object of readonly type': [
    'export const T: Readonly<Record<string, ReadonlyMap<string, number>>> = Object.freeze({ a: new Map() })',
    'export const T: Readonly<Record<string, number>> = Object.freeze({ a: 1 })'],
  'frozen result of a call': ['function make() { return { list: [1] } }\nexport const T = Object.freeze(make())',
    'function make() { return { n: 1 } }\nexport const T = Object.freeze(make())'],
  'closure counter': ['function counter() { let n = 0; return () => n++ }\nexport const next = counter()',
    'export const next = (n: number): number => n + 1'],
  'instance of a class': ['class Table { n = 0 }\nexport const T = new Table()', 'export class Table { n = 0 }'],
  'mutable static': ['export class A { static count = 0 }', 'export class A { static readonly MAX = 3 }'],
  'static block': ['export class A { static { void 0 } }', 'export class A { static make(): A { return new A() } }'],
  'regular expression with position': ['export const RE = /a/g', 'export const RE = /a/u'],
  'mutable alternative': ['export const X = 1 > 0 ? null : [1]', 'export const X = 1 > 0 ? 2 : 3'],
  destructuring: ['export const [a] = [[1]]', 'export const A = [1].length'],
  'statement that runs': ['export const MAX = 3\nif (MAX > 2) Object.freeze({})', 'export const MAX = 3'],
  'loop that runs': ['for (const x of [1]) void x', 'export function run(): void { for (const x of [1]) void x }'],
}

const name = (i: number, twin: string): string => `src/tcp/${twin}${i}.ts`

describe('invariant 1: no mutable state at module scope', async () => {
  const files: Record<string, string> = {}
  Object.values(CASES).forEach(([bad, good], i) => {
    files[name(i, 'bad')] = `${bad}\n`
    files[name(i, 'good')] = `${good}\n`
  })
  const found = await lintFiles(files)
  Object.keys(CASES).forEach((title, i) => {
    it(`catches: ${title}`, () => {
      expect(found[name(i, 'bad')]).toContain('vimage/module-scope')
      expect(found[name(i, 'good')]).toEqual([])
    })
  })

  it('holds outside the core too, except that the program\'s main file may run', async () => {
    const state = 'export const open = new Map<string, number>()\n'
    const run = 'export function main(): void {}\nmain()\n'
    const where = await lintFiles({ 'src/host/a.ts': state, 'src/cli/main.ts': run, 'src/cli/other.ts': run })
    expect(where).toEqual({
      'src/host/a.ts': ['vimage/module-scope'], 'src/cli/main.ts': [], 'src/cli/other.ts': ['vimage/module-scope'],
    })
  })

  it('knows the declarations of wire/ and the tunables by name', async () => {
    const use = 'declare function header(...x: number[]): { a: number[] }\ndeclare function heading(): { a: number[] }\n'
    const found = await lintFiles({
      'src/wire/a.ts': `${use}export const H = header(1)\n`, 'src/wire/b.ts': `${use}export const H = heading()\n`,
    })
    expect(found).toEqual({ 'src/wire/a.ts': [], 'src/wire/b.ts': ['vimage/module-scope'] })
  })
})
