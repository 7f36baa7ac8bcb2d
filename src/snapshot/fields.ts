/**
 * What a snapshot says of its records: the table of fields at its front. For each kind of record (by the place where it
 * is found first) it has a mark for every field, in the order in which they were written: a hash of the field's name and
 * of how its value is written. So a snapshot of another build can be read: a field that this build has added keeps what
 * the record's factory puts there; one that it does not know is refused, unless the schema says what becomes of it.
 */

import { demand, SnapshotError } from './fault.ts'
import { flatMarks, hashOf, marksOf } from './marks.ts'
import type { AnyNode, Shape } from './node.ts'
import { readBytes, readCount, readInt32 } from './reader.ts'
import type { Reader } from './reader.ts'
import { createWriter, writeInt32, writeRoom, writerBytes, writeVarint } from './writer.ts'

/** A kind of record, or of counters: where, and its fields' marks in order. */
interface Kind { path: string; marks: readonly number[] }

/** How a record was written: indices of its fields in that order; −1 − n for the n-th of those that are gone. */
export interface Plan {
  readonly order: readonly number[]
  /** By field: the names of a record of numbers in the order in which they were written; null for other fields. */
  readonly names: readonly (readonly string[] | null)[]
  /** Fields that were not written. */
  readonly lacks: ReadonlySet<string>
}
export type Plans = ReadonlyMap<Shape, Plan>

type Fields = Record<string, unknown>
type Table = ReadonlyMap<number, readonly number[]>

const MARK_BYTES = 3

/** The table of this build as bytes. `sample` is a state, for names that only the factories know. */
export function fieldsTable(root: Shape, sample: object): Uint8Array {
  const kinds: Kind[] = []
  visitRecord(root, sample as Fields, '', kinds, new Set())
  const w = createWriter()
  writeVarint(w, kinds.length)
  for (const { path, marks } of kinds) {
    writeInt32(w, hashOf(path))
    writeVarint(w, marks.length)
    let at = writeRoom(w, marks.length * MARK_BYTES)
    for (const mark of marks) {
      w.buf[at++] = mark
      w.buf[at++] = mark >> 8
      w.buf[at++] = mark >> 16
    }
  }
  return writerBytes(w)
}

/**
 * Reads a snapshot's table; null when its fields are ours, as they nearly always are. Throws a SnapshotError with the
 * path of a record that has fields we cannot read.
 */
export function readPlans(r: Reader, root: Shape, sample: object): Plans | null {
  const ours = fieldsTable(root, sample)
  if (startsWith(r, ours)) {
    r.at += ours.length
    return null
  }
  const table = readTable(r)
  const plans = new Map<Shape, Plan>()
  planRecord(root, sample as Fields, '', table, plans)
  demand(plans.has(root), '', 'not a state of this stack')
  return plans
}

function startsWith({ buf, at }: Reader, bytes: Uint8Array): boolean {
  if (bytes.length > buf.length - at) return false
  for (let i = 0; i < bytes.length; i++) if (buf[at + i] !== bytes[i]) return false
  return true
}

function readTable(r: Reader): Table {
  const table = new Map<number, number[]>()
  const kinds = readCount(r)
  for (let n = 0; n < kinds; n++) {
    const path = readInt32(r)
    const raw = readBytes(r, readCount(r) * MARK_BYTES)
    const marks: number[] = []
    for (let i = 0; i < raw.length; i += MARK_BYTES) marks.push(raw[i] | (raw[i + 1] << 8) | (raw[i + 2] << 16))
    if (table.has(path) || new Set(marks).size !== marks.length) throw new SnapshotError('a table of fields with doubles')
    table.set(path, marks)
  }
  return table
}

function visitRecord(node: Shape, sample: Fields, path: string, kinds: Kind[], seen: Set<Shape>): void {
  if (seen.has(node)) return
  seen.add(node)
  const made = (node.make === null ? sample : node.make()) as Fields
  const has = Object.keys(made)
  if (has.length !== node.keys.length || !node.keys.every((key) => Object.hasOwn(made, key))) {
    throw new SnapshotError('its fields are not those of its schema', path)
  }
  kinds.push({ path, marks: node.written })
  for (const [i, key] of node.keys.entries()) visit(node.nodes[i], made[key], `${path}.${key}`, kinds, seen)
}

function visit(node: AnyNode, made: unknown, path: string, kinds: Kind[], seen: Set<Shape>): void {
  switch (node.kind) {
    case 'list': return visit(node.item, null, `${path}[]`, kinds, seen)
    case 'map': return visit(node.value, null, `${path}[]`, kinds, seen)
    case 'record': return visitRecord(node, made as Fields, path, kinds, seen)
    case 'flat': {
      const names = Object.keys(made as Fields)
      kinds.push({ path, marks: distinct(flatMarks(names, node.item), path) })
      return
    }
    default:
  }
}

/** As `visit`, at every place of a record: the one that wrote it may have met it first elsewhere. */
function planRecord(node: Shape, sample: Fields, path: string, table: Table, plans: Map<Shape, Plan>): void {
  const made = (node.make === null ? sample : node.make()) as Fields
  const marks = table.get(hashOf(path))
  const names = node.nodes.map((inner, i) => inner.kind === 'flat'
    ? planFlat(inner.item, Object.keys(made[node.keys[i]] as Fields), `${path}.${node.keys[i]}`, table)
    : null)
  if (marks !== undefined && !plans.has(node)) {
    const order = orderOf(node, marks, path)
    const lacks = new Set(node.keys.filter((_, i) => !order.includes(i) && node.nodes[i].kind !== 'scratch'))
    plans.set(node, { order, names, lacks })
  }
  const plan = (inner: AnyNode, value: unknown, at: string): void => {
    if (inner.kind === 'list') plan(inner.item, null, `${at}[]`)
    else if (inner.kind === 'map') plan(inner.value, null, `${at}[]`)
    else if (inner.kind === 'record') planRecord(inner, value as Fields, at, table, plans)
  }
  for (const [i, key] of node.keys.entries()) plan(node.nodes[i], made[key], `${path}.${key}`)
  for (const [i, key] of node.goneKeys.entries()) plan(node.goneNodes[i], null, `${path}.${key}`)
}

function orderOf(node: Shape, marks: readonly number[], path: string): number[] {
  const known = new Map<number, number>()
  marksOf(node.goneKeys, node.goneNodes).forEach((mark, i) => known.set(mark, -1 - i))
  node.marks.forEach((mark, i) => known.set(mark, i))
  return marks.map((mark) => {
    const at = known.get(mark)
    if (at === undefined) throw new SnapshotError('its fields are not known to this version', path)
    return at
  })
}

function planFlat(item: AnyNode, has: readonly string[], path: string, table: Table): string[] {
  const known = new Map(flatMarks(has, item).map((mark, i) => [mark, has[i]]))
  // a counter or a tunable that is gone has no name: read, and forgotten
  return (table.get(hashOf(path)) ?? []).map((mark) => known.get(mark) ?? '')
}

function distinct(marks: readonly number[], path: string): readonly number[] {
  if (new Set(marks).size !== marks.length) throw new SnapshotError('two of its fields have one mark: rename one', path)
  return marks
}
