import { describe, expect, it } from 'vitest'
import { filesIn, read } from './sources.ts'

const LINES_MAX = 500
/** The aim is 120; a line that gains from a few more may have them. */
const COLUMNS_MAX = 140
const ENDINGS = ['.ts', '.js', '.mjs', '.cjs', '.c', '.h']

const sources = ['src', 'native', 'lint'].flatMap((d) => filesIn(d, ...ENDINGS)).filter((p) => !p.includes('/build/'))
const tests = ['test', 'bench', 'examples'].flatMap((d) => filesIn(d, ...ENDINGS))

describe('sources', () => {
  it('are found', () => {
    expect(sources.length).toBeGreaterThan(100)
  })

  it('no file has more than 500 lines', () => {
    expect(sources.filter((p) => read(p).split('\n').length - 1 > LINES_MAX)).toEqual([])
  })

  it('every file says at its head what it is', () => {
    // a file of re-exports or of types for a package says it in its first statement's comment, too
    expect(sources.filter((p) => !/^(#![^\n]*\n)?(\/\*|\/\/)/.test(read(p)))).toEqual([])
  })

  it('lines end within 140 columns (aim: 120)', () => {
    const long = [...sources, ...tests].flatMap((p) => read(p).split('\n')
      .flatMap((line, i) => [...line].length > COLUMNS_MAX ? [`${p}:${i + 1}`] : []))
    expect(long).toEqual([])
  })

  it('nothing is left undone, switched off or narrowed', () => {
    const marks = /\b(TODO|FIXME|XXX)\b|not implemented|\b(it|describe|test)\.only\(|@ts-ignore|@ts-nocheck/
    const found = [...sources, ...tests].filter((p) => p !== 'test/audit/style.test.ts')
      .flatMap((p) => read(p).split('\n').flatMap((line, i) => marks.test(line) ? [`${p}:${i + 1}`] : []))
    expect(found).toEqual([])
  })

  it('lint is switched off for a line only with a reason', () => {
    const off = /eslint-disable(?!-next-line \S+( \S+)* -- \S)/
    const found = [...sources, ...tests].filter((p) => p !== 'test/audit/style.test.ts')
      .flatMap((p) => read(p).split('\n').flatMap((line, i) => off.test(line) ? [`${p}:${i + 1}`] : []))
    expect(found).toEqual([])
  })
})
