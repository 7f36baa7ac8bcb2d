import { describe, expect, it } from 'vitest'
import { lintFiles } from './eslint.ts'

const GLOBALS = [
  'Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'clearTimeout', 'process',
  'crypto', 'globalThis', 'global', 'console', 'Buffer', 'require', 'fetch', 'Intl', 'WeakRef',
]
const FOLDERS = [
  'lib', 'wire', 'kern', 'link', 'arp', 'ip', 'icmp', 'udp', 'tcp', 'inet', 'mcast', 'igmp', 'mld', 'dhcp', 'resolver',
  'raw', 'vnet', 'device', 'sim', 'pcap',
  'script', 'snapshot',
]
const NODE_IMPORT = 'import { readFileSync } from \'node:fs\'\nexport const read = (): unknown => readFileSync(\'x\')\n'
const use = (name: string): string => `declare const ${name}: unknown\nexport const f = (): unknown => ${name}\n`
/** Without a declaration, as the name of the platform's own object. */
const useGlobal = (name: string): string => `export const f = (): unknown => ${name}\n`

describe('invariant 2: the core reads no clock, no randomness, no environment', async () => {
  const planted: Record<string, string> = {}
  for (const name of GLOBALS) planted[`src/tcp/g_${name}.ts`] = useGlobal(name)
  for (const d of FOLDERS) {
    planted[`src/${d}/clock.ts`] = useGlobal('Date')
    planted[`src/${d}/node.ts`] = NODE_IMPORT
    planted[`src/${d}/clean.ts`] = use('clock')
  }
  const found = await lintFiles(planted)

  it.each(GLOBALS)('catches the global %s', (name) => {
    expect(found[`src/tcp/g_${name}.ts`]).toContain('no-restricted-globals')
  })

  it.each(FOLDERS)('holds in src/%s', (d) => {
    expect(found[`src/${d}/clock.ts`]).toContain('no-restricted-globals')
    expect(found[`src/${d}/node.ts`]).toContain('no-restricted-imports')
    expect(found[`src/${d}/clean.ts`]).toEqual([])
  })

  const SYNTAX: [rule: string, bad: string, good: string][] = [
    ['no-restricted-properties', 'export const f = (): number => Math.random()',
      'export const f = (): number => Math.abs(-1)'],
    ['no-restricted-properties', 'export const f = (): number => Math[\'random\']()',
      'export const f = (): number => Math[\'abs\'](1)'],
    ['no-restricted-properties', 'export const f = (s: string): number => s.localeCompare(\'a\')',
      'export const f = (s: string): boolean => s < \'a\''],
    ['no-restricted-syntax', 'export const f = (): number => { const m = Math; return m.random() }',
      'export const f = (m: number): number => Math.min(m, 1)'],
    ['no-restricted-syntax', 'export const f = (): unknown => import(\'./g.ts\')', 'export const f = (): number => 1'],
    ['no-restricted-syntax', 'export const f = (): string => import.meta.url', 'export const f = (): string => \'\''],
    ['no-restricted-syntax', 'export const f = (o: { a?: number }): boolean => delete o.a',
      'export const f = (o: { a: number }): void => { o.a = 0 }'],
    ['no-restricted-syntax', 'export default function f(): void {}', 'export function f(): void {}'],
    ['no-restricted-syntax', 'export enum A { X }', 'export const A_X = 0'],
    ['no-restricted-syntax', 'export namespace A { export const X = 1 }', 'export const X = 1'],
    ['no-restricted-syntax', 'export class A { constructor(readonly n: number) {} }',
      'export class A { readonly n: number = 1 }'],
    ['max-lines', `${'export {}\n'.repeat(501)}`, `${'export {}\n'.repeat(499)}`],
  ]
  for (const [rule, bad, good] of SYNTAX) {
    it(`catches (${rule}) ${bad.slice(0, 70).trim()}`, async () => {
      const found = await lintFiles({ 'src/ip/bad.ts': `${bad}\n`, 'src/ip/good.ts': `${good}\n` })
      expect(found['src/ip/bad.ts']).toContain(rule)
      expect(found['src/ip/good.ts']).toEqual([])
    })
  }

  it('leaves the host side its clock and Node, and wire/layout.ts its Buffer', async () => {
    const found = await lintFiles({
      'src/host/clock.ts': `${useGlobal('Date')}${NODE_IMPORT.replaceAll('read ', 'reader ')}`, 'src/pcap/file.ts': NODE_IMPORT,
      'src/wire/layout.ts': useGlobal('Buffer'), 'src/wire/other.ts': useGlobal('Buffer'),
    })
    expect(found['src/host/clock.ts']).not.toContain('no-restricted-globals')
    expect(found['src/host/clock.ts']).not.toContain('no-restricted-imports')
    expect(found['src/pcap/file.ts']).not.toContain('no-restricted-imports')
    expect(found['src/wire/layout.ts']).not.toContain('no-restricted-globals')
    expect(found['src/wire/other.ts']).toContain('no-restricted-globals')
  })
})

describe('invariant 3: state is plain data with every field present', async () => {
  const CASES: [title: string, bad: string, good: string][] = [
    ['an optional field', 'a?: number', 'a: number'],
    ['null in a numeric field', 'a: number | null', 'a: string | null'],
    ['undefined in a numeric field', 'a: number | undefined', 'a: number'],
    ['a function', 'a: () => void', 'a: number'],
    ['a method', 'a(): void', 'a: Map<number, string>'],
    ['a promise', 'a: Promise<number>', 'a: Uint8Array'],
    ['a view over memory', 'a: DataView', 'a: number[]'],
    ['a frame, deep inside', 'a: Map<number, Frame[]>', 'a: Map<number, number[]>'],
  ]
  it.each(CASES)('catches %s in state.ts', async (_, bad, good) => {
    const file = (field: string): string => `export interface Frame { off: number }\nexport interface S { ${field} }\n`
    const found = await lintFiles({ 'src/ip/state.ts': file(bad), 'src/udp/state.ts': file(good), 'src/udp/usrreq.ts': file(bad) })
    expect(found['src/ip/state.ts']).toContain('no-restricted-syntax')
    expect(found['src/udp/state.ts']).toEqual([])
    expect(found['src/udp/usrreq.ts']).toEqual([])
  })

  it('catches a class in state.ts', async () => {
    const found = await lintFiles({ 'src/ip/state.ts': 'export class S { a = 1 }\n' })
    expect(found['src/ip/state.ts']).toEqual(['no-restricted-syntax'])
  })
})
