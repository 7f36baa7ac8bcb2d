/** Sets of source addresses: short lists without duplicates, in the order in which they came. */

import type { Addr } from '../lib/addr.ts'

/** Equal addresses; the zone is left aside, because everything here is about one interface. */
export function sourceEq(a: Addr, b: Addr): boolean {
  return a.w3 === b.w3 && a.w2 === b.w2 && a.w1 === b.w1 && a.w0 === b.w0
}

export function sourcesHave(set: readonly Addr[], a: Addr): boolean {
  for (let i = 0; i < set.length; i++) if (sourceEq(set[i], a)) return true
  return false
}

/** Puts a copy of `a` into the set; false when it was there. */
export function sourcesAdd(set: Addr[], a: Addr): boolean {
  if (sourcesHave(set, a)) return false
  set.push({ ...a })
  return true
}

/** False when it was not there. */
export function sourcesDrop(set: Addr[], a: Addr): boolean {
  const i = set.findIndex((b) => sourceEq(a, b))
  if (i >= 0) set.splice(i, 1)
  return i >= 0
}

/** A − B. */
export function sourcesMinus(a: readonly Addr[], b: readonly Addr[]): Addr[] {
  return a.filter((x) => !sourcesHave(b, x))
}

/** A ∩ B. */
export function sourcesBoth(a: readonly Addr[], b: readonly Addr[]): Addr[] {
  return a.filter((x) => sourcesHave(b, x))
}
