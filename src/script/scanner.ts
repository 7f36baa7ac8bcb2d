/** The text of a script, read from left to right by regular expressions; space and comments are between tokens. */

import { ScriptError, unsupported } from './error.ts'

export class Scanner {
  readonly text: string
  pos = 0
  /** Offsets at which lines begin. */
  readonly #starts: number[] = [0]

  /** Where the last token ended, where the space behind it ends, and where the event began. */
  #tokenEnd = 0
  #gapEnd = 0
  #eventAt = 0

  constructor(text: string) {
    this.text = text
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1)
  }

  /** Line of the position, from 1. */
  get line(): number {
    return this.#lineAt(this.pos)
  }

  #lineAt(pos: number): number {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#starts[middle] <= pos) low = middle
      else high = middle - 1
    }
    return low + 1
  }

  /** Passes over space to the next event; true when there is none. */
  atEnd(): boolean {
    this.skip()
    this.#eventAt = this.pos
    return this.pos >= this.text.length
  }

  /** Passes over space, `// …`, `# …` and comments between `/*` and its end. */
  skip(): void {
    const from = this.pos
    this.#match(/(?:\s+|\/\/[^\n]*|#[^\n]*|\/\*[^]*?\*\/)*/y)
    if (this.pos !== from || this.pos !== this.#gapEnd) {
      this.#tokenEnd = from
      this.#gapEnd = this.pos
    }
    if (this.text.startsWith('/*', this.pos)) {
      throw new ScriptError('syntax', 'syntax: a comment that does not end', this.line)
    }
  }

  /** The match of a sticky expression here (after space), and moves behind it; null without one. */
  take(re: RegExp): RegExpExecArray | null {
    this.skip()
    return this.#match(re)
  }

  /** As `take`, without passing over space. */
  takeHere(re: RegExp): RegExpExecArray | null {
    return this.#match(re)
  }

  /** True when the literal is here, and moves behind it. */
  eat(literal: string): boolean {
    this.skip()
    if (!this.text.startsWith(literal, this.pos)) return false
    this.pos += literal.length
    return true
  }

  /** True when the word is here on its own, and moves behind it. */
  eatWord(word: string): boolean {
    this.skip()
    const end = this.pos + word.length
    if (!this.text.startsWith(word, this.pos) || /\w/.test(this.text.charAt(end))) return false
    this.pos = end
    return true
  }

  looksAt(literal: string): boolean {
    this.skip()
    return this.text.startsWith(literal, this.pos)
  }

  /** True when a sticky expression matches here; nothing is passed over but space. */
  looksAtPattern(re: RegExp): boolean {
    this.skip()
    re.lastIndex = this.pos
    return re.test(this.text)
  }

  expect(literal: string): void {
    if (!this.eat(literal)) throw this.fail(`"${literal}"`)
  }

  /** A whole number up to `most`, decimal or hexadecimal. */
  integer(what: string, most = 0xffffffff): number {
    const { pos } = this
    const m = this.take(/0x[0-9a-fA-F]+|\d+/y)
    if (m === null) throw this.fail(what)
    const n = Number(m[0])
    if (n <= most) return n
    this.pos = pos
    throw this.fail(`${what} of at most ${most}`)
  }

  /** An error that says what should have been here, with the line on which the last token ended. */
  fail(expected: string): ScriptError {
    const rest = this.text.slice(this.pos, this.pos + 40).split('\n')[0] ?? ''
    const found = this.pos >= this.text.length ? 'the end of the script' : `"${rest}"`
    return new ScriptError('syntax', `syntax: expected ${expected}, found ${found}`, this.#lineAt(Math.max(this.#tokenEnd, this.#eventAt)))
  }

  unsupported(what: string): ScriptError {
    return unsupported(what, this.line)
  }

  #match(re: RegExp): RegExpExecArray | null {
    re.lastIndex = this.pos
    const m = re.exec(this.text)
    if (m !== null) this.pos = re.lastIndex
    return m
  }
}
