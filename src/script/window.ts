/** When an event may happen, in script time. */

import type { ScriptTime } from './ast.ts'

export interface Window {
  /** The time meant; what follows a relative time counts from here. */
  start: number
  earliest: number
  /** Infinity: at any time. */
  latest: number
  /** In words. */
  text: string
}

/** The window of an event that comes after one at `last`. */
export function windowOf(time: ScriptTime, last: number, toleranceUs: number): Window {
  if (time.kind === 'any') return { start: last, earliest: -Infinity, latest: Infinity, text: 'at any time' }
  const base = time.kind === 'relative' ? last : 0
  const start = base + time.start
  const end = base + time.end
  const text = time.isRange ? `from ${printTime(start)} to ${printTime(end)} s` : `at ${printTime(start)} s`
  return { start, earliest: start - toleranceUs, latest: end + toleranceUs, text }
}

/** How a time lies outside the window ('' inside). */
export function windowMiss(window: Window, at: number): string {
  return at < window.earliest || at > window.latest ? `at ${printTime(at)} s, expected ${window.text}` : ''
}

export function printTime(us: number): string {
  return (us / 1e6).toFixed(6)
}
