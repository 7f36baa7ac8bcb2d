/** From text to events: options, times, system calls, commands and code; packets are in parse-packet.ts. */

import type { CallSpec, Expr, Script, ScriptEvent, ScriptOption, ScriptTime, StructField } from './ast.ts'
import { parsePacket } from './parse-packet.ts'
import { preprocess } from './preprocess.ts'
import type { Defines } from './preprocess.ts'
import { Scanner } from './scanner.ts'

/** Throws a `ScriptError` with the line of what it does not understand. `defines`: see preprocess.ts. */
export function parseScript(text: string, defines: Defines = NONE): Script {
  const s = new Scanner(preprocess(text, defines))
  const options: ScriptOption[] = []
  const events: ScriptEvent[] = []
  while (!s.atEnd()) {
    if (s.looksAt('--') || s.looksAt('-D')) options.push(parseOption(s))
    else if (s.looksAt('`')) events.push({ line: s.line, time: NOW, what: { kind: 'command', text: parseCommand(s) } })
    else events.push(parseEvent(s))
  }
  return { options, events }
}

const NONE: Defines = Object.freeze({})

/** Commands in front of the first event have no time of their own. */
const NOW: ScriptTime = Object.freeze({ kind: 'relative', start: 0, end: 0, isRange: false })

function parseOption(s: Scanner): ScriptOption {
  const { line } = s
  if (s.take(/-D\s*(?:"[^"\n]*"|\S+)/y) !== null) return { line, name: 'define', value: '' }
  // a value may also stand behind a space, as the last word of the line
  const m = s.take(/--([A-Za-z_][\w-]*)(?:[^\S\n]*=[^\S\n]*("[^"\n]*"|[^\s"]*))?/y)
  if (m === null) throw s.fail('an option like --name=value')
  const apart = m[2] === undefined ? s.takeHere(/[^\S\n]+([^\s<>*+`%#/-][^\s#]*)(?=[^\S\n]*(?:\n|$|\/\/|#))/y) : null
  return { line, name: m[1].replaceAll('-', '_'), value: (m[2] ?? apart?.[1] ?? '').replaceAll('"', '') }
}

function parseEvent(s: Scanner): ScriptEvent {
  const { line } = s
  const time = parseTime(s)
  let endUs = -1
  if (s.eat('...')) endUs = parseSeconds(s)
  if (s.looksAt('<') || s.looksAt('>')) return { line, time, what: parsePacket(s) }
  if (s.looksAt('`')) return { line, time, what: { kind: 'command', text: parseCommand(s) } }
  if (s.eat('%{')) return { line, time, what: { kind: 'code', text: parseCode(s) } }
  return { line, time, what: parseCall(s, endUs) }
}

function parseTime(s: Scanner): ScriptTime {
  if (s.eat('*')) return { kind: 'any', start: 0, end: 0, isRange: false }
  const kind = s.eat('+') ? 'relative' : 'absolute'
  const start = parseSeconds(s)
  if (!s.eat('~')) return { kind, start, end: start, isRange: false }
  if (s.eat('+') && kind === 'absolute') throw s.fail('the end of a range of absolute times')
  const end = parseSeconds(s)
  if (end < start) throw s.fail('a range that ends after its start')
  return { kind, start, end, isRange: true }
}

function parseSeconds(s: Scanner): number {
  const m = s.take(/\d+(?:\.\d+)?|\.\d+/y)
  if (m === null) throw s.fail('a time in seconds')
  return Math.round(Number(m[0]) * 1e6)
}

function parseCommand(s: Scanner): string {
  const m = s.take(/`([^`]*)`/y)
  if (m === null) throw s.fail('a command that ends with a backtick')
  return m[1]
}

function parseCode(s: Scanner): string {
  const end = s.text.indexOf('}%', s.pos)
  if (end < 0) throw s.fail('code that ends with }%')
  const text = s.text.slice(s.pos, end)
  s.pos = end + 2
  return text
}

function parseCall(s: Scanner, endUs: number): CallSpec {
  const m = s.take(/[A-Za-z_]\w*/y)
  if (m === null) throw s.fail('a packet, a system call, a command or code')
  const args = parseArguments(s)
  s.expect('=')
  const result = parseExpr(s)
  let errno = ''
  if (result.kind === 'number' && result.value < 0) errno = s.take(/E[A-Z0-9]+/y)?.[0] ?? ''
  // a remark: the error in words, or what flags a number stands for
  s.take(/\([^)\n]*\)/y)
  return { kind: 'call', name: m[0], args, result, errno, endUs }
}

function parseArguments(s: Scanner): Expr[] {
  s.expect('(')
  const args: Expr[] = []
  if (s.eat(')')) return args
  do args.push(parseExpr(s)); while (s.eat(','))
  s.expect(')')
  return args
}

function parseExpr(s: Scanner): Expr {
  if (s.eat('...')) return { kind: 'ellipsis' }
  if (s.eat('[')) return { kind: 'list', items: parseList(s) }
  if (s.eat('{')) return { kind: 'struct', fields: parseStruct(s) }
  const text = s.take(/"((?:[^"\\\n]|\\.)*)"/y)
  if (text !== null) {
    // only the beginning, as strace shows it
    s.eat('...')
    return { kind: 'string', value: text[1] }
  }
  const first = s.eat('(') ? parseGroup(s) : parseAtom(s)
  if (!s.looksAt('|') || (first.kind !== 'names' && first.kind !== 'number')) return first
  const names = namesOf(first)
  while (s.eat('|')) {
    const next = s.eat('(') ? parseGroup(s) : parseAtom(s)
    if (next.kind !== 'names' && next.kind !== 'number') throw s.fail('a constant')
    names.push(...namesOf(next))
  }
  return { kind: 'names', names }
}

function parseAtom(s: Scanner): Expr {
  const number = s.take(/-?(?:0x[0-9a-fA-F]+|\d+)(?!\w)/y)
  if (number !== null) return { kind: 'number', value: parseNumber(number[0]) }
  // `&sin6_addr` is where inet_pton() puts its result
  const name = s.take(/&?[A-Za-z_]\w*/y)
  if (name === null) throw s.fail('a value')
  if (s.looksAt('(')) return { kind: 'apply', name: name[0], args: parseArguments(s) }
  return { kind: 'names', names: [name[0]] }
}

function parseGroup(s: Scanner): Expr {
  const inner = parseExpr(s)
  s.expect(')')
  return inner
}

function namesOf(e: Expr): string[] {
  return e.kind === 'names' ? [...e.names] : e.kind === 'number' ? [String(e.value)] : []
}

function parseNumber(text: string): number {
  if (text.startsWith('-')) return -parseNumber(text.slice(1))
  // as in C: a leading zero means octal
  return /^0[0-7]+$/.test(text) ? parseInt(text, 8) : Number(text)
}

function parseList(s: Scanner): Expr[] {
  const items: Expr[] = []
  if (s.eat(']')) return items
  do items.push(parseExpr(s)); while (s.eat(','))
  s.expect(']')
  return items
}

/** `{sa_family = AF_INET, …}`, `{msg_name(...)=..., msg_iov(1)=[…]}`, `{..., 1000}`. */
function parseStruct(s: Scanner): StructField[] {
  const fields: StructField[] = []
  if (s.eat('}')) return fields
  do {
    const m = s.take(/([A-Za-z_]\w*)\s*(?:\(\s*(?:\.\.\.|\d+)\s*\))?\s*=(?!=)\s*/y)
    fields.push({ name: m === null ? '' : m[1], value: parseExpr(s) })
  } while (s.eat(','))
  s.expect('}')
  return fields
}
