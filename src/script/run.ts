/** Runs a script: one event after the other on virtual time, until the last has come true or one has not. */

import { EAGAIN, errnoName } from '../lib/errno.ts'
import type { CallSpec, Expr, Script, ScriptEvent } from './ast.ts'
import { Args } from './args.ts'
import type { Call } from './call.ts'
import { callMake, callOpen } from './calls.ts'
import { codeRun } from './code.ts'
import { commandRun } from './command.ts'
import { configApply, createConfig } from './config.ts'
import { constantValue } from './constants.ts'
import { ScriptError, mismatch } from './error.ts'
import { tcpInfoFields } from './info.ts'
import { parseScript } from './parse.ts'
import { personalityApply } from './personality.ts'
import type { Personality } from './personality.ts'
import { packetIn, packetOut } from './run-packet.ts'
import { createSession, currentTcb, fileCheckNumber } from './session.ts'
import type { Session } from './session.ts'
import { stateValue } from './state-value.ts'
import { Stack } from './stack.ts'
import { printTime, windowMiss, windowOf } from './window.ts'
import type { Window } from './window.ts'

export interface RunScriptOptions {
  /** For messages. */
  name?: string
  /** Whose defaults the script assumes; a `--personality` line goes before it. Default freebsd. */
  personality?: Personality
  /** packetdrill's 4,000 by default; a `--tolerance_usecs` line goes before it. */
  toleranceUs?: number
  /** Of the stack's random numbers (default 1). */
  seed?: number
  /** Words of the script that stand for something else, and names for its `#ifdef` (the value may be ''). */
  defines?: Readonly<Record<string, string>>
  /** As `--name=value` lines that stand before the script's own. */
  options?: Readonly<Record<string, string>>
  /** Called for every IP packet on the wire: script time (µs), its bytes (to keep), whether the stack sent it. */
  onPacket?: (atUs: number, bytes: Uint8Array, out: boolean) => void
}

export type ScriptStatus = 'passed' | 'failed' | 'unsupported'

export interface ScriptResult {
  name: string
  status: ScriptStatus
  /** Where it failed: the line (0: passed) and why. */
  line: number
  message: string
  /** Packets, or results, side by side; '' where the message says it all. */
  expected: string
  actual: string
  /** Events that came true. */
  events: number
  /** Script time at the end, µs. */
  timeUs: number
}

/** Never throws because of what the script says. */
export function runScript(text: string, options: RunScriptOptions = {}): ScriptResult {
  const result: ScriptResult = {
    name: options.name ?? 'script', status: 'passed', line: 0, message: '', expected: '', actual: '', events: 0, timeUs: 0,
  }
  let line = 0
  try {
    const personality = options.personality ?? 'freebsd'
    const script = parseScript(text, { [personality.toUpperCase()]: '', IPV4: '', ...options.defines })
    const config = createConfig(personality, options.toleranceUs ?? DEFAULT_TOLERANCE_US)
    configApply(config, Object.entries(options.options ?? {}).map(([name, value]) => ({ line: 0, name, value })))
    configApply(config, script.options)
    const stack = new Stack(config, options.seed ?? 1)
    if (options.onPacket !== undefined) stack.onPacket = options.onPacket
    const runner = new Runner(createSession(stack, config))
    try {
      personalityApply(runner.session.stack.vnet, config.personality)
      for (const event of orEmpty(script)) {
        ;({ line } = event)
        runner.event(event)
        result.events++
      }
      line = runner.waitingLine
      runner.finish()
    } finally {
      result.timeUs = runner.session.stack.now
    }
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error
    result.status = error.fault === 'unsupported' ? 'unsupported' : 'failed'
    result.line = error.line !== 0 ? error.line : line
    result.message = error.message
    result.expected = error.expected
    result.actual = error.actual
  }
  return result
}

const DEFAULT_TOLERANCE_US = 4000
/** How long the end of a script waits for a blocking call. */
const FINISH_LIMIT_US = 600e6

/** A script that expects nothing has shown nothing. */
function orEmpty(script: Script): readonly ScriptEvent[] {
  if (script.events.length === 0) throw new ScriptError('syntax', 'syntax: the script has no events', 1)
  return script.events
}

/** A blocking call under way. */
interface Waiting {
  call: Call
  spec: CallSpec
  line: number
  window: Window
  /** What it returned, once it has. */
  result: number | null
  at: number
}

class Runner {
  readonly session: Session
  /** What relative times count from. */
  #last = 0
  #waiting: Waiting | null = null

  constructor(session: Session) {
    this.session = session
    session.stack.onEvent = () => this.#retry()
  }

  get waitingLine(): number {
    return this.#waiting?.line ?? 0
  }

