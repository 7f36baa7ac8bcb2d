/**
 * Bytes to state, after the schema. Every record is made by its factory and then filled in, so that V8 gives it the
 * shape it always had; names never come from the bytes. What is not as the schema says is refused.
 */

import type { ByteRing } from '../lib/bytering.ts'
import { NO_BYTES, NO_WORDS } from '../lib/empty.ts'
import type { NumberSet, Table } from '../lib/table.ts'
import { REAL_FIRST, REAL_FLOAT, REAL_INFINITY, REAL_MINUS_INFINITY, realIsWhole } from './encode.ts'
import { rethrow, SnapshotError } from './fault.ts'
import type { Plans } from './fields.ts'
import type { AnyNode, FlatNode, IntNode, MapNode, RealNode, RingNode, Shape } from './node.ts'
import { readByte, readBytes, readCount, readFloat64, readInt32, readRoom, readVarint } from './reader.ts'
import type { Reader } from './reader.ts'
import { ringParked, ringSize } from './ring.ts'

type Fields = Record<string, unknown>

/** Reads a value. `made` is what the factory of the record around it has put there: filled in, if it is a record. */
export function decode(r: Reader, node: AnyNode, made: unknown): unknown {
  switch (node.kind) {
    case 'int': return decodeInt(r, node)
    case 'real': return decodeReal(r, node)
    case 'bool': return decodeBool(r)
    case 'text': return decodeText(r, node.max)
    case 'bytes': return decodeBytes(r, node.max)
    case 'words': return decodeWords(r, node.length)
    case 'ring': return decodeRing(r, node, made as ByteRing)
    case 'list': return decodeList(r, node.item, node.length, made)
    case 'map': return decodeMap(r, node, made)
    case 'set': return decodeSet(r, node.item, made)
    case 'flat': return decodeFlat(r, node.item, made as Fields)
    case 'record': return orLittle(node, decodeRecord(r, node, (node.make === null ? made : node.make()) as Fields))
    case 'scratch': return made
  }
}

function decodeInt(r: Reader, node: IntNode): number {
  const value = node.fixed ? readInt32(r) : readVarint(r) + node.min
  if (value < node.min || value > node.max) throw new SnapshotError(`${value} is not ${node.min}…${node.max}`)
  return value
}

function decodeReal(r: Reader, node: RealNode): number {
  const value = readReal(r)
  if (!(value >= node.min && value <= node.max)) throw new SnapshotError(`${value} is not ${node.min}…${node.max}`)
  return value
}

function readReal(r: Reader): number {
  const code = readVarint(r)
  if (code >= REAL_FIRST) return code - REAL_FIRST
  if (code === REAL_INFINITY) return Infinity
  if (code === REAL_MINUS_INFINITY) return -Infinity
  const value = readFloat64(r)
  if (code !== REAL_FLOAT || realIsWhole(value) || Math.abs(value) === Infinity) {
    throw new SnapshotError('a number written another way')
  }
  return value
}

function decodeBool(r: Reader): boolean {
  const byte = readByte(r)
  if (byte > 1) throw new SnapshotError(`${byte} is not a boolean`)
  return byte === 1
}

function decodeText(r: Reader, max: number): string {
  const n = readCount(r)
  if (n > max) throw new SnapshotError(`a text of ${n} characters, ${max} at most`)
  let value = ''
  for (let i = 0; i < n; i++) {
    const unit = readVarint(r)
    if (unit > 0xffff) throw new SnapshotError(`${unit} is not a character`)
    value += String.fromCharCode(unit)
  }
  return value
}

function decodeBytes(r: Reader, max: number): Uint8Array {
  const n = readVarint(r)
  if (n > max) throw new SnapshotError(`${n} bytes, ${max} at most`)
  return n === 0 ? NO_BYTES : readBytes(r, n)
}

/** Nothing but zeros: they are not there yet. */
function decodeWords(r: Reader, length: number): Uint16Array {
  const value = new Uint16Array(length)
  for (let i = 0; i < length; i++) {
    const word = readVarint(r)
    if (word > 0xffff) throw new SnapshotError(`${word} is not a word`)
    value[i] = word
  }
  return value.some((word) => word !== 0) ? value : NO_WORDS
}

function decodeRing(r: Reader, node: RingNode, into: ByteRing): ByteRing {
  const len = readVarint(r)
  const from = readRoom(r, len)
  const pieces = readCount(r)
  if (pieces > 0 && node.parked === null) throw new SnapshotError('parked bytes in a ring that has none')
  const parked: number[] = []
  let end = len
  for (let i = 0; i < pieces; i++) {
    const gap = readVarint(r)
    const n = readVarint(r)
    if ((gap === 0 && parked.length > 0) || n === 0) throw new SnapshotError('parked bytes without a gap, or none')
    r.slack -= gap
    if (r.slack < 0) throw new SnapshotError('gaps between parked bytes take more memory than allowed')
    parked.push(end + gap, n, readRoom(r, n))
    end += gap + n
  }
  if (node.parked !== null) r.parked = parked.filter((_, i) => i % 3 !== 2)
  if (end === 0) return into
  into.buf = new Uint8Array(ringSize(end))
  into.buf.set(r.buf.subarray(from, from + len))
  for (let i = 0; i < parked.length; i += 3) {
    into.buf.set(r.buf.subarray(parked[i + 2], parked[i + 2] + parked[i + 1]), parked[i])
  }
  into.len = len
  return into
}

