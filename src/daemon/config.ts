/** Reading the daemon's configuration: YAML, its shape (zod) and its sense; all of it before anything is started. */

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { Document, Node } from 'yaml'
import type { z } from 'zod'
import { checkConfig } from './config-check.ts'
import { ConfigError } from './config-error.ts'
import type { ConfigProblem } from './config-error.ts'
import { configSchema } from './config-schema.ts'
import type { DaemonConfig } from './config-types.ts'
import { didYouMean } from './nearest.ts'

const MAX_FILE_BYTES = 4 * 1024 * 1024
const MAX_FOUND = 60

type Path = readonly PropertyKey[]

/** What config-schema.ts says about an issue of its own. */
interface IssueParams {
  found?: string
  /** The message is the whole sentence. */
  whole?: boolean
  /** Of an unrecognized_keys issue inside a union. */
  keys?: string[]
}

/** Reads and checks a file; throws ConfigError with every problem found. */
export function loadConfig(file: string): DaemonConfig {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message
    throw new ConfigError(file, [{ line: 0, column: 0, key: '', message: `cannot read the configuration: ${why}` }])
  }
  return parseConfig(text, file)
}

/** Checks the text of a file; `file` is for messages, and the directory that paths in it are relative to. */
export function parseConfig(text: string, file: string): DaemonConfig {
  if (text.length > MAX_FILE_BYTES) {
    throw new ConfigError(file, [{ line: 0, column: 0, key: '', message: 'expected at most 4 MiB' }])
  }
  const lines = new LineCounter()
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (path: Path): { line: number; column: number } => place(doc, lines, path)
  if (doc.errors.length > 0) throw new ConfigError(file, doc.errors.map((e) => yamlProblem(e, lines)))
  const value = toPlain(doc, file)
  const result = configSchema(dirname(resolve(file))).safeParse(value ?? {})
  if (!result.success) {
    throw new ConfigError(file, result.error.issues.flatMap((issue) => shapeProblems(issue, value, at)))
  }
  const problems = checkConfig(result.data)
  if (problems.length > 0) {
    throw new ConfigError(file, problems.map(({ path, message }) => ({ ...at(path), key: keyOf(path), message })))
  }
  return { ...result.data, file }
}

function toPlain(doc: Document, file: string): unknown {
  try {
    return doc.toJS() as unknown
  } catch (error) {
    // an alias without its anchor, or aliases that multiply without end
    throw new ConfigError(file, [{ line: 0, column: 0, key: '', message: (error as Error).message }])
  }
}

function yamlProblem(error: { pos: [number, number]; message: string }, lines: LineCounter): ConfigProblem {
  const { line, col } = lines.linePos(error.pos[0])
  return { line, column: col, key: '', message: `not YAML: ${error.message}` }
}

function shapeProblems(
  issue: z.core.$ZodIssue, value: unknown, at: (path: Path) => { line: number; column: number },
): ConfigProblem[] {
  const params = (issue as { params?: IssueParams }).params
  const keys = issue.code === 'unrecognized_keys' ? issue.keys : params?.keys
  if (keys !== undefined) {
    return keys.map((key) => {
      const hint = didYouMean(key, issue.message.replace(/^one of /, '').split(', '))
      const path = [...issue.path, key]
      return { ...at(path), key: keyOf(path), message: `unknown key; expected ${issue.message}${hint}` }
    })
  }
  const found = params?.found ?? foundAt(value, issue.path)
  const message = params?.whole === true ? issue.message : `expected ${issue.message}, found ${found}`
  return [{ ...at(issue.path), key: keyOf(issue.path), message }]
}

/** Position of the value at `path`, of its key when it has none, or of what would hold it. */
function place(doc: Document, lines: LineCounter, path: Path): { line: number; column: number } {
  let node: unknown = doc.contents
  let offset = isNode(node) ? startOf(node) : 0
  for (const part of path) {
    if (isMap(node)) {
      const isIt = (item: unknown): boolean => isPair(item) && isScalar(item.key) && String(item.key.value) === part
      const pair = node.items.find(isIt)
      if (pair === undefined) break
      offset = isNode(pair.key) ? startOf(pair.key) : offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(part)]
      offset = isNode(node) ? startOf(node) : offset
    } else break
  }
  const { line, col } = lines.linePos(offset)
  return { line, column: col }
}

function startOf(node: Node): number {
  return node.range?.[0] ?? 0
}

/** `vimages[0].interfaces[1].mtu` */
function keyOf(path: Path): string {
  const words = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
  return words.join('').replace(/^\./, '')
}

function foundAt(value: unknown, path: Path): string {
  let v = value
  for (const part of path) {
    if (v === null || typeof v !== 'object' || !Object.hasOwn(v, part)) return 'nothing'
    v = (v as Record<PropertyKey, unknown>)[part]
  }
  if (v === undefined) return 'nothing'
  const text = JSON.stringify(v)
  return text.length > MAX_FOUND ? `${text.slice(0, MAX_FOUND)}…` : text
}
