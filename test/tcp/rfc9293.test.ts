/** docs/rfc/rfc9293.md is complete and names what exists. */

import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const ROOT = new URL('../../', import.meta.url)
const DOC = readFileSync(new URL('docs/rfc/rfc9293.md', ROOT), 'utf8')

interface Row { id: string; status: string; code: string; test: string; note: string }

const ROWS: Row[] = DOC.split('\n')
  .filter((line) => /^\| (MUST|SHLD|REC|MAY)-\d+ \|/.test(line))
  .map((line) => {
    const [id = '', , , status = '', code = '', named = '', note = ''] = line.slice(1, -1).split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll('\\|', '|'))
    return { id, status, code, test: named, note }
  })

/** MUST-2 before MUST-10. */
function byLabel(a: string, b: string): number {
  const [[na, ia], [nb, ib]] = [a.split('-'), b.split('-')]
  return na === nb ? Number(ia) - Number(ib) : ['MUST', 'SHLD', 'REC', 'MAY'].indexOf(na) - ['MUST', 'SHLD', 'REC', 'MAY'].indexOf(nb)
}

describe('the table of RFC 9293\'s requirements (appendix B)', () => {
  test('has each of the 119 labels once', () => {
    const labels = [['MUST', 69], ['SHLD', 31], ['REC', 1], ['MAY', 18]] as const
    const all = labels.flatMap(([name, n]) => Array.from({ length: n }, (_, i) => `${name}-${i + 1}`))
    expect(ROWS.map((r) => r.id).sort()).toEqual(all.sort())
  })

  test('knows four words for the status; what is done has a file and a test, what is not has a note', () => {
    for (const r of ROWS) {
      expect(['done', 'partial', 'not yet', 'not applicable'], r.id).toContain(r.status)
      if (r.status === 'done') expect([r.code, r.test].every((cell) => cell !== ''), r.id).toBe(true)
      else expect(r.note, r.id).not.toBe('')
    }
  })

  test('names files that exist, in its rows and notes', () => {
    const cells = ROWS.map((r) => `${r.code} ${r.test} ${r.note}`).join(' ')
    const paths = [...cells.matchAll(/`((?:src|test)\/[^`]+)`/g)].map((m) => m[1])
    expect(paths.length).toBeGreaterThan(180)
    for (const path of paths) expect(existsSync(new URL(path, ROOT)), path).toBe(true)
  })

  test('names tests that exist', () => {
    for (const r of ROWS) {
      const named = /^`([^`]+)`: (.*)$/.exec(r.test)
      if (named === null) continue
      const source = readFileSync(new URL(named[1], ROOT), 'utf8').replaceAll('\\\'', '\'')
      const title = (named[2]).replace(/^`(.*)`$/, '$1')
      expect(source.includes(title), `${r.id}: ${title}`).toBe(true)
    }
  })

  test('says which scripts show how much, and what they show', () => {
    const shown = new Map<string, Set<string>>()
    const byScript = new Set<string>()
    for (const r of ROWS) {
      for (const [, folder] of `${r.test} ${r.note}`.matchAll(/`test\/scripts\/([^/`]+)\/[^`]+\.pkt`/g)) {
        shown.set(folder, (shown.get(folder) ?? new Set()).add(r.id))
        byScript.add(r.id)
      }
    }
    const done = ROWS.filter((r) => r.status === 'done')
    const table = [...shown].sort(([a], [b]) => a < b ? -1 : 1).map(([folder, ids]) => {
      return `| \`test/scripts/${folder}/\` | ${ids.size} | ${[...ids].sort(byLabel).join(', ')} |`
    })
    const all = `Of the ${ROWS.length}, ${done.length} are done: ${done.filter((r) => byScript.has(r.id)).length} shown by ` +
      `scripts (and most by tests, too), ${done.filter((r) => !byScript.has(r.id)).length} by tests alone.`
    // what it should say, as one piece to be pasted
    const text = [all, '', '| scripts | rows | which |', '|---|---|---|', ...table].join('\n')
    expect(DOC.includes(text) ? '' : text).toBe('')
  })

  test('its totals are the sums of its rows', () => {
    for (const [name, prefix] of [
      ['MUST and MUST NOT', 'MUST'], ['SHOULD and SHOULD NOT', 'SHLD'], ['Recommended', 'REC'], ['MAY', 'MAY'],
    ] as const) {
      const rows = ROWS.filter((r) => r.id.startsWith(`${prefix}-`))
      const count = (status: string): number => rows.filter((r) => r.status === status).length
      const line = `| ${name} | ${['done', 'partial', 'not yet', 'not applicable'].map(count).join(' | ')} |`
      expect(DOC.split('\n')).toContain(line)
    }
  })
})
