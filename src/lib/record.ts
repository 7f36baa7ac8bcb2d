/** Large flat records of numbers (counters, tunables), made by the thousand. */

/**
 * A maker of records with these fields and values. V8 copies a record that is not frozen in 0.3 µs where building it from
 * its entries takes 25 (bench/peers/density.mjs): so one is kept in here, where nobody can change it.
 */
export function recordMaker<T extends Record<string, number>>(entries: Iterable<readonly [string, number]>): () => T {
  // `fromEntries` keeps the object in fast mode, where assigning field by field would not
  const first = Object.fromEntries(entries) as T
  return () => ({ ...first })
}
