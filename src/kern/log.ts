/** The message buffer of a Vnet: its own dmesg, bounded, oldest lines dropped first. */

import { noItems } from '../lib/empty.ts'

export const LOG_ERR = 3
export const LOG_WARNING = 4
export const LOG_NOTICE = 5
export const LOG_INFO = 6
export const LOG_DEBUG = 7

export interface LogEntry {
  /** µs since boot. */
  at: number
  level: number
  text: string
}

export interface LogState {
  entries: LogEntry[]
  /** Number of the first entry in `entries`: how many were dropped before it. */
  first: number
  /** Entries kept at most. */
  limit: number
}

const TEXT_MAX = 512

export function createLog(): LogState {
  return { entries: noItems(), first: 0, limit: 512 }
}

export function createLogEntry(at: number, level: number, text: string): LogEntry {
  return { at, level, text }
}

export function logWrite(log: LogState, at: number, level: number, text: string): void {
  if (log.entries.length >= log.limit) {
    // half at a time, so that a flood costs no shift per line
    const drop = log.limit >> 1
    log.entries.splice(0, drop)
    log.first += drop
  }
  const entry = createLogEntry(at, level, text.length > TEXT_MAX ? text.slice(0, TEXT_MAX) : text)
  if (log.entries.length === 0) log.entries = [entry]
  else log.entries.push(entry)
}
