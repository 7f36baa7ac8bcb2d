/** Why a script does not pass. */

/** `unsupported`: the script uses something that this interpreter (or the stack) does not have; the text names it. */
export type ScriptFault = 'syntax' | 'unsupported' | 'mismatch'

export class ScriptError extends Error {
  override name = 'ScriptError'
  readonly fault: ScriptFault
  /** Line of the script, or 0 where the runner adds that of the event. */
  readonly line: number
  /** Packets (or results) side by side; '' where there are none. */
  readonly expected: string
  readonly actual: string

  constructor(fault: ScriptFault, message: string, line = 0, expected = '', actual = '') {
    super(message)
    this.fault = fault
    this.line = line
    this.expected = expected
    this.actual = actual
  }
}

export function unsupported(what: string, line = 0): ScriptError {
  return new ScriptError('unsupported', what, line)
}

export function mismatch(message: string, expected = '', actual = ''): ScriptError {
  return new ScriptError('mismatch', message, 0, expected, actual)
}
