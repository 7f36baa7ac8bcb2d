/** The scripts of test/scripts, one test a folder. The first line of each says which clause it shows. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { printResult, runScript } from '../src/script/index.ts'
import { scriptFiles } from './script/files.ts'

const files = scriptFiles()
const folders = [...new Set(files.map((f) => f.name.split('/')[0]))]

describe('scripts from the RFC texts', () => {
  it.each(folders)('%s', (folder) => {
    const failures = files.filter((f) => f.name.startsWith(`${folder}/`))
      .map(({ name, path }) => runScript(readFileSync(path, 'utf8'), { name }))
      .filter((r) => r.status !== 'passed').map(printResult)
    expect(failures).toEqual([])
  })

  it('each begins with the clause that it shows', () => {
    const bare = files.filter(({ path }) => !/^\/\/ \S/.test(readFileSync(path, 'utf8'))).map((f) => f.name)
    expect(bare).toEqual([])
    expect(files.length).toBeGreaterThanOrEqual(100)
  })

  it('a thousand scripts take less than ten seconds', () => {
    const texts = files.map(({ path }) => readFileSync(path, 'utf8'))
    // processor time: other processes may want theirs at the same time
    const start = process.cpuUsage()
    for (let i = 0; i < 1000; i++) runScript(texts[i % texts.length])
    const { user, system } = process.cpuUsage(start)
    expect((user + system) / 1000).toBeLessThan(10_000)
  }, 60_000)
})
