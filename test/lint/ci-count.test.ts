import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const COUNT = join(import.meta.dirname, '../../.ci/count.mjs')
const dir = mkdtempSync(join(tmpdir(), 'vimage-count-'))
afterAll(() => rmSync(dir, { recursive: true }))

const test = (status: string): object =>
  ({ status, fullName: `a ${status} test`, failureMessages: status === 'passed' ? [] : ['because'] })
const file = (name: string, statuses: string[], status = 'passed', message = ''): object =>
  ({ name: `/x/test/${name}`, status, message, assertionResults: statuses.map(test) })
const interop = file('interop/a.test.ts', ['passed'])

function count(files: object[] | null, exitCode: number): [stdout: string, stderr: string] {
  const report = join(dir, files === null ? 'missing.json' : 'report.json')
  if (files !== null) writeFileSync(report, JSON.stringify({ testResults: files }))
  const run = spawnSync(process.execPath, [COUNT, report, String(exitCode)], { encoding: 'utf8' })
  return [run.stdout.trim(), run.stderr]
}

describe('CI counts what really ran', () => {
  it('passes', () => {
    expect(count([interop, file('b.test.ts', ['passed', 'passed'])], 0)).toEqual(['3 0', ''])
  })

  it('says what passed only when it was repeated', () => {
    const repeated = { ...test('passed'), failureMessages: ['too late\n at line 1', 'too late'] }
    const late = { ...file('interop/b.test.ts', []), assertionResults: [repeated] }
    const [stdout, stderr] = count([late], 0)
    expect(stdout).toBe('1 0')
    expect(stderr).toMatch(/^REPEATED .*interop\/b[.]test[.]ts > a passed test: too late\n$/)
  })

  it('says which files took longest', () => {
    const timed = (name: string, ms: number): object => ({ ...file(name, ['passed']), startTime: 1000, endTime: 1000 + ms })
    const [stdout, stderr] = count([interop, timed('a.test.ts', 6000), timed('b.test.ts', 61_400), timed('c.test.ts', 4000)], 0)
    expect(stdout).toBe('4 0')
    expect(stderr.split('\n').map((line) => line.replace(/ [^ ]*test\//, ' '))).toEqual(['SLOW 61 s b.test.ts', 'SLOW 6 s a.test.ts', ''])
  })

  it.each([
    ['a failed test', [interop, file('b.test.ts', ['passed', 'failed'], 'failed')], 1, '2 1', 'FAILED'],
    ['a skipped test', [interop, file('b.test.ts', ['passed', 'skipped'])], 0, '2 1', 'SKIPPED'],
    ['a test to be done', [interop, file('b.test.ts', ['todo'])], 0, '1 1', 'SKIPPED'],
    ['a file that does not load', [interop, file('b.test.ts', [], 'failed', 'no module')], 1, '1 1', 'no module'],
    ['a file without tests', [interop, file('b.test.ts', [])], 0, '1 1', 'EMPTY'],
    ['no interop tests', [file('b.test.ts', ['passed'])], 0, '1 1', 'no interop test'],
    ['a crash after the last test', [interop], 1, '1 1', 'exit 1'],
    ['no report', null, 124, '0 1', 'did not finish (exit 124)'],
  ] as const)('a failure is: %s', (_, files, exitCode, counted, said) => {
    const [stdout, stderr] = count(files === null ? null : [...files], exitCode)
    expect(stdout).toBe(counted)
    expect(stderr).toContain(said)
  })
})
