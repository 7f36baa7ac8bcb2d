/** Runs the project's own ESLint configuration on planted files, in a copy of the tree's shape. */

import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ESLint } from 'eslint'

const ROOT = join(import.meta.dirname, '../..')
const TSCONFIG = JSON.stringify({
  compilerOptions: {
    target: 'ES2023', lib: ['ES2023', 'DOM'], module: 'NodeNext', moduleResolution: 'NodeNext', strict: true, types: [],
    noEmit: true, allowImportingTsExtensions: true, skipLibCheck: true,
  },
  include: ['src'],
})

/** Rule names (without duplicates, sorted) that complain about each of `files` (path → source). */
export async function lintFiles(files: Record<string, string>): Promise<Record<string, string[]>> {
  const messages = await lintMessages(files)
  return Object.fromEntries(Object.entries(messages).map(([path, list]) =>
    [path, [...new Set(list.map((m) => m.split(': ', 1)[0]))].sort()]))
}

/** Like `lintFiles`, with the messages: "rule: text". */
export async function lintMessages(files: Record<string, string>): Promise<Record<string, string[]>> {
  const dir = mkdtempSync(join(tmpdir(), 'vimage-lint-'))
  try {
    write(dir, 'tsconfig.json', TSCONFIG)
    write(dir, 'package.json', '{"type":"module"}')
    mkdirSync(join(dir, 'src/lib'), { recursive: true })
    copyFileSync(join(ROOT, 'src/lib/seq.ts'), join(dir, 'src/lib/seq.ts'))
    for (const [path, source] of Object.entries(files)) write(dir, path, source)
    const eslint = new ESLint({ cwd: dir, overrideConfigFile: join(ROOT, 'eslint.config.js') })
    const results = await eslint.lintFiles(Object.keys(files))
    return Object.fromEntries(results.map((r) =>
      [r.filePath.slice(dir.length + 1), r.messages.map((m) => `${m.ruleId ?? 'parse'}: ${m.message}`)]))
  } finally {
    rmSync(dir, { recursive: true })
  }
}

function write(dir: string, path: string, text: string): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true })
  writeFileSync(join(dir, path), text)
}
