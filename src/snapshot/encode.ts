/** State to bytes, after the schema: the fields in its order, without their names. */

import type { ByteRing } from '../lib/bytering.ts'
import { rethrow, SnapshotError } from './fault.ts'
import type { AnyNode, IntNode, MapNode, RealNode, RingNode, Shape } from './node.ts'
import { ringHolds, ringParked, ringRead } from './ring.ts'
import { writeByte, writeFloat64, writeInt32, writeRoom, writeVarint } from './writer.ts'
import type { Writer } from './writer.ts'

type Fields = Record<string, unknown>

/** What a real number's varint says: these three, or the number plus REAL_FIRST. */
export const REAL_INFINITY = 0
export const REAL_MINUS_INFINITY = 1
export const REAL_FLOAT = 2
export const REAL_FIRST = 3
export const REAL_WHOLE_MAX = Number.MAX_SAFE_INTEGER - REAL_FIRST

/** Appends a value; throws a SnapshotError where it is not what the schema says, which is a bug of whoever made it. */
export function encode(w: Writer, node: AnyNode, value: unknown, owner: object): void {
  switch (node.kind) {
    case 'int': return encodeInt(w, node, value)
    case 'real': return encodeReal(w, node, value)
    case 'bool': return encodeBool(w, value)
    case 'text': return encodeText(w, node.max, value as string)
    case 'bytes': return encodeBytes(w, node.max, value as Uint8Array)
    case 'words': return encodeWords(w, node.length, value as Uint16Array)
    case 'ring': return encodeRing(w, node, value as ByteRing, owner)
    case 'list': return encodeList(w, node.item, node.length, value as unknown[], owner)
    case 'map': return encodeMap(w, node, value as Map<number, unknown>, owner)
    case 'set': return encodeSet(w, node.item, value as Set<number>)
    case 'flat': return encodeFlat(w, node.item, value as Fields)
    case 'record': return encodeRecord(w, node, opened(node, value as object))
    case 'scratch': return
  }
}

/** True for what `encodeReal` stores as a varint. */
export function realIsWhole(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= REAL_WHOLE_MAX && !Object.is(value, -0)
}

/** The record as such, which may lie there in little. */
export function opened(node: Shape, value: object): Fields {
  return (node.little?.is(value) === true ? node.little.open(value) : value) as Fields
}

function encodeInt(w: Writer, node: IntNode, value: unknown): void {
  if (!Number.isInteger(value) || (value as number) < node.min || (value as number) > node.max) fault(value, node)
  if (node.fixed) writeInt32(w, value as number)
  else writeVarint(w, (value as number) - node.min)
}

function encodeReal(w: Writer, node: RealNode, value: unknown): void {
  if (typeof value !== 'number' || !(value >= node.min && value <= node.max)) fault(value, node)
  if (realIsWhole(value)) writeVarint(w, value + REAL_FIRST)
  else if (value === Infinity) writeByte(w, REAL_INFINITY)
  else if (value === -Infinity) writeByte(w, REAL_MINUS_INFINITY)
  else {
    writeByte(w, REAL_FLOAT)
    writeFloat64(w, value)
  }
}

function encodeBool(w: Writer, value: unknown): void {
  if (typeof value !== 'boolean') throw new SnapshotError(`${String(value)} is not a boolean`)
  writeByte(w, value ? 1 : 0)
}

/** In UTF-16 units, so that any string comes back as it was. */
function encodeText(w: Writer, max: number, value: string): void {
  if (typeof value !== 'string' || value.length > max) throw new SnapshotError(`not a text of at most ${max} characters`)
  writeVarint(w, value.length)
  for (let i = 0; i < value.length; i++) writeVarint(w, value.charCodeAt(i))
}

function encodeBytes(w: Writer, max: number, value: Uint8Array): void {
  if (!(value instanceof Uint8Array) || value.length > max) throw new SnapshotError(`not at most ${max} bytes`)
  writeVarint(w, value.length)
  const at = writeRoom(w, value.length)
  w.buf.set(value, at)
}

/** Words that are not there yet are zeros. */
function encodeWords(w: Writer, length: number, value: Uint16Array): void {
  if (!(value instanceof Uint16Array) || (value.length !== length && value.length !== 0)) {
    throw new SnapshotError(`not ${length} words`)
  }
  for (let i = 0; i < length; i++) writeVarint(w, value.length === 0 ? 0 : value[i])
}

function encodeRing(w: Writer, node: RingNode, value: ByteRing, owner: object): void {
  const parked = ringParked(node, owner)
  if (!ringHolds(value, parked)) throw new SnapshotError('more bytes than the ring has')
  writeVarint(w, value.len)
  // the room first: it may move the buffer
  const start = writeRoom(w, value.len)
  ringRead(value, 0, value.len, w.buf, start)
  writeVarint(w, parked.length / 2)
  let end = value.len
  for (let i = 0; i < parked.length; i += 2) {
    writeVarint(w, parked[i] - end)
    writeVarint(w, parked[i + 1])
    const at = writeRoom(w, parked[i + 1])
    ringRead(value, parked[i], parked[i + 1], w.buf, at)
    end = parked[i] + parked[i + 1]
  }
}

function encodeList(w: Writer, item: AnyNode, length: number, value: unknown[], owner: object): void {
  if (!Array.isArray(value) || (length >= 0 && value.length !== length)) throw new SnapshotError('not such a list')
  if (length < 0) writeVarint(w, value.length)
  let i = 0
  try {
    for (; i < value.length; i++) encode(w, item, value[i], owner)
  } catch (e) {
    rethrow(e, `[${i}]`)
  }
}

function encodeMap(w: Writer, node: MapNode<AnyNode>, value: Map<number, unknown>, owner: object): void {
  if (!(value instanceof Map)) throw new SnapshotError('not a map')
  writeVarint(w, value.size)
  let at = 0
  try {
    for (const [key, item] of value) {
      at = key
      encodeInt(w, node.key, key)
      encode(w, node.value, item, owner)
    }
  } catch (e) {
    rethrow(e, `[${at}]`)
  }
}

function encodeSet(w: Writer, item: IntNode, value: Set<number>): void {
  if (!(value instanceof Set)) throw new SnapshotError('not a set')
  writeVarint(w, value.size)
  for (const x of value) encodeInt(w, item, x)
}

function encodeFlat(w: Writer, item: IntNode | RealNode, value: Fields): void {
  for (const key of Object.keys(value)) {
    try {
      encode(w, item, value[key], value)
    } catch (e) {
      rethrow(e, `.${key}`)
    }
  }
}

function encodeRecord(w: Writer, node: Shape, value: Fields): void {
  const { keys, nodes } = node
  const has = Object.keys(value).length
  if (has !== keys.length) throw new SnapshotError(`${has} fields where there should be ${keys.length}`)
  let i = 0
  try {
    for (; i < keys.length; i++) encode(w, nodes[i], value[keys[i]], value)
  } catch (e) {
    rethrow(e, `.${keys[i]}`)
  }
}

function fault(value: unknown, node: IntNode | RealNode): never {
  throw new SnapshotError(`${String(value)} is not ${node.min}…${node.max}${node.kind === 'int' ? ', whole' : ''}`)
}
