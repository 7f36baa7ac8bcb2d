/** Marks of fields: 24 bits of a hash of a field's name and of how its value is written (fields.ts). */

import type { AnyNode } from './node.ts'

const FNV_START = 0x811c9dc5 | 0

/** One for each name; `nodes` are those of the same places. */
export function marksOf(names: readonly string[], nodes: readonly AnyNode[]): number[] {
  return names.map((name, i) => more(hashOf(name), writtenAs(nodes[i])) & 0xffffff)
}

/** As `marksOf`, for a record whose fields are all written alike. */
export function flatMarks(names: readonly string[], item: AnyNode): number[] {
  const how = writtenAs(item)
  return names.map((name) => more(hashOf(name), how) & 0xffffff)
}

/** FNV-1a. */
export function hashOf(text: string): number {
  return more(FNV_START, text)
}

function more(hash: number, text: string): number {
  let now = hash
  for (let i = 0; i < text.length; i++) now = Math.imul(now ^ text.charCodeAt(i), 0x01000193)
  return now
}

/** What decides which bytes stand for a value; what only bounds it is checked when it is read. */
function writtenAs(node: AnyNode): string {
  switch (node.kind) {
    case 'int': return node.fixed ? ':int32' : `:int${node.min}`
    case 'words': return `:words${node.length}`
    case 'ring': return node.parked === null ? ':ring' : ':parked'
    case 'list': return `:list${node.length < 0 ? '' : node.length}(${writtenAs(node.item)})`
    case 'map': return `:map(${writtenAs(node.key)},${writtenAs(node.value)})`
    case 'set': return `:set(${writtenAs(node.item)})`
    case 'flat': return `:flat(${writtenAs(node.item)})`
    default: return `:${node.kind}`
  }
}
