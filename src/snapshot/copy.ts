/** State to state, after the schema: what a clone is made of. Nothing is shared with the original. */

import type { ByteRing } from '../lib/bytering.ts'
import { createNumberSet, createTable } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'
import type { AnyNode, Shape } from './node.ts'
import { ringCopy, ringParked } from './ring.ts'

type Fields = Record<string, unknown>

/** A copy of `value`. `made` as in decode: what a factory has put there is filled in. */
export function copy(node: AnyNode, value: unknown, made: unknown, owner: object): unknown {
  switch (node.kind) {
    case 'int': case 'real': case 'bool': case 'text': return value
    case 'bytes': return copyBytes(value as Uint8Array)
    case 'words': return copyBytes(value as Uint16Array)
    case 'ring': return ringCopy(value as ByteRing, ringParked(node, owner))
    case 'list': return copyList(node.item, value as unknown[], owner)
    case 'map': return copyMap(node.value, value as Map<number, unknown>, owner)
    case 'set': return value === createNumberSet() ? value : new Set(value as Set<number>)
    case 'flat': return Object.isFrozen(value) ? value : Object.assign(made as Fields, value)
    case 'record':
      if (value === node.shared) return value
      if (node.little?.is(value as object) === true) return node.little.copy(value as object)
      if (node.copier !== null) return node.copier(value as object)
      return copyRecord(node, value as Fields, (node.make === null ? made : node.make()) as Fields)
    case 'scratch': return made
  }
}

/** One in which nothing is, is everybody's (lib/empty.ts). */
function copyBytes(value: Uint8Array | Uint16Array): Uint8Array | Uint16Array {
  return value.length === 0 ? value : value.slice()
}

function copyList(item: AnyNode, value: unknown[], owner: object): unknown[] {
  // `slice` keeps how V8 holds the elements; an array that is filled here would hold objects
  const to = value.slice()
  if (item.kind === 'int' || item.kind === 'real') return to
  for (let i = 0; i < to.length; i++) to[i] = copy(item, to[i], null, owner)
  return to
}

function copyMap(item: AnyNode, value: Map<number, unknown>, owner: object): Table<unknown> {
  if (value === createTable()) return value
  const to = new Map<number, unknown>()
  for (const [key, x] of value) to.set(key, copy(item, x, null, owner))
  return to
}

function copyRecord(node: Shape, value: Fields, to: Fields): Fields {
  const { keys, nested } = node
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]
    const inner = nested[i]
    to[key] = inner === null ? value[key] : copy(inner, value[key], to[key], value)
  }
  return to
}