/**
 * The factory's own array is filled, for V8 then keeps its numbers as it always did: an array made here would hold
 * objects, since others made here do, and each number with a fraction that is put in later would be one more of them.
 */
function decodeList(r: Reader, item: AnyNode, length: number, made: unknown): unknown[] {
  const n = length < 0 ? readCount(r) : length
  // the empty list of all is nobody's to fill; a heap's is replaced with its first entry
  const value: unknown[] = !Array.isArray(made) ? [] : Object.isFrozen(made) ? made.slice() : made
  value.length = 0
  try {
    for (let i = 0; i < n; i++) value.push(decode(r, item, null))
  } catch (e) {
    rethrow(e, `[${value.length}]`)
  }
  return value
}

/** One in which nothing is stays as the factory made it: not made yet (lib/table.ts). */
function decodeMap(r: Reader, node: MapNode<AnyNode>, made: unknown): Table<unknown> {
  const n = readCount(r)
  if (n === 0 && made !== null) return made as Table<unknown>
  const value = new Map<number, unknown>()
  let step = ''
  try {
    for (let i = 0; i < n; i++) {
      step = `{${i}}`
      const key = decodeInt(r, node.key)
      step = `[${key}]`
      if (value.has(key)) throw new SnapshotError('the same key twice')
      value.set(key, decode(r, node.value, null))
    }
  } catch (e) {
    rethrow(e, step)
  }
  return value
}

function decodeSet(r: Reader, item: IntNode, made: unknown): NumberSet {
  const n = readCount(r)
  if (n === 0 && made !== null) return made as NumberSet
  const value = new Set<number>()
  for (let i = 0; i < n; i++) value.add(decodeInt(r, item))
  if (value.size !== n) throw new SnapshotError('the same member twice')
  return value
}

function decodeFlat(r: Reader, item: IntNode | RealNode, into: Fields): Fields {
  for (const key of Object.keys(into)) {
    try {
      into[key] = decode(r, item, null)
    } catch (e) {
      rethrow(e, `.${key}`)
    }
  }
  return into
}

function decodeRecord(r: Reader, node: Shape, into: Fields): Fields {
  if (r.plans !== null) return decodePlanned(r, r.plans, node, into)
  const { keys, nodes } = node
  let i = 0
  try {
    for (; i < keys.length; i++) into[keys[i]] = decode(r, nodes[i], into[keys[i]])
  } catch (e) {
    rethrow(e, `.${keys[i]}`)
  }
  if (node.parking !== null) checkParked(r, node.parking, into)
  return into
}

/** The record that all share who hold just its values (tcp/state-user.ts), or what memory has for it, or else the one that was read. */
function orLittle(node: Shape, read: Fields): object {
  if (node.little !== null) return node.little.close(read)
  const shared = node.shared as Fields | null
  return shared !== null && node.keys.every((key) => shared[key] === read[key]) ? shared : read
}

/** A record of another build: its fields in their order; the rest is as the factory made it. */
function decodePlanned(r: Reader, plans: Plans, node: Shape, into: Fields): Fields {
  const plan = plans.get(node)
  if (plan === undefined) throw new SnapshotError('a record that the table of fields does not have')
  const gone: Fields = {}
  let at = ''
  try {
    for (const i of plan.order) {
      at = i < 0 ? node.goneKeys[-1 - i] : node.keys[i]
      const names = i < 0 ? null : plan.names[i]
      if (i < 0) gone[at] = decode(r, node.goneNodes[-1 - i], null)
      else if (names !== null) decodeNamed(r, node.nodes[i] as FlatNode, names, into[at] as Fields)
      else into[at] = decode(r, node.nodes[i], into[at])
    }
  } catch (e) {
    rethrow(e, `.${at}`)
  }
  node.take?.(into as never, gone, plan.lacks)
  if (node.parking !== null) checkParked(r, node.parking, into)
  return into
}

/** Counters and tunables of another build; those without a name here are forgotten. */
function decodeNamed(r: Reader, node: FlatNode, names: readonly string[], into: Fields): void {
  for (const name of names) {
    const value = decode(r, node.item, null)
    if (name !== '') into[name] = value
  }
}

/** Parked bytes lie where the record says, and nowhere else. */
function checkParked(r: Reader, node: RingNode, owner: object): void {
  const said = ringParked(node, owner)
  if (said.length !== r.parked.length || said.some((x, i) => x !== r.parked[i])) {
    throw new SnapshotError('parked bytes are not where the record says')
  }
}
