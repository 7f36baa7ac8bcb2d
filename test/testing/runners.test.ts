/** Simulations under other runners of tests, with the built package. */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const PROJECT = join(import.meta.dirname, '../..')

function nodeTest(env: Record<string, string>): { status: number | null; text: string } {
  expect(existsSync(join(PROJECT, 'dist/testing/index.js')), 'npm run build comes first').toBe(true)
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('NODE_') && !name.startsWith('VITEST'))
  const { status, stdout } = spawnSync(process.execPath, ['--test', join(import.meta.dirname, 'runners/node-test.mjs')], {
    cwd: PROJECT, encoding: 'utf8', timeout: 50_000, env: { ...Object.fromEntries(inherited), ...env },
  })
  return { status, text: stdout }
}

it('node:test: tests of one file started together pass, and take no hours', () => {
  const { status, text } = nodeTest({})
  expect(text).toMatch(/^. fail 0$/m)
  expect(text).toMatch(/^. pass 2$/m)
  expect(status).toBe(0)
}, 60_000)

it('node:test: a failure is one, and names its seed', () => {
  const { status, text } = nodeTest({ FAIL: '1' })
  expect(text).toMatch(/as it was to be shown/)
  expect(text).toMatch(/seed 77, failed at 0\.0+ s of simulated time/)
  expect(status).toBe(1)
}, 60_000)
