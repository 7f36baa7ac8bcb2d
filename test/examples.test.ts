/** Every example runs, prints what it says it prints, and is as short as promised. Examples use the built package. */

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const PROJECT = join(import.meta.dirname, '..')
const FOLDER = join(PROJECT, 'examples')
const MAX_LINES = 60

/** What each prints on its standard output. */
const PRINTS: Readonly<Record<string, RegExp>> = {
  'echo.mjs': /^hello through two stacks\nsegments sent \d+, received \d+\n$/,
  'http.mjs': /^200 you asked 10\.0\.0\.2 for \/hello\n$/,
  'lossy-chat.mjs': /^15 lines, in the same order for everybody, in 11 runs\n$/,
  'lossy-world.mjs': /^1000000 bytes in [\d.]+ s of the world\n\d+ segments, [1-9]\d* sent again\n$/,
  'nat-keepalive.mjs': /^kept for 300 s .* takes 5\.\d s\nkept for 20 s by the server: 0\.\d s\n$/,
  'replay.mjs': /^5 frames fed, 5 left out .*, 5 answers:\n(.*\n)+.*ICMP echo reply, id 4660, seq 3, length 64\nnothing was damaged\n$/,
  'retry-partition.mjs': /^tea ordered, coffee ordered; asked 3 times, in 1\d\.\d s of the world\n$/,
  'worker.mjs': /^hello to the other thread\nhello to this thread, says b\n$/,
}

describe('examples', () => {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.mjs')).sort()

  it('are all known here and listed in their README', () => {
    expect(names).toEqual(Object.keys(PRINTS))
    const readme = readFileSync(join(FOLDER, 'README.md'), 'utf8')
    expect(names.filter((name) => !readme.includes(`node examples/${name}`))).toEqual([])
  })

  it.each(names)('%s', (name) => {
    expect(existsSync(join(PROJECT, 'dist/index.js')), 'npm run build comes first').toBe(true)
    expect(readFileSync(join(FOLDER, name), 'utf8').split('\n').length).toBeLessThanOrEqual(MAX_LINES)
    expect(run(name)).toMatch(PRINTS[name])
  }, 60_000)

  it.each(['lossy-world.mjs', 'retry-partition.mjs'])('%s prints the same every time', (name) => {
    expect(run(name)).toBe(run(name))
  }, 60_000)
})

function run(name: string): string {
  return execFileSync(process.execPath, [join(FOLDER, name)], {
    cwd: PROJECT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 50_000,
  })
}
