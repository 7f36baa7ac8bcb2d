import { describe, expect, it } from 'vitest'
import { lintFiles, lintMessages } from './eslint.ts'

const IMPORT = 'import { seqAdd, seqDiff, seqLt, seqToWire } from \'../lib/seq.ts\'\n'
  + 'import type { Seq } from \'../lib/seq.ts\'\n'
const HEAD = `${IMPORT}export interface Tcb { sndUna: Seq; sndNxt: Seq }\n`
const USED = 'export const used = (a: Seq, b: Seq): number => seqLt(a, b) ? seqDiff(a, b) : seqToWire(seqAdd(a, 1))\n'

const BAD: readonly string[] = [
  't.sndUna < t.sndNxt', 't.sndUna <= 5', '5 > t.sndUna', 't.sndUna >= t.sndNxt', 't.sndNxt - t.sndUna', 't.sndNxt + 1',
  '-t.sndNxt', 't.sndNxt % 7', '(t.sndUna as number)', 'Math.max(t.sndUna, t.sndNxt)',
  'Math.max(t.sndUna as number, 1)', '(t.sndNxt as number) - (t.sndUna as number) | 0', 'pick(t) - 1', 'list[0]! + 1',
]
const GOOD: readonly string[] = [
  't.sndUna === t.sndNxt', 't.sndUna !== t.sndNxt', 'seqLt(t.sndUna, t.sndNxt)', 'seqDiff(t.sndNxt, t.sndUna) < 5',
  'seqToWire(t.sndNxt) + 1', 'seqAdd(t.sndNxt, 1)', 'list.length - 1', 'write(t.sndUna as number)', '`${t.sndNxt}`',
]

function file(expression: string): string {
  return `${HEAD}${USED}declare function pick(t: Tcb): Seq | null\ndeclare function write(n: number): void\n`
    + `export function f(t: Tcb, list: Seq[]): unknown { void [pick, list, write]; return ${expression} }\n`
}

describe('RFC 9293 §3.4: sequence numbers are compared modulo 2^32', async () => {
  const files: Record<string, string> = {}
  BAD.forEach((e, i) => { files[`src/tcp/bad${i}.ts`] = file(e) })
  GOOD.forEach((e, i) => { files[`src/tcp/good${i}.ts`] = file(e) })
  const found = await lintFiles(files)

  BAD.forEach((e, i) => it(`catches ${e}`, () => {
    expect(found[`src/tcp/bad${i}.ts`]).toContain('vimage/seq-compare')
  }))
  GOOD.forEach((e, i) => it(`lets ${e} pass`, () => {
    expect(found[`src/tcp/good${i}.ts`]).not.toContain('vimage/seq-compare')
  }))

  it('catches assignments that calculate', async () => {
    const f = (s: string): string => `${IMPORT}${USED}export function f(s: Seq): void { let x = s; ${s}; void x }\n`
    const found = await lintMessages({
      'src/tcp/a.ts': f('x++'), 'src/tcp/b.ts': f('(x as unknown) = x; x += 1 as never'),
      'src/tcp/c.ts': f('x = seqAdd(x, 1)'),
    })
    expect(found['src/tcp/a.ts']?.join()).toContain('`++` on a sequence number')
    expect(found['src/tcp/b.ts']?.join()).toContain('`+=` on a sequence number')
    expect(found['src/tcp/c.ts']).toEqual([])
  })

  it('leaves lib/seq.ts alone', async () => {
    expect(await lintFiles({ 'src/lib/seq.ts': `${await seqSource()}` })).toEqual({ 'src/lib/seq.ts': [] })
  })
})

async function seqSource(): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  return readFile(new URL('../../src/lib/seq.ts', import.meta.url), 'utf8')
}
