/**
 * Copies of records that there are thousands of. A loop over a record's keys costs V8 a look-up for every store; an
 * object literal with all fields is one allocation, and has the hidden class of what the factory makes as long as its
 * keys are in the factory's order. So the literal is written here, once for each kind of record, out of its schema.
 *
 * Bench `npm run bench:snapshot`, cloneMs: 0.4 of what the loop takes.
 */

import { copy } from './copy.ts'
import type { AnyNode, Shape } from './node.ts'

type Fields = Record<string, unknown>
export type Copier = (from: object) => object
type Part = (value: unknown, owner: object) => unknown

const PLAIN: readonly string[] = Object.freeze(['int', 'real', 'bool', 'text'])

/** A function that copies records of `shape`, which its factory makes; null where it takes the loop (`copy`) instead. */
export function copierOf(shape: Omit<Shape, 'copier'>): Copier | null {
  if (shape.make === null) return null
  const parts: Part[] = []
  const text = literal(shape, shape.make() as Fields, 'v', parts)
  if (text === '') return null
  try {
    // names come from our own schema, values are never part of the text
    // eslint-disable-next-line no-new-func, @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- see above
    return new Function('p', `return function (v) { return ${text} }`)(Object.freeze(parts)) as Copier
  } catch {
    // node --disallow-code-generation-from-strings: slower, otherwise the same
    return null
  }
}

/** The text of a literal that copies `from`; empty if a field can only be filled in where the factory has made it. */
function literal(shape: Omit<Shape, 'copier'>, sample: Fields, from: string, parts: Part[]): string {
  const fields: string[] = []
  for (const key of Object.keys(sample)) {
    const name = JSON.stringify(key)
    const text = field(shape.nodes[shape.keys.indexOf(key)], sample[key], `${from}[${name}]`, from, parts)
    if (text === '') return ''
    fields.push(`${name}:${text}`)
  }
  return `{${fields.join(',')}}`
}

function field(node: AnyNode | undefined, sample: unknown, from: string, owner: string, parts: Part[]): string {
  if (node === undefined || node.kind === 'flat' || node.kind === 'scratch') return ''
  if (PLAIN.includes(node.kind)) return from
  if (node.kind === 'record' && node.make === null) return literal(node, sample as Fields, from, parts)
  const copier = node.kind === 'record' && node.shared === null ? node.copier : null
  parts.push(copier === null ? (value, record) => copy(node, value, null, record) : copier as Part)
  return `p[${parts.length - 1}](${from},${owner})`
}
