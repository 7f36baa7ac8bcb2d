/**
 * Module hook for children on a Node without type stripping: TypeScript sources are transpiled as they are loaded, once
 * for each content: a test starts dozens of children, and each loads the whole stack.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/vimage-tests/', import.meta.url))

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context)
  const path = fileURLToPath(url)
  const source = readFileSync(path, 'utf8')
  const cached = `${CACHE}${createHash('sha256').update(url).update(source).digest('hex')}.mjs`
  return { format: 'module', shortCircuit: true, source: readCached(cached) ?? (await transpile(path, source, cached)) }
}

function readCached(cached) {
  try {
    return readFileSync(cached, 'utf8')
  } catch {
    return null
  }
}

async function transpile(path, source, cached) {
  const { default: ts } = await import('typescript')
  const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, inlineSourceMap: true }
  const { outputText } = ts.transpileModule(source, { compilerOptions: options, fileName: path })
  try {
    mkdirSync(CACHE, { recursive: true })
    // several children may write the same file: each its own, then renamed over
    writeFileSync(`${cached}.${process.pid}`, outputText)
    renameSync(`${cached}.${process.pid}`, cached)
  } catch {
    // a child of another user cannot write here; it transpiles each time
  }
  return outputText
}
