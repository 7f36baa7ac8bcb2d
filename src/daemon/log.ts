/** The daemon's log: pino's JSON lines, or one readable line each for people at a terminal. */

import { openSync, writeSync } from 'node:fs'
import { pino } from 'pino'
import type { Logger } from 'pino'
import type { LogLevel } from './config-types.ts'

export type { Logger } from 'pino'
export type LogFormat = 'pretty' | 'json'

export interface LogOptions {
  level: LogLevel
  /** '' for standard error. */
  file: string
  format: LogFormat
}

const STDERR = 2

/** Lines are written at once, so that a crash loses none. Throws an Error that names a file it cannot open. */
export function openLog(options: LogOptions): Logger {
  const fd = options.file === '' ? STDERR : openFile(options.file)
  const format = options.format === 'pretty' ? prettyLine : (line: string) => line
  return pino({ level: options.level, base: null }, { write: (line: string) => writeLine(fd, format(line)) })
}

/** `16:40:10.123 INFO  message (key=value, …)` from one JSON line of pino's. */
export function prettyLine(line: string): string {
  const { level, time, msg, ...rest } = JSON.parse(line) as { level: number; time: number; msg?: string }
  const stamp = new Date(time).toISOString().slice(11, 23)
  const name = (pino.levels.labels[level] ?? String(level)).toUpperCase().padEnd(5)
  const details = Object.entries(rest).map(([key, value]) => `${key}=${words(value)}`).join(', ')
  return `${stamp} ${name} ${msg ?? ''}${details === '' ? '' : ` (${details})`}\n`
}

function openFile(file: string): number {
  try {
    return openSync(file, 'a', 0o600)
  } catch (error) {
    throw new Error(`cannot write the log: ${(error as Error).message}`, { cause: error })
  }
}

function words(value: unknown): string {
  if (typeof value === 'string') return value
  if (value !== null && typeof value === 'object' && 'message' in value) return String(value.message)
  return JSON.stringify(value)
}

/** A log that nobody can take any more (a closed pipe, a full disk) must not end the daemon. */
function writeLine(fd: number, text: string): void {
  try {
    writeSync(fd, text)
  } catch {
    // there is nowhere left to say so
  }
}
