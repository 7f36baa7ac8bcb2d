import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT, filesIn, read } from './sources.ts'
import { sysctlDoc } from './sysctl-doc.ts'

/** `src/…` or `test/…` (a file, a folder or a pattern with one star) as documents name them in backquotes. */
const PATH = /`((?:src|test|docs|lint|native|bench|pcaps|examples|\.ci)\/[^`\s]*)`/g

const documents = ['README.md', ...filesIn('docs', '.md')].filter((p) => existsSync(join(ROOT, p)))

describe('documents are true', () => {
  it('docs/sysctl.md is fresh (npm run docs:sysctl writes it)', async () => {
    await expect(sysctlDoc()).toMatchFileSnapshot(join(ROOT, 'docs/sysctl.md'))
  })

  it.each(['architecture', 'state', 'time', 'where', 'rfc', 'deviations', 'sysctl'])('docs/%s.md exists', (name) => {
    expect(documents).toContain(`docs/${name}.md`)
  })

  // the design names folders that later issues will fill
  it.each(documents.filter((p) => p !== 'docs/architecture.md'))('every path that %s names exists', (path) => {
    const named = [...read(path).matchAll(PATH)].map((m) => m[1])
    expect(named.filter((p) => !exists(p))).toEqual([])
  })

  it('docs/where.md answers for every folder of the sources', () => {
    const where = read('docs/where.md')
    const folders = new Set(filesIn('src', '.ts').map((p) => p.split('/')[1]))
    const unknown = [...folders].filter((d) => !where.includes(`src/${d}/`) && d !== 'index.ts' && d !== 'types')
    expect(unknown).toEqual([])
  })

  it('functions that docs/where.md names beside a file are in it', () => {
    const rows = [...read('docs/where.md').matchAll(/`(src\/[^`]+\.ts)` (`[a-zA-Z]\w*`(?:, `[a-zA-Z]\w*`)*)/g)]
    const wrong = rows.flatMap(([, file, names]) => [...names.matchAll(/\w+/g)].map(([name]) => [file, name] as const))
      .filter(([file, name]) => !new RegExp(`\\b${name}\\b`).test(read(file)))
    expect(wrong).toEqual([])
    expect(rows.length).toBeGreaterThan(20)
  })
})

describe('RFC tables', () => {
  const cited = new Map<string, Set<string>>()
  for (const path of filesIn('src', '.ts')) {
    for (const [, rfc] of read(path).matchAll(/\bRFC (\d{3,4})\b/g)) {
      cited.set(rfc, (cited.get(rfc) ?? new Set()).add(path))
    }
  }
  const index = read('docs/rfc.md').split('\n').flatMap((line) => {
    const row = /^\| (\d+) \|/.exec(line)
    return row === null ? [] : [[row[1], [...line.matchAll(PATH)].map((m) => m[1])] as const]
  })

  it('docs/rfc.md has every RFC that the sources cite', () => {
    const listed = new Set(index.map(([rfc]) => rfc))
    expect([...cited.keys()].filter((rfc) => !listed.has(rfc))).toEqual([])
  })

  it('the files that docs/rfc.md names cite the RFC', () => {
    const wrong = index.flatMap(([rfc, files]) => files.filter((f) => !cited.get(rfc)?.has(f)).map((f) => `${rfc}: ${f}`))
    expect(wrong).toEqual([])
    expect(index.filter(([, files]) => files.length === 0)).toEqual([])
  })

  const tables = filesIn('docs/rfc', '.md')
  it.each(tables)('%s: what is done or partly done names a file and a test that exist', (path) => {
    // what must not be done is nowhere done
    const rows = read(path).split('\n')
      .filter((line) => /^\| [0-9].* \| (yes|partly) \|/.test(line) && !/ NOT \|/.test(line))
    const bare = rows.filter((line) => ![...line.matchAll(PATH)].some((m) => m[1].startsWith('src/')))
    expect(bare).toEqual([])
  })
})

function exists(path: string): boolean {
  const star = path.indexOf('*')
  if (star < 0) return existsSync(join(ROOT, path))
  const [before, after] = [path.slice(0, star), path.slice(star + 1)]
  const folder = before.slice(0, before.lastIndexOf('/'))
  return existsSync(join(ROOT, folder)) && filesIn(folder, after).some((p) => p.startsWith(before))
}
