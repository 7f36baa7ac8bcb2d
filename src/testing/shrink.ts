/** Of a fault schedule that breaks something, a smaller one that does so, too: fewer faults, shorter, at rounder times. */

import type { Fault } from './faults.ts'

/** Runs at most, whatever there is left to try. */
const TRIES_MAX = 200

/** `fails` runs the scenario with these faults. The result fails, and no single step makes it smaller (or the tries are used up). */
export async function shrink(faults: readonly Fault[], fails: (fewer: readonly Fault[]) => Promise<boolean>): Promise<Fault[]> {
  let best = [...faults]
  let tries = 0
  const attempt = async (candidate: Fault[]): Promise<boolean> => {
    if (tries >= TRIES_MAX) return false
    tries++
    if (!await fails(candidate)) return false
    best = candidate
    return true
  }
  if (best.length > 0 && await attempt([])) return best
  // halves first, then one after the other
  for (let size = best.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < best.length;) {
      const fewer = [...best.slice(0, at), ...best.slice(at + size)]
      if (fewer.length === 0 || !await attempt(fewer)) at += size
    }
  }
  for (let i = 0; i < best.length; i++) {
    for (const simpler of [halved, calmer, rounder]) {
      for (;;) {
        const next = simpler(best[i])
        if (next === null || !await attempt(best.with(i, next))) break
      }
    }
  }
  return best
}

function halved(fault: Fault): Fault | null {
  return 'for' in fault && fault.for > 1 ? { ...fault, for: fault.for >> 1 } : null
}

/** A condition of a link with half of its number. */
function calmer(fault: Fault): Fault | null {
  if (fault.do !== 'link') return null
  const [[key, value]] = Object.entries(fault.conditions) as [string, unknown][]
  if (typeof value !== 'number' || value < 0.005 || key === 'rate') return null
  const half = value < 1 ? Math.round(value * 500) / 1000 : value >> 1
  return { ...fault, conditions: { ...fault.conditions, [key]: half } }
}

/** A time with one digit less that is not 0. */
function rounder(fault: Fault): Fault | null {
  for (let unit = 10; unit <= 100_000; unit *= 10) {
    const at = Math.floor(fault.at / unit) * unit
    if (at !== fault.at) return { ...fault, at }
  }
  return null
}
