import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SENTENCE = /^vimage: [^\n]+, so TAP devices are unavailable; everything but TAP still works\.\n$/

describe.runIf(process.platform === 'linux')('native/install.mjs', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vimage-install-'))
    for (const part of ['native', 'binding.gyp', 'package.json']) {
      cpSync(join(ROOT, part), join(folder, part), { recursive: true })
    }
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const addon = (): string => join(folder, 'build/Release/vimage.node')
  const install = (env: Record<string, string>) =>
    spawnSync(process.execPath, [join(folder, 'native/install.mjs')], {
      env: { ...process.env, ...env }, encoding: 'utf8',
    })

  it('builds the addon, says nothing, and it loads', () => {
    expect(install({})).toMatchObject({ status: 0, stdout: '' })
    expect(createRequire(import.meta.url)(addon())).toHaveProperty('tapOpen')
  }, 60_000)

  it('says in one sentence that it was told to skip', () => {
    const run = install({ VIMAGE_SKIP_NATIVE: '1' })
    expect(run.status).toBe(0)
    expect(run.stdout).toMatch(SENTENCE)
  })

  it('without a compiler: one sentence, and the installation goes on', () => {
    const bin = join(folder, 'bin')
    mkdirSync(bin)
    symlinkSync(process.execPath, join(bin, 'node'))
    const run = install({ PATH: bin, CC: '' })
    expect(run.status).toBe(0)
    expect(run.stdout).toMatch(SENTENCE)
    expect(run.stdout).toContain('no C compiler')
  })

  it('with a compiler that fails: one sentence, and the installation goes on', () => {
    const run = install({ CC: '/bin/false' })
    expect(run.status).toBe(0)
    expect(run.stdout).toMatch(SENTENCE)
    expect(run.stdout).toContain('could not be built')
    expect(existsSync(addon())).toBe(false)
  }, 60_000)
})
