/** The captures of this project and their index in pcaps/README.md say the same; what the folder's sources import. */

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { parseCapture } from '../../src/pcap/index.ts'

const PROJECT = join(import.meta.dirname, '../..')
const CAPTURES = join(PROJECT, 'pcaps')
const SOURCES = join(PROJECT, 'src/pcap')

/** Files named in the first column of the table, with the number of records. */
function indexRows(markdown: string): [string, number][] {
  return [...markdown.matchAll(/^\| `([^`]+)` \| ([\d,]+) \| \S.* \| \S.* \|$/gm)]
    .map((m) => [m[1], Number((m[2]).replaceAll(',', ''))])
}

describe('pcaps/README.md', () => {
  it('has a row with the right number of records for every capture, and a capture for every row', () => {
    const files = readdirSync(CAPTURES, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.pcap')).sort()
    const found = files.map((name) => {
      const { error, records } = parseCapture(readFileSync(join(CAPTURES, name)))
      return [name, error === null ? records.length : error.message]
    })
    expect(indexRows(readFileSync(join(CAPTURES, 'README.md'), 'utf8'))).toEqual(found)
  })

  it('a row is found only when all four columns are filled', () => {
    expect(indexRows('| `a.pcap` | 1,234 | a test | 1: SYN |\n| `b.pcap` | 2 | | x |\n| c.pcap | 3 | x | x |'))
      .toEqual([['a.pcap', 1234]])
  })
})

describe('src/pcap', () => {
  it('only file.ts knows Node', () => {
    const names = readdirSync(SOURCES)
    expect(names).toContain('reader.ts')
    expect(names.filter((name) => /from 'node:|\b(Buffer|process|NodeJS)\./.test(codeOf(name)))).toEqual(['file.ts'])
  })
})

function codeOf(name: string): string {
  return readFileSync(join(SOURCES, name), 'utf8').replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, '')
}
