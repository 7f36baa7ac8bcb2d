/**
 * Tables by number that cost nothing until something is put into them. An empty `Map` takes 184 bytes, and a Vnet has
 * some thirty tables of which an idle one uses ten: all others are one empty table (bench/peers/density.mjs).
 */

/** A `Map` without `set`: what is put in goes through `tableIn`. Taking out of the empty one does nothing, as of any other. */
export interface Table<V> extends ReadonlyMap<number, V> {
  delete(key: number): boolean
  clear(): void
}

/** A `Set` of the same kind: added to through `setIn`. */
export interface NumberSet extends ReadonlySet<number> {
  delete(item: number): boolean
  clear(): void
}

/** Who puts something into it after all, past the type check, hears of it at once: it is every Vnet's. */
const EMPTY: Table<never> = emptyTable()
const EMPTY_SET: NumberSet = emptySet()

/** A table in which nothing is yet. */
export function createTable<V>(): Table<V> {
  return EMPTY
}

/** The table `name` of `owner`, to put something into: its own from now on. */
export function tableIn<T, K extends keyof T>(owner: T, name: K): T[K] extends Table<infer V> ? Map<number, V> : never {
  if (owner[name] === EMPTY) owner[name] = new Map() as T[K]
  return owner[name] as never
}

/** The same for a table that lies in a private field: to be put in the place of what was there. */
export function tableOwn<V>(table: Table<V>): Map<number, V> {
  return table === EMPTY ? new Map<number, V>() : table as Map<number, V>
}

/** A set in which nothing is yet. */
export function createNumberSet(): NumberSet {
  return EMPTY_SET
}

/** The set `name` of `owner`, to add to: its own from now on. */
export function setIn<K extends string>(owner: Record<K, NumberSet>, name: K): Set<number> {
  if (owner[name] === EMPTY_SET) owner[name] = new Set()
  return owner[name] as Set<number>
}

function emptySet(): NumberSet {
  const add = (): never => { throw new TypeError('a set is added to through setIn') }
  return Object.defineProperty(new Set<number>(), 'add', { value: add })
}

function emptyTable(): Table<never> {
  const set = (): never => { throw new TypeError('a table is written through tableIn') }
  return Object.defineProperty(new Map<number, never>(), 'set', { value: set })
}
