/** Random numbers of simulated programs follow from the seed: Math.random, and what `crypto` draws in JavaScript. */

import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { randomInt32 } from '../kern/random.ts'
import type { RandomState } from '../kern/random.ts'
import type { Patches } from '../node/patches.ts'
import type { Scopes } from './scope.ts'

type Done = (error: Error | null, result: unknown) => void

/**
 * OpenSSL's own (keys, TLS) stay real. A program that took a function out of `crypto` before the simulation began keeps the
 * real one, too; the ESM bindings of `node:crypto` follow.
 */
export function patchRandomness(patches: Patches, scopes: Scopes): void {
  const drawn = (): RandomState | null => scopes.getStore()?.random ?? null
  patches.method(Math, 'random', (original: () => number) => () => {
    const random = drawn()
    return random === null ? original() : unit(random)
  })
  type Fill = (view: NodeJS.ArrayBufferView, ...rest: unknown[]) => unknown
  patches.method(crypto, 'randomFillSync', (original: Fill): Fill => (view, ...rest) => {
    const random = drawn()
    return random === null ? original(view, ...rest) : fill(random, view, Number(rest[0] ?? 0), rest[1] as number | undefined)
  })
  patches.method(crypto, 'randomFill', (original: Fill): Fill => (view, ...rest) => {
    const random = drawn()
    const done = rest.at(-1) as Done
    if (random === null) return original(view, ...rest)
    fill(random, view, typeof rest[0] === 'number' ? rest[0] : 0, typeof rest[1] === 'number' ? rest[1] : undefined)
    setImmediate(done, null, view)
    return undefined
  })
  patches.method(crypto, 'randomBytes', (original: (size: number, done?: Done) => unknown) => (size: number, done?: Done) => {
    const random = drawn()
    if (random === null) return original(size, done)
    const bytes = fill(random, Buffer.alloc(size), 0, undefined)
    if (done === undefined) return bytes
    setImmediate(done, null, bytes)
    return undefined
  })
  patches.method(crypto, 'randomInt', (original: (...args: unknown[]) => unknown) => (...args: unknown[]) => {
    const random = drawn()
    const numbers = args.filter((a): a is number => typeof a === 'number')
    if (random === null || numbers.length === 0) return original(...args)
    const [low, high] = numbers.length === 1 ? [0, numbers[0]] : numbers
    const drawnInt = low + Math.floor(unit(random) * (high - low))
    const done = args.at(-1)
    if (typeof done !== 'function') return drawnInt
    setImmediate(done as Done, null, drawnInt)
    return undefined
  })
  patches.method(crypto, 'randomUUID', (original: (...args: unknown[]) => string) => (...args: unknown[]) => {
    const random = drawn()
    return random === null ? original(...args) : uuid(random)
  })
  const web = globalThis.crypto
  patches.method(web, 'getRandomValues', (original: (view: NodeJS.ArrayBufferView) => unknown) => (view: NodeJS.ArrayBufferView) => {
    const random = drawn()
    return random === null ? original.call(web, view) : fill(random, view, 0, undefined)
  })
  patches.method(web, 'randomUUID', (original: () => string) => () => {
    const random = drawn()
    return random === null ? original.call(web) : uuid(random)
  })
  syncBuiltinESMExports()
}

/** Uniform in 0 ≤ x < 1, of 53 bits. */
function unit(random: RandomState): number {
  return ((randomInt32(random) >>> 5) * 0x4000000 + (randomInt32(random) >>> 6)) / 0x20000000000000
}

function fill<T extends NodeJS.ArrayBufferView>(random: RandomState, view: T, at: number, size: number | undefined): T {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  const end = size === undefined ? bytes.length : at + size
  for (let i = at; i < end; i++) bytes[i] = randomInt32(random)
  return view
}

function uuid(random: RandomState): string {
  const b = fill(random, Buffer.alloc(16), 0, undefined)
  b[6] = b[6] & 0x0f | 0x40
  b[8] = b[8] & 0x3f | 0x80
  return b.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
