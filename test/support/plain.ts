/**
 * Invariant 3: the state of a Vnet is plain data. `assertPlain` walks it and says where it is not; `assertVnetClean`
 * adds invariant 6 (nothing lent is kept); `cleanAfterEach` asserts both for the Vnets of a test file after every test.
 */

import { afterEach } from 'vitest'
import { NO_BYTES } from '../../src/lib/empty.ts'
import type { FramePool } from '../../src/lib/frame.ts'
import { createNumberSet, createTable } from '../../src/lib/table.ts'
import type { World } from '../../src/sim/world.ts'
import type { Vnet } from '../../src/vnet/vnet.ts'

/** Throws with the paths of everything in `state` that is not plain data. Views over memory of `pool` are named so. */
export function assertPlain(state: unknown, pool: FramePool | null = null, root = 'state'): void {
  const found = plainViolations(state, pool, root)
  if (found.length === 0) return
  const more = found.length > 10 ? `\n… and ${found.length - 10} more` : ''
  throw new Error(`not plain data:\n${found.slice(0, 10).join('\n')}${more}`)
}

/** Throws unless the Vnet's state is plain and it holds no frames: what must be true between any two events. */
export function assertVnetClean(vnet: Vnet): void {
  const { state, pool, txq } = vnet.vn
  assertPlain(state, pool, vnet.name)
  if (txq.length > 0) throw new Error(`vnet ${vnet.name}: ${txq.length} frames not drained`)
  if (pool.inUse !== 0) throw new Error(`vnet ${vnet.name}: ${pool.inUse} frames of its pool not released`)
}

/** Throws unless every Vnet of the world is clean. */
export function assertWorldClean(world: World): void {
  world.assertIdle()
  for (const host of world.hosts) assertVnetClean(host.vnet)
}

/**
 * Registers a check for the end of every test of the file: returns a function that takes a Vnet or a world under its
 * watch (for the running test) and returns it.
 */
export function cleanAfterEach(): <T extends Vnet | World>(watched: T) => T {
  const watched: (Vnet | World)[] = []
  afterEach(() => {
    for (const x of watched.splice(0)) {
      if ('hosts' in x) assertWorldClean(x)
      else assertVnetClean(x)
    }
  })
  return (x) => {
    watched.push(x)
    return x
  }
}

/** One line for each violation: its path and what it is. */
export function plainViolations(state: unknown, pool: FramePool | null = null, root = 'state'): string[] {
  const walk: Walk = { found: [], paths: new Map(), slabs: new Set(pool?.slabs.map((s) => s.buffer) ?? []) }
  visit(walk, state, root)
  return walk.found
}

interface Walk {
  readonly found: string[]
  /** First path by which an object was reached. */
  readonly paths: Map<object, string>
  readonly slabs: Set<ArrayBufferLike>
}

const TYPED_ARRAYS: readonly unknown[] = [
  Uint8Array, Uint8ClampedArray, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array, Float32Array,
  Float64Array,
].map((c) => c.prototype)

function visit(walk: Walk, value: unknown, path: string): void {
  switch (typeof value) {
    case 'number': case 'string': case 'boolean': return
    case 'object': break
    default:
      walk.found.push(`${path}: ${typeof value}`)
      return
  }
  if (value === null) return
  const prototype: unknown = Object.getPrototypeOf(value)
  const empty = ((Array.isArray(value) || ArrayBuffer.isView(value)) && (value as { length?: number }).length === 0) ||
    value === createTable() || value === createNumberSet() || Object.isFrozen(value)
  const before = walk.paths.get(value)
  // nothing can be put into an empty array, the empty table or a frozen record of defaults
  if (before !== undefined && !empty) {
    walk.found.push(`${path}: the same object as ${before}${path.startsWith(before) ? ' (a cycle)' : ''}`)
    return
  }
  walk.paths.set(value, path)
  if (Object.getOwnPropertySymbols(value).length > 0) walk.found.push(`${path}: a symbol as a key`)
  if (ArrayBuffer.isView(value)) visitView(walk, value, prototype, path)
  else if (prototype === Array.prototype) visitArray(walk, value as unknown[], path)
  else if (prototype === Map.prototype) visitMap(walk, value as Map<unknown, unknown>, path)
  else if (prototype === Set.prototype) for (const item of value as Set<unknown>) visitKey(walk, item, `${path}{}`)
  else if (prototype === Object.prototype || prototype === null) visitObject(walk, value, path)
  else walk.found.push(`${path}: instance of ${(value as { constructor: { name: string } }).constructor.name}`)
}

function visitView(walk: Walk, view: ArrayBufferView, prototype: unknown, path: string): void {
  if (!TYPED_ARRAYS.includes(prototype)) {
    walk.found.push(`${path}: instance of ${view.constructor.name}`)
  } else if (view !== NO_BYTES && walk.slabs.has(view.buffer)) {
    walk.found.push(`${path}: a view over pooled memory`)
  } else if (!(view.buffer instanceof ArrayBuffer)) {
    walk.found.push(`${path}: a view over shared memory`)
  } else if (view.buffer.byteLength !== view.byteLength) {
    walk.found.push(`${path}: a view of ${view.byteLength} bytes over a buffer of ${view.buffer.byteLength}`)
  }
}

function visitArray(walk: Walk, array: unknown[], path: string): void {
  const keys = Object.keys(array)
  if (keys.length !== array.length) walk.found.push(`${path}: an array of ${array.length} with ${keys.length} keys`)
  array.forEach((item, i) => { visit(walk, item, `${path}[${i}]`) })
}

function visitMap(walk: Walk, map: Map<unknown, unknown>, path: string): void {
  for (const [key, item] of map) {
    visitKey(walk, key, `${path} key`)
    visit(walk, item, `${path}[${String(key)}]`)
  }
}

function visitKey(walk: Walk, key: unknown, path: string): void {
  if (typeof key !== 'number' && typeof key !== 'string') walk.found.push(`${path}: ${typeof key} as a key`)
}

function visitObject(walk: Walk, object: object, path: string): void {
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
    const at = `${path}.${name}`
    if (property.get !== undefined || property.set !== undefined) walk.found.push(`${at}: an accessor`)
    else visit(walk, property.value, at)
  }
}
