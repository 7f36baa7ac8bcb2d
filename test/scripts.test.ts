/** The scripts of test/scripts, one test a folder. The first line of each says which clause it shows. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { printResult, runScript } from '../src/script/index.ts'
import { scriptFiles } from './script/files.ts'
import { SIX_OPTIONS, inSix, isAboutSix } from './script/six.ts'

const files = scriptFiles()
const folders = [...new Set(files.map((f) => f.name.split('/')[0]))]

describe('scripts from the RFC texts', () => {
  it.each(folders)('%s', (folder) => {
    const failures = files.filter((f) => f.name.startsWith(`${folder}/`))
      .map(({ name, path }) => runScript(readFileSync(path, 'utf8'), { name }))
      .filter((r) => r.status !== 'passed').map(printResult)
    expect(failures).toEqual([])
  })

  // which do not, and why: test/audit/families.test.ts
  it.each(folders)('%s, over IPv6', (folder) => {
    const failures = files.filter((f) => f.name.startsWith(`${folder}/`))
      .map(({ name, path }) => ({ name, text: readFileSync(path, 'utf8') })).filter(({ text }) => !isAboutSix(text))
      .map(({ name, text }) => ({ name, six: inSix(name, text).text }))
      .map(({ name, six }) => (six === null ? null : runScript(six, { name, options: SIX_OPTIONS })))
      .filter((r) => r !== null && r.status !== 'passed').map((r) => printResult(r!))
    expect(failures).toEqual([])
  })

  it('issue 4: 150 and more are about IPv6, ICMPv6, neighbours and fragments', () => {
    const six = files.filter(({ path }) => readFileSync(path, 'utf8').includes('--ip_version=ipv6'))
    expect(six.length).toBeGreaterThanOrEqual(150)
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
