/**
 * Variants within one script: `#ifdef NAME … #else … #endif` lines, and words that stand for something else
 * (`-D NAME=VALUE` of the run, `--define=NAME=VALUE` or `#define NAME VALUE` of the script). Lines keep their numbers.
 */

import { ScriptError } from './error.ts'

export type Defines = Readonly<Record<string, string>>

/** The text with the lines that hold, and with words replaced outside of comments; `given` is not changed. */
export function preprocess(text: string, given: Defines): string {
  const defines = new Map(Object.entries(given))
  const out: string[] = []
  const open: Branch[] = []
  let line = 0
  for (const source of text.split('\n')) {
    line++
    const holds = open.every((b) => b.holds)
    const m = /^\s*#(ifdef|ifndef|else|endif|define|undef)\b\s*(\w*)\s*(.*?)\s*$/.exec(source)
    if (m === null) {
      if (holds) learnOption(source, defines)
      out.push(holds ? replaceWords(source, defines) : '')
      continue
    }
    out.push('')
    const [, directive, name, value] = m as unknown as [string, string, string, string]
    directed(directive, name, value, holds, { defines, open, line })
  }
  const last = open.at(-1)
  if (last !== undefined) throw new ScriptError('syntax', 'syntax: #ifdef without #endif', last.line)
  return out.join('\n')
}

interface Branch { holds: boolean; line: number; otherwise: boolean }

interface Place { defines: Map<string, string>; open: Branch[]; line: number }

function directed(directive: string, name: string, value: string, holds: boolean, at: Place): void {
  const { defines, open, line } = at
  if (directive === 'else' || directive === 'endif') {
    const branch = open.at(-1)
    if (branch === undefined || (directive === 'else' && branch.otherwise)) {
      throw new ScriptError('syntax', `syntax: #${directive} without #ifdef`, line)
    }
    if (directive === 'endif') open.pop()
    else {
      branch.holds = !branch.holds
      branch.otherwise = true
    }
    return
  }
  if (name === '') throw new ScriptError('syntax', `syntax: #${directive} takes a name`, line)
  if (directive === 'ifdef' || directive === 'ifndef') {
    open.push({ holds: defines.has(name) === (directive === 'ifdef'), line, otherwise: false })
  } else if (holds && directive === 'define') defines.set(name, value.replace(/\s*\/\/.*$/, ''))
  else if (holds) defines.delete(name)
}

/** `--define=NAME=VALUE` and `-D NAME=VALUE` on a line of options. */
function learnOption(line: string, defines: Map<string, string>): void {
  for (const m of line.matchAll(/^\s*(?:--define[= ]|-D\s*)([A-Za-z_]\w*)(?:=("[^"]*"|\S*))?/g)) {
    defines.set(m[1], (m[2] ?? '').replaceAll('"', ''))
  }
}

function replaceWords(line: string, defines: ReadonlyMap<string, string>): string {
  if (defines.size === 0 || /^\s*(?:--|-D|\/\/|#)/.test(line)) return line
  const comment = line.indexOf('//')
  const code = comment < 0 ? line : line.slice(0, comment)
  // a name without a value is there for #ifdef only
  const replaced = code.replace(/\b[A-Za-z_]\w*/g, (word) => {
    const value = defines.get(word) ?? ''
    return value === '' ? word : value
  })
  return comment < 0 ? replaced : replaced + line.slice(comment)
}
