/** What the printers read from: a stretch of bytes that may end anywhere. */

/** `view` covers `bytes`; nothing at `end` or after may be read. `depth` counts the datagrams this one is inside of. */
export interface Cut {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly end: number
  readonly depth: number
}

/** The same bytes, ending no later than `end`. */
export function cutAt(cut: Cut, end: number): Cut {
  return { ...cut, end: Math.min(cut.end, end) }
}

/** The same bytes, seen as the inside of a tunnel or of an ICMP quotation. */
export function cutInner(cut: Cut): Cut {
  return { ...cut, depth: cut.depth + 1 }
}
