/** Fingerprints of the kinds of records: what tells a snapshot of another version. */

import { SnapshotError } from './fault.ts'
import type { AnyNode, Shape } from './node.ts'

export interface ShapePrint { path: string; print: number }

type Fields = Record<string, unknown>

/** One for each kind of record in `root`, in order; `sample` is a state, for names that only the factories know. */
export function shapePrints(root: Shape, sample: object): ShapePrint[] {
  const found: ShapePrint[] = []
  visit(root, sample, '', found, new Set())
  return found
}

function visit(node: AnyNode, sample: unknown, path: string, found: ShapePrint[], seen: Set<Shape>): void {
  switch (node.kind) {
    case 'list': return visit(node.item, null, `${path}[]`, found, seen)
    case 'map': return visit(node.value, null, `${path}[]`, found, seen)
    case 'flat':
      found.push({ path, print: printOf(Object.keys(sample as Fields)) })
      return
    case 'record': return visitRecord(node, sample, path, found, seen)
    default:
  }
}

function visitRecord(node: Shape, sample: unknown, path: string, found: ShapePrint[], seen: Set<Shape>): void {
  if (seen.has(node)) return
  seen.add(node)
  const made = (node.make === null ? sample : node.make()) as Fields
  const has = Object.keys(made)
  if (has.length !== node.keys.length || !node.keys.every((key) => Object.hasOwn(made, key))) {
    throw new SnapshotError('its fields are not those of its schema', path)
  }
  found.push({ path, print: printOf(node.keys) })
  for (let i = 0; i < has.length; i++) visit(node.nodes[i], made[node.keys[i]], `${path}.${node.keys[i]}`, found, seen)
}

/** FNV-1a over the names. */
function printOf(names: readonly string[]): number {
  let hash = 0x811c9dc5
  for (const name of names) {
    for (let i = 0; i <= name.length; i++) hash = Math.imul(hash ^ (i < name.length ? name.charCodeAt(i) : 0), 0x01000193)
  }
  return hash
}
