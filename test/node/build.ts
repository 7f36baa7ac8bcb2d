/**
 * The sources as JavaScript, for programs under vimage/register: hooks that transpile on the fly are no way, since they
 * load `net` before register can come.
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export interface Build { dir: string; remove: () => void }

/** Transpiles src/ and test/node/ into a folder beside the packages that they need. */
export function build(): Build {
  const dir = join(ROOT, `node_modules/.cache/vimage-tests/register-${process.pid}`)
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, rewriteRelativeImportExtensions: true, verbatimModuleSyntax: true,
  }
  for (const file of sources()) {
    const to = join(dir, file.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(to), { recursive: true })
    writeFileSync(to, ts.transpileModule(readFileSync(join(ROOT, file), 'utf8'), { compilerOptions, fileName: file }).outputText)
  }
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}')
  return { dir, remove: () => { rmSync(dir, { recursive: true, force: true }) } }
}

function sources(): string[] {
  return ts.sys.readDirectory(ROOT, ['.ts'], ['node_modules', 'dist', 'build'], ['src/**/*', 'test/node/**/*'])
    .filter((file) => !file.endsWith('.d.ts') && !file.endsWith('.test.ts'))
    .map((file) => file.slice(ROOT.length))
}
