/** A script that passes fails as soon as one number that it expects is another. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runScript } from '../../src/script/index.ts'
import { scriptFiles } from './files.ts'
import { mutations } from './mutate.ts'

const files = scriptFiles()
const folders = [...new Set(files.map((f) => f.name.split('/')[0]))]

describe('issue 3: changing any expected number in a passing script makes it fail', () => {
  it.each(folders)('%s', (folder) => {
    const survivors: string[] = []
    let count = 0
    for (const { name, path } of files.filter((f) => f.name.startsWith(`${folder}/`))) {
      const found = mutations(readFileSync(path, 'utf8'))
      expect(found.length, name).toBeGreaterThan(0)
      count += found.length
      for (const m of found) {
        const { status } = runScript(m.text, { name })
        if (status !== 'failed') survivors.push(`${name}: ${status}: ${m.what}`)
      }
    }
    expect(survivors).toEqual([])
    expect(count).toBeGreaterThan(0)
  }, 120_000)
})
