/**
 * What a snapshot knows of the state: a description of every record, declared once in schema/ against the types of the
 * state files. Encoding, decoding, copying and dumping all follow it. A record's node must name every field of its
 * type and no other, or the type check fails.
 */

import type { ByteRing } from '../lib/bytering.ts'
import type { NumberSet, Table } from '../lib/table.ts'
import { copierOf } from './copier.ts'
import type { Copier } from './copier.ts'
import { marksOf } from './marks.ts'

/** An integer min…max. Negative ones are stored as their distance from `min`; int32 takes four bytes as they are. */
export interface IntNode { readonly kind: 'int'; readonly min: number; readonly max: number; readonly fixed: boolean }
/** Any number min…max, infinities included where the bounds are. Never NaN. */
export interface RealNode { readonly kind: 'real'; readonly min: number; readonly max: number }
export interface BoolNode { readonly kind: 'bool' }
export interface TextNode { readonly kind: 'text'; readonly max: number }
/** Bytes in an array of exactly their length. */
export interface BytesNode { readonly kind: 'bytes'; readonly max: number }
/** A Uint16Array of a fixed length, or of none while it is not used. */
export interface WordsNode { readonly kind: 'words'; readonly length: number }
/** A byte ring; `parked` tells where behind the readable bytes others lie: [position, length) pairs from `len` on. */
export interface RingNode { readonly kind: 'ring'; readonly parked: ((owner: never) => number[]) | null }
/** An array; `length` −1 leaves it open. */
export interface ListNode<N> { readonly kind: 'list'; readonly item: N; readonly length: number }
/** A map in its order. `ordered` says that the order means something: a dump then keeps it. */
export interface MapNode<N> {
  readonly kind: 'map'
  readonly key: IntNode
  readonly value: N
  readonly ordered: boolean
}
export interface SetNode { readonly kind: 'set'; readonly item: IntNode }
/** A record of numbers whose names are the factory's alone: counters, tunables. */
export interface FlatNode { readonly kind: 'flat'; readonly item: IntNode | RealNode }
/** Not saved: meaningless between events; a restored one is as its factory made it. */
export interface ScratchNode { readonly kind: 'scratch' }

/**
 * A record that memory also holds in another, smaller form, which this tells from the record, makes the record of and the reverse.
 * Snapshots and dumps have the record; `close` is asked for every one that was read, and leaves those as they are that were none.
 */
export interface Little {
  readonly is: (value: object) => boolean
  readonly open: (little: object) => object
  readonly close: (record: object) => object
  readonly copy: (little: object) => object
}

/** A record that is made by `make`, or (null) by the factory of the record it lies in. */
export interface Shape {
  readonly kind: 'record'
  readonly make: (() => object) | null
  readonly keys: readonly string[]
  readonly nodes: readonly AnyNode[]
  /** What stands for the fields in a snapshot's table of fields. */
  readonly marks: readonly number[]
  /** The same without fields that are not saved. */
  readonly written: readonly number[]
  /** `nodes`, null in place of numbers, booleans and texts: they need no more than an assignment. */
  readonly nested: readonly (AnyNode | null)[]
  /** The ring that may hold parked bytes, or null: checked against the record once that is whole. */
  readonly parking: RingNode | null
  /** Fields that records of older snapshots have; `take` makes of them what the record has in their place. */
  readonly goneKeys: readonly string[]
  readonly goneNodes: readonly AnyNode[]
  readonly take: ((to: never, gone: Readonly<Record<string, unknown>>, lacks: ReadonlySet<string>) => void) | null
  /** The frozen record that stands for all that hold just its values; null where each has its own. */
  readonly shared: object | null
  /** Such a record may lie there in little; null where it never does. */
  readonly little: Little | null
  /** Copies such a record; null where field by field into what the factory made is the way. */
  readonly copier: Copier | null
}

/**
 * What becomes of records of other builds. `gone` has the values of fields that are no more, as far as they were there;
 * `lacks` names the record's fields that were not, and for which the factory's value is not always right: a sum of others.
 */
export interface Older<T> {
  readonly fields: Readonly<Record<string, AnyNode>>
  readonly take: (to: T, gone: Readonly<Record<string, unknown>>, lacks: ReadonlySet<string>) => void
}

export type AnyNode = IntNode | RealNode | BoolNode | TextNode | BytesNode | WordsNode | RingNode |
  ListNode<AnyNode> | MapNode<AnyNode> | SetNode | FlatNode | ScratchNode | Shape

declare const TYPE: unique symbol
/** Which type a shape describes; there at type check only. */
export type RecordNode<T> = Shape & { readonly [TYPE]?: (record: T) => T }

