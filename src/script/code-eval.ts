/** Expressions of `%{ … }%`: numbers, names, Python's operators. */

import { unsupported } from './error.ts'

/** Values of names: tcp_info's fields and constants. */
export type Lookup = (name: string) => number | null

/** Recursive descent over Python's precedence: or, and, not, comparisons (chained), | & + - * / // %, unary minus. */
export class Evaluator {
  readonly seen = new Map<string, number>()
  readonly #tokens: string[]
  readonly #text: string
  readonly #names: Lookup
  #at = 0

  constructor(text: string, names: Lookup) {
    this.#text = text.trim()
    this.#names = names
    const found = text.match(
      /0x[0-9a-fA-F]+|\d[\d_]*(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+|[A-Za-z_]\w*|"[^"]*"|'[^']*'|\/\/|\*\*|<<|>>|<=|>=|==|!=|\S/g)
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

  /** `A if CONDITION else B`, or what stands below it. */
  #or(): number {
    const value = this.#either()
    if (!this.#eat('if')) return value
    const holds = this.#either() !== 0
    if (!this.#eat('else')) throw this.#unknown()
    const other = this.#or()
    return holds ? value : other
  }

  #either(): number {
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
      let op = this.#tokens[this.#at]
      if (op === 'not' && this.#tokens[this.#at + 1] === 'in') {
        this.#at += 2
        return this.#members().includes(left) ? 0 : 1
      }
      if (op === 'in') {
        this.#at++
        return this.#members().includes(left) ? 1 : 0
      }
      if (op === 'is') op = this.#tokens[this.#at + 1] === 'not' ? '!=' : '=='
      if (op === '!=' && this.#tokens[this.#at] === 'is') this.#at++
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
    let value = this.#shift()
    for (;;) {
      if (this.#eat('|')) value |= this.#shift()
      else if (this.#eat('^')) value ^= this.#shift()
      else if (this.#eat('&')) value &= this.#shift()
      else return value
    }
  }

  #shift(): number {
    let value = this.#sum()
    for (;;) {
      if (this.#eat('<<')) value *= 2 ** this.#sum()
      else if (this.#eat('>>')) value = Math.floor(value / 2 ** this.#sum())
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
    if (this.#eat('-')) return -this.#unary()
    if (this.#eat('+')) return this.#unary()
    if (this.#eat('~')) return ~this.#unary()
    const value = this.#atom()
    return this.#eat('**') ? value ** this.#unary() : value
  }

  #atom(): number {
    const token = this.#tokens[this.#at++]
    if (token === undefined) throw this.#unknown()
    if (token === '(') {
      const value = this.#or()
      if (!this.#eat(')')) throw this.#unknown()
      return value
    }
    if (/^[.\d]/.test(token)) return Number(token.replaceAll('_', ''))
    if (token === 'None') return 0
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
      case 'float': return args[0]
      case 'round': return Math.round(args[0])
      case 'bool': return args[0] === 0 ? 0 : 1
      case 'int': case 'long': return Math.trunc(args[0])
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
