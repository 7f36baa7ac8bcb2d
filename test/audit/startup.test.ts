/** What the command line loads before a verb runs: `vimage list` must not wait for a TCP stack to be read from disk. */

import { readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { expect, it } from 'vitest'

const SRC = resolve(import.meta.dirname, '../../src')

/** Files of src and packages that `file` reaches by imports that are there at run time, with who imports them. */
function loaded(file: string): Map<string, string> {
  const found = new Map<string, string>()
  const visit = (path: string): void => {
    for (const line of readFileSync(path, 'utf8').matchAll(/^(?:import|export) (?!type\b)[^'"`()]*?from '([^']+)'/gm)) {
      const target = line[1].startsWith('.') ? resolve(dirname(path), line[1]) : line[1]
      if (found.has(target)) continue
      found.set(target, relative(SRC, path))
      if (target.startsWith(SRC)) visit(target)
    }
  }
  visit(resolve(SRC, file))
  return found
}

it('the command line starts without the stack, and without the packages of the daemon', () => {
  const found = loaded('cli/main.ts')
  expect(found.has(resolve(SRC, 'cli/netstat.ts'))).toBe(true)
  expect(found.has('commander')).toBe(true)
  const heavy = ['vnet/vnet.ts', 'tcp/output.ts', 'daemon/saved-vimage.ts', 'daemon/config.ts'].map((path) => resolve(SRC, path))
  for (const path of [...heavy, 'zod', 'yaml', 'pino', 'dns-packet']) {
    expect(found.get(path), `who imports ${relative(SRC, path)}`).toBeUndefined()
  }
})

it('the stack is found from where it is loaded on purpose', () => {
  expect(loaded('cli/dump-run.ts').has(resolve(SRC, 'tcp/output.ts'))).toBe(true)
})
