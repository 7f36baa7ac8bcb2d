/** Arrays in which nothing is: one for all, where a typed one of one's own would be 184 bytes, a list 32 (bench/README.md, "Density"). */

export const NO_BYTES: Uint8Array = new Uint8Array(0)
export const NO_WORDS: Uint16Array = new Uint16Array(0)

const NOTHING: readonly never[] = Object.freeze([])

/** A list that its owner replaces when there is something to put in, and never adds to while it is empty. */
export function noItems<T>(): T[] {
  return NOTHING as unknown as T[]
}
