/**
 * `%{ … }%`: the assertions that people write there, a small part of Python: `assert EXPR[, MESSAGE]`, `NAME = EXPR`
 * (also `+=` and `-=`), `if`/`elif`/`else` with a block or a statement behind the colon, `print`, `pass`.
 */

import { Evaluator } from './code-eval.ts'
import type { Lookup } from './code-eval.ts'
import { mismatch, unsupported } from './error.ts'

/**
 * Runs the statements; a name, statement or operator that is not known is unsupported, an assertion that fails throws.
 * `vars` keeps what is assigned from one block to the next.
 */
export function codeRun(text: string, vars: Map<string, number>, lookup: Lookup): void {
  const names: Lookup = (name) => vars.get(name) ?? lookup(name)
  runBlock(statements(text), { at: 0 }, -1, { vars, names }, true)
}

interface Statement { indent: number; text: string }

interface Scope { vars: Map<string, number>; names: Lookup }

/** Runs (or, with `live` false, passes over) the statements that stand further in than `outer`. */
function runBlock(list: readonly Statement[], cursor: { at: number }, outer: number, scope: Scope, live: boolean): void {
  // whether the `if` chain at this depth has found its branch
  let taken = true
  while (cursor.at < list.length && list[cursor.at].indent > outer) {
    const { indent, text } = list[cursor.at++]
    const branch = /^(if|elif|else)\b(.*)$/s.exec(text)
    if (branch === null) {
      if (live) runOne(text, scope)
      continue
    }
    const [, word, rest] = branch as unknown as [string, string, string]
    const colon = colonIn(rest)
    if (colon < 0) throw unsupported(`code: ${text}`)
    if (word === 'if') taken = false
    const condition = rest.slice(0, colon).trim()
    const holds: boolean = !taken && (word === 'else' || (live && new Evaluator(condition, scope.names).all() !== 0))
    taken ||= holds
    const inline = rest.slice(colon + 1).trim()
    if (inline !== '') {
      if (live && holds) runOne(inline, scope)
    } else runBlock(list, cursor, indent, scope, live && holds)
  }
}

function runOne(statement: string, { vars, names }: Scope): void {
  const assertion = /^assert\b\s*(.*)$/s.exec(statement)
  const assignment = /^([A-Za-z_]\w*)\s*([+*-]?)=(?!=)\s*(.*)$/s.exec(statement)
  if (assertion !== null) check(assertion[1], names)
  else if (assignment !== null) {
    const [, name, op, text] = assignment
    vars.set(name, new Evaluator(op === '' ? text : `${name} ${op} (${text})`, names).all())
  } else if (!/^(?:print|pass)\b/.test(statement)) throw unsupported(`code: ${statement}`)
}

function check(text: string, names: Lookup): void {
  const e = new Evaluator(text, names)
  const value = e.assertion()
  if (Number.isNaN(value)) throw unsupported(`code: ${text.trim()} is not a number`)
  if (value !== 0) return
  const shown = [...e.seen].map(([name, n]) => `${name} = ${n}`).join(', ')
  throw mismatch(`assertion failed: ${text.trim()}`, `assert ${text.trim()}`, shown)
}

/** Statements end with a line (outside parentheses, without a backslash) or a semicolon. */
function statements(text: string): Statement[] {
  const out: Statement[] = []
  let depth = 0
  let current = ''
  let indent = 0
  const end = (): void => {
    if (current.trim() !== '') out.push({ indent, text: current.trim() })
    current = ''
  }
  for (const line of text.split('\n')) {
    const code = line.replace(/^((?:[^#"']|"[^"]*"|'[^']*')*)#.*$/, '$1')
    if (current === '' && code.trim() !== '') indent = code.length - code.trimStart().length
    for (const token of code.matchAll(/"[^"]*"|'[^']*'|./g)) {
      const [c] = token
      if (c === '(' || c === '[') depth++
      if (c === ')' || c === ']') depth--
      if (c === ';' && depth === 0) end()
      else current += c
    }
    if (current.endsWith('\\')) current = `${current.slice(0, -1)} `
    else if (depth === 0) end()
    else current += ' '
  }
  end()
  // what stands behind `%{` is as far out as what follows
  if (out.length > 1) out[0].indent = Math.min(out[0].indent, ...out.slice(1).map((s) => s.indent))
  return out
}

function colonIn(text: string): number {
  return text.replace(/"[^"]*"|'[^']*'/g, (s) => '_'.repeat(s.length)).indexOf(':')
}
