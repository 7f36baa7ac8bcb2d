/** `%{ … }%`: the assertions that people write there, a small part of Python: `assert EXPR[, MESSAGE]`, `NAME = EXPR`. */

import { mismatch, unsupported } from './error.ts'

/** Values of names: tcp_info's fields and constants. */
export type Lookup = (name: string) => number | null

/** Runs the statements; a name, statement or operator that is not known is unsupported, an assertion that fails throws. */
export function codeRun(text: string, lookup: Lookup): void {
  const vars = new Map<string, number>()
  const names: Lookup = (name) => vars.get(name) ?? lookup(name)
  for (const statement of statements(text)) {
    const assertion = /^assert\b\s*(.*)$/s.exec(statement)
    const assignment = /^([A-Za-z_]\w*)\s*=(?!=)\s*(.*)$/s.exec(statement)
    if (assertion !== null) check(assertion[1], names)
    else if (assignment !== null) vars.set(assignment[1], new Evaluator(assignment[2], names).all())
    else if (!/^print\b/.test(statement)) throw unsupported(`code: ${statement}`)
  }
}

function check(text: string, names: Lookup): void {
  const e = new Evaluator(text, names)
  const value = e.assertion()
  if (Number.isNaN(value)) throw unsupported(`code: ${text.trim()} is not a number`)
  if (value !== 0) return
  const shown = [...e.seen].map(([name, n]) => `${name} = ${n}`).join(', ')
  throw mismatch(`assertion failed: ${text.trim()}`, `assert ${text.trim()}`, shown)
}

/** Statements end with a line (outside parentheses) or a semicolon. */
function statements(text: string): string[] {
  const out: string[] = []
  let depth = 0
  let current = ''
  for (const line of text.split('\n')) {
    for (const c of line.replace(/#.*$/, '')) {
      if (c === '(') depth++
      if (c === ')') depth--
      if (c === ';' && depth === 0) {
        out.push(current)
        current = ''
      } else current += c
    }
    if (depth === 0) {
      out.push(current)
      current = ''
    } else current += ' '
  }
  out.push(current)
  return out.map((s) => s.trim()).filter((s) => s !== '')
}

/** Recursive descent over Python's precedence: or, and, not, comparisons (chained), | & + - * / // %, unary minus. */
class Evaluator {
  readonly seen = new Map<string, number>()
  readonly #tokens: string[]
  readonly #text: string
  readonly #names: Lookup
  #at = 0

  constructor(text: string, names: Lookup) {
    this.#text = text.trim()
    this.#names = names
    const found = text.match(/0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:e\d+)?|\.\d+|[A-Za-z_]\w*|"[^"]*"|'[^']*'|\/\/|<=|>=|==|!=|\S/g)
    this.#tokens = found ?? []
  }

  /** The whole text as one value. */
  all(): number {
    const value = this.#or()
    if (this.#at < this.#tokens.length) throw this.#unknown()
    return value
  }

  /** A value, and perhaps a message behind a comma. */
  assertion(): number {
    const value = this.#or()
    if (this.#at < this.#tokens.length && this.#tokens[this.#at] !== ',') throw this.#unknown()
    return value
  }

  #or(): number {
    let value = this.#and()
    while (this.#eat('or')) {
      const right = this.#and()
      value = value !== 0 ? value : right
    }
    return value
  }

  #and(): number {
    let value = this.#not()
    while (this.#eat('and')) {
      const right = this.#not()
      value = value === 0 ? value : right
    }
    return value
  }

  #not(): number {
    if (!this.#eat('not')) return this.#comparison()
    return this.#not() === 0 ? 1 : 0
  }

  #comparison(): number {
    let left = this.#bits()
    let result: number | null = null
    for (;;) {
      const op = this.#tokens[this.#at]
      if (op === 'in') {
        this.#at++
        return this.#members().includes(left) ? 1 : 0
      }
      if (!COMPARISONS.includes(op)) return result ?? left
      this.#at++
      const right = this.#bits()
      const holds = compare(op, left, right)
      result = result !== 0 && holds ? 1 : 0
      left = right
    }
  }

  #members(): number[] {
    const close = this.#eat('[') ? ']' : ')'
    if (close === ')' && !this.#eat('(')) throw this.#unknown()
    const list: number[] = []
    while (!this.#eat(close)) {
      list.push(this.#or())
      if (!this.#eat(',') && this.#tokens[this.#at] !== close) throw this.#unknown()
    }
    return list
  }

  #bits(): number {
    let value = this.#sum()
    for (;;) {
      if (this.#eat('|')) value |= this.#sum()
      else if (this.#eat('&')) value &= this.#sum()
      else return value
    }
  }

  #sum(): number {
    let value = this.#product()
    for (;;) {
      if (this.#eat('+')) value += this.#product()
      else if (this.#eat('-')) value -= this.#product()
      else return value
    }
  }

  #product(): number {
    let value = this.#unary()
    for (;;) {
      if (this.#eat('*')) value *= this.#unary()
      else if (this.#eat('//')) value = Math.floor(value / this.#unary())
      else if (this.#eat('/')) value /= this.#unary()
      else if (this.#eat('%')) value %= this.#unary()
      else return value
    }
  }

  #unary(): number {
    return this.#eat('-') ? -this.#unary() : this.#atom()
  }

  #atom(): number {
    const token = this.#tokens[this.#at++]
    if (token === undefined) throw this.#unknown()
    if (token === '(') {
      const value = this.#or()
      if (!this.#eat(')')) throw this.#unknown()
      return value
    }
    if (/^[.\d]/.test(token)) return Number(token)
    if (token === 'True' || token === 'False') return token === 'True' ? 1 : 0
    if (!/^[A-Za-z_]/.test(token)) throw this.#unknown()
    if (this.#tokens[this.#at] === '(') return this.#call(token)
    const value = this.#names(token)
    if (value === null || Number.isNaN(value)) throw unsupported(`code: ${token}`)
    this.seen.set(token, value)
    return value
  }

  #call(name: string): number {
    const args = this.#members()
    switch (name) {
      case 'abs': return Math.abs(args[0])
      case 'min': return Math.min(...args)
      case 'max': return Math.max(...args)
      case 'int': return Math.trunc(args[0])
      default: throw unsupported(`code: ${name}()`)
    }
  }

  #eat(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false
    this.#at++
    return true
  }

  #unknown(): Error {
    return unsupported(`code: ${this.#text}`)
  }
}

const COMPARISONS: readonly (string | undefined)[] = Object.freeze(['<', '>', '<=', '>=', '==', '!='])

function compare(op: string | undefined, a: number, b: number): boolean {
  switch (op) {
    case '<': return a < b
    case '>': return a > b
    case '<=': return a <= b
    case '>=': return a >= b
    case '==': return a === b
    default: return a !== b
  }
}