  event(event: ScriptEvent): void {
    const { stack, config } = this.session
    const { what, time } = event
    const window = windowOf(time, this.#last, config.toleranceUs)
    const before = this.#last
    if (what.kind === 'packet' && what.direction === '>') {
      const at = packetOut(this.session, what, window)
      this.#last = time.kind === 'any' || time.isRange ? at : window.start
      this.#checkWaiting()
      return
    }
    if (window.start > stack.now) stack.advance(window.start)
    this.#last = time.kind === 'any' ? stack.now : window.start
    switch (what.kind) {
      case 'packet': packetIn(this.session, what); break
      case 'command':
        commandRun(stack.vnet, config.personality, what.text)
        stack.settle()
        break
      case 'code': codeRun(what.text, this.session.vars, (name) => this.#lookup(name)); break
      case 'call': this.#call(what, event, before)
    }
    this.#checkWaiting()
  }

  /** The last event is over: a call that still blocks has to come back. */
  finish(): void {
    const waiting = this.#waiting
    if (waiting === null) return
    this.session.stack.awaitThat(() => waiting.result !== null, this.session.stack.now + FINISH_LIMIT_US)
    this.#checkWaiting(true)
  }

  #call(spec: CallSpec, event: ScriptEvent, before: number): void {
    const { stack, config } = this.session
    this.#checkWaiting(true)
    const call = callMake(this.session, spec)
    const blocking = spec.endUs >= 0
    const end = blocking ? { ...event.time, start: spec.endUs, end: spec.endUs } : event.time
    const window = windowOf(end, before, config.toleranceUs)
    const waiting: Waiting = { call, spec, line: event.line, window, result: null, at: 0 }
    this.#waiting = waiting
    stack.wakeAt = call.until
    this.#retry()
    stack.settle()
    if (blocking || waiting.result !== null) return
    // it waits although the script says nothing of it: it may take as long as the tolerance is
    stack.awaitThat(() => waiting.result !== null, stack.now + config.toleranceUs)
    this.#checkWaiting(true)
  }

  /** Something happened: the call under way tries again. */
  #retry(): void {
    const waiting = this.#waiting
    if (waiting === null || waiting.result !== null) return
    const { call } = waiting
    const result = call.attempt()
    const blocked = result === -EAGAIN && call.blocks
    if (blocked && this.session.stack.now < call.until) return
    waiting.result = blocked ? call.expired() : result
    waiting.at = this.session.stack.now
    this.session.stack.wakeAt = Infinity
  }

  /** Compares what the call returned, if it has; `must` says that it had to. */
  #checkWaiting(must = false): void {
    const waiting = this.#waiting
    if (waiting === null) return
    if (waiting.result === null) {
      if (!must && this.session.stack.now <= waiting.window.latest) return
      throw this.#at(waiting, mismatch(`${waiting.spec.name}() blocks`, printExpected(waiting.spec), 'no result yet'))
    }
    this.#waiting = null
    try {
      this.#compare(waiting, waiting.result)
    } catch (error) {
      throw error instanceof ScriptError ? this.#at(waiting, error) : error
    }
  }

  #compare({ call, spec, window, at }: Waiting, result: number): void {
    const miss = windowMiss(window, at)
    if (miss !== '') throw mismatch(`${spec.name}() returned ${miss}`, window.text, `at ${printTime(at)} s`)
    const expected = this.#expected(spec)
    const shown = result < 0 ? `-1 ${errnoName(-result)}` : call.opens ? 'a new descriptor' : String(result)
    const differs = (): ScriptError => mismatch(`${spec.name}() returned ${shown}`, printExpected(spec), shown)
    if (result < 0) {
      // the error's name is what the script checks; EWOULDBLOCK is EAGAIN's other one
      const name = spec.errno === 'EWOULDBLOCK' ? 'EAGAIN' : spec.errno === 'ENOTSUP' ? 'EOPNOTSUPP' : spec.errno
      if (expected !== null && (expected !== -1 || (name !== '' && name !== errnoName(-result)))) throw differs()
      return
    }
    if (call.opens) {
      if (expected === null || expected < 0) throw differs()
      if (call.openFile === null) callOpen(this.session, spec, result, expected)
      else {
        fileCheckNumber(this.session, expected)
        call.openFile(expected)
      }
    } else if (expected !== null && expected !== result) throw differs()
    call.done(result)
  }

  /** The number expected, null for `...`. */
  #expected(spec: CallSpec): number | null {
    if (spec.result.kind === 'ellipsis') return null
    return new Args(spec, this.session.config.personality).value(spec.result)
  }

  #lookup(name: string): number | null {
    const { personality } = this.session.config
    const known = stateValue(this.session.stack.vnet, name)
    if (known !== null) return known
    if (!/^(__)?tcpi_/.test(name)) return constantValue(name, personality)
    const tcb = currentTcb(this.session)
    if (tcb === null) throw mismatch(`there is no connection to ask for ${name}`)
    const fields = tcpInfoFields(this.session, tcb)
    return Object.hasOwn(fields, name) ? fields[name] : null
  }

  #at(waiting: Waiting, e: ScriptError): ScriptError {
    return new ScriptError(e.fault, e.message, waiting.line, e.expected, e.actual)
  }
}

function printExpected(spec: CallSpec): string {
  const result: Expr = spec.result
  const text = result.kind === 'number' ? String(result.value) : result.kind === 'names' ? result.names.join('|') : '...'
  return spec.errno === '' ? text : `${text} ${spec.errno}`
}
