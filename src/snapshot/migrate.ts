/**
 * From format version to format version, one step each. A field that is added, moved, or taken away with its successor
 * declared (`Older` in node.ts) needs none of this: a step is for a change of how things are written at all.
 */

import { SnapshotError } from './fault.ts'
import { V1_PRINTS, V1_TABLE } from './v1.ts'

/** What follows the header of a snapshot of `version`, as the present version would have it. */
export function migrate(body: Uint8Array, version: number): Uint8Array {
  let now = body
  for (let v = version; v <= STEPS.length; v++) now = STEPS[v - 1](now)
  return now
}

/** STEPS[n] leads from version n + 1 to n + 2. */
const STEPS: readonly ((body: Uint8Array) => Uint8Array)[] = Object.freeze([fromV1])

/** Fingerprints make way for the table of fields. */
function fromV1(body: Uint8Array): Uint8Array {
  const prints = hex(V1_PRINTS)
  if (body.length < prints.length || !prints.every((x, i) => x === body[i])) {
    throw new SnapshotError('its fields are not those of the last build that wrote version 1')
  }
  const table = hex(V1_TABLE)
  const out = new Uint8Array(table.length + body.length - prints.length)
  out.set(table)
  out.set(body.subarray(prints.length), table.length)
  return out
}

function hex(lines: readonly string[]): Uint8Array {
  const text = lines.join('')
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}
