/** Where two dumps differ. */

import type { Dump } from './dump.ts'

/** One difference; a side that has nothing there is 'absent'. */
export interface Difference { path: string; a: Dump; b: Dump }

/** Every path at which the dumps differ, in the order of the fields; none for equal states. */
export function diffDumps(a: Dump, b: Dump): Difference[] {
  const found: Difference[] = []
  compare(a, b, 'state', found)
  return found
}

function compare(a: Dump, b: Dump, path: string, found: Difference[]): void {
  if (typeof a !== 'object' || typeof b !== 'object' || Array.isArray(a) !== Array.isArray(b)) {
    if (a !== b) found.push({ path, a, b })
  } else if (Array.isArray(a) && Array.isArray(b)) {
    for (let i = 0; i < Math.max(a.length, b.length); i++) compareAt(a[i], b[i], `${path}[${i}]`, found)
  } else compareNamed(a as Record<string, Dump>, b as Record<string, Dump>, path, found)
}

function compareNamed(a: Record<string, Dump>, b: Record<string, Dump>, path: string, found: Difference[]): void {
  if (Array.isArray(a['map']) && Array.isArray(b['map'])) {
    compareMaps(a['map'] as [number, Dump][], b['map'] as [number, Dump][], path, found)
    return
  }
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    compareAt(Object.hasOwn(a, key) ? a[key] : undefined, Object.hasOwn(b, key) ? b[key] : undefined,
      `${path}.${key}`, found)
  }
}

function compareMaps(a: [number, Dump][], b: [number, Dump][], path: string, found: Difference[]): void {
  const [left, right] = [new Map(a), new Map(b)]
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    compareAt(left.get(key), right.get(key), `${path}[${key}]`, found)
  }
  const [order, other] = [[...left.keys()], [...right.keys()]]
  const moved = order.length === other.length && order.some((key, i) => key !== other[i])
  if (moved && order.every((key) => right.has(key))) found.push({ path: `${path} order`, a: order, b: other })
}

function compareAt(a: Dump | undefined, b: Dump | undefined, path: string, found: Difference[]): void {
  if (a === undefined || b === undefined) found.push({ path, a: a ?? 'absent', b: b ?? 'absent' })
  else compare(a, b, path, found)
}