/** The nodes that can describe a value of type T. */
export type NodeOf<T> =
  [T] extends [number] ? IntNode | RealNode :
  [T] extends [boolean] ? BoolNode :
  [T] extends [string] ? TextNode :
  [T] extends [Uint8Array] ? BytesNode :
  [T] extends [Uint16Array] ? WordsNode :
  [T] extends [ByteRing] ? RingNode :
  [T] extends [Table<infer V>] ? MapNode<NodeOf<V>> :
  [T] extends [NumberSet] ? SetNode :
  [T] extends [readonly (infer E)[]] ? ListNode<NodeOf<E>> :
  [T[keyof T]] extends [number] ? RecordNode<T> | FlatNode :
  RecordNode<T> | ScratchNode

export type Fields<T> = { readonly [K in keyof T]-?: NodeOf<T[K]> }

const INT32_MIN = -0x80000000
const PLAIN: readonly string[] = Object.freeze(['int', 'real', 'bool', 'text'])

export function int(min: number, max: number): IntNode {
  return Object.freeze({ kind: 'int', min, max, fixed: min === INT32_MIN })
}

export function real(min: number, max: number): RealNode {
  return Object.freeze({ kind: 'real', min, max })
}

export function text(max: number): TextNode {
  return Object.freeze({ kind: 'text', max })
}

export function bytes(max: number): BytesNode {
  return Object.freeze({ kind: 'bytes', max })
}

export function words(length: number): WordsNode {
  return Object.freeze({ kind: 'words', length })
}

export function ring(parked: RingNode['parked'] = null): RingNode {
  return Object.freeze({ kind: 'ring', parked })
}

export function list<N extends AnyNode>(item: N, length = -1): ListNode<N> {
  return Object.freeze({ kind: 'list', item, length })
}

/** A table: found by key, its order means nothing. */
export function table<N extends AnyNode>(key: IntNode, value: N): MapNode<N> {
  return Object.freeze({ kind: 'map', key, value, ordered: false })
}

/** A map whose order means something, oldest first. */
export function queueMap<N extends AnyNode>(key: IntNode, value: N): MapNode<N> {
  return Object.freeze({ kind: 'map', key, value, ordered: true })
}

export function setOf(item: IntNode): SetNode {
  return Object.freeze({ kind: 'set', item })
}

export function flat(item: IntNode | RealNode): FlatNode {
  return Object.freeze({ kind: 'flat', item })
}

/**
 * A field that an older snapshot lacks keeps what `make` puts there: that is its default, unless `older` says otherwise. `shared`
 * is of numbers, booleans and texts alone.
 */
export function record<T extends object>(
  make: (() => T) | null, fields: Fields<T>, older: Older<T> | null = null, shared: Readonly<T> | null = null,
  little: Little | null = null,
): RecordNode<T> {
  const keys = Object.freeze(Object.keys(fields))
  const nodes = Object.freeze(Object.values<AnyNode>(fields))
  const parking = nodes.find((node): node is RingNode => node.kind === 'ring' && node.parked !== null) ?? null
  const nested = Object.freeze(nodes.map((node) => PLAIN.includes(node.kind) ? null : node))
  const goneKeys = Object.freeze(Object.keys(older?.fields ?? {}))
  const goneNodes = Object.freeze(Object.values(older?.fields ?? {}))
  const marks = Object.freeze(marksOf(keys, nodes))
  const written = Object.freeze(marks.filter((_, i) => nodes[i].kind !== 'scratch'))
  const shape = {
    kind: 'record', make, keys, nodes, marks, written, nested, parking, goneKeys, goneNodes, take: older?.take ?? null,
    shared, little,
  } as const
  return Object.freeze({ ...shape, copier: copierOf(shape) })
}

/** Bounds that many fields share. */
export const SAFE_MAX = 0x1fffffffffffff
export const BOOL: BoolNode = Object.freeze({ kind: 'bool' })
export const SCRATCH: ScratchNode = Object.freeze({ kind: 'scratch' })
export const INT32: IntNode = int(INT32_MIN, 0x7fffffff)
export const BYTE: IntNode = int(0, 0xff)
export const UINT16: IntNode = int(0, 0xffff)
export const UINT31: IntNode = int(0, 0x7fffffff)
export const UINT32: IntNode = int(0, 0xffffffff)
export const COUNT: IntNode = int(0, SAFE_MAX)
export const COUNTERS: FlatNode = flat(COUNT)
/** A time in µs since boot; NEVER where there is none to come. */
export const TIME: RealNode = real(0, Infinity)
/** A time that may have been, −Infinity where it was not. */
export const PAST: RealNode = real(-Infinity, SAFE_MAX)
/** A time or a duration, or −1. */
export const MAYBE: RealNode = real(-1, SAFE_MAX)
/** A number without a sign, perhaps with a fraction. */
export const AMOUNT: RealNode = real(0, SAFE_MAX)
