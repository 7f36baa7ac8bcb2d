import { describe, expect, it } from 'vitest'
import { NO_BYTES } from '../../src/lib/empty.ts'
import { createFramePool, frameAlloc, frameBytes, frameRelease, SMALL_PER_SLAB } from '../../src/lib/frame.ts'
import type { Frame } from '../../src/lib/frame.ts'
import { framePoolTrim } from '../../src/lib/frametrim.ts'
import { assertPlain, plainViolations } from './plain.ts'

class Thing { x = 1 }

function plain(): Record<string, unknown> {
  return {
    n: 1, inf: Infinity, s: 'x', b: true, nothing: null, list: [1, [2, { a: 3 }]], map: new Map([[1, { v: 2 }]]),
    set: new Set([1, 'two']), bytes: new Uint8Array(9), words: new Uint32Array(4), bare: Object.create(null) as unknown,
  }
}

describe('assertPlain', () => {
  it('accepts objects, arrays, maps, sets, typed arrays, numbers, strings, booleans and null', () => {
    expect(plainViolations(plain())).toEqual([])
    expect(() => { assertPlain(plain()) }).not.toThrow()
  })

  it('accepts one empty array in two places: it holds nothing', () => {
    const empty = new Uint8Array(0)
    const none: number[] = []
    expect(plainViolations({ a: empty, b: empty, c: none, d: none })).toEqual([])
  })

  const shared = { v: 1 }
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  const slice = new Uint8Array(100).subarray(10, 20)
  const holes: unknown[] = [1]
  holes[5] = 2
  it.each<[string, unknown, string]>([
    ['a function', () => 0, 'state.p: function'],
    ['a method', { run() { return 1 } }, 'state.p.run: function'],
    ['undefined', undefined, 'state.p: undefined'],
    ['a symbol', Symbol('s'), 'state.p: symbol'],
    ['a bigint', 1n, 'state.p: bigint'],
    ['a promise', Promise.resolve(), 'state.p: instance of Promise'],
    ['a class instance', new Thing(), 'state.p: instance of Thing'],
    ['a date', new Date(0), 'state.p: instance of Date'],
    ['an error', new Error('x'), 'state.p: instance of Error'],
    ['a DataView', new DataView(new ArrayBuffer(1)), 'state.p: instance of DataView'],
    ['a Buffer', Buffer.alloc(1), 'state.p: instance of Buffer'],
    ['a view over part of a buffer', slice, 'state.p: a view of 10 bytes over a buffer of 100'],
    ['a subclass of Map', new (class Table extends Map {})(), 'state.p: instance of Table'],
    ['a symbol as a key', { [Symbol('k')]: 1 }, 'state.p: a symbol as a key'],
    ['an accessor', { get v() { return 1 } }, 'state.p.v: an accessor'],
    ['an array with holes', holes, 'state.p: an array of 6 with 2 keys'],
    ['an object as a key of a map', new Map([[{}, 1]]), 'state.p key: object as a key'],
    ['an object in a set', new Set([{}]), 'state.p{}: object as a key'],
    ['one object by two paths', { a: shared, l: [{ b: shared }] }, 'state.p.l[0].b: the same object as state.p.a'],
    ['a cycle', cycle, 'state.p.self: the same object as state.p (a cycle)'],
    ['what is deep inside', new Map([[7, [{ f: () => 0 }]]]), 'state.p[7][0].f: function'],
  ])('finds %s and says where', (_name, planted, line) => {
    const state = { ...plain(), p: planted }
    expect(plainViolations(state)).toContain(line)
    expect(() => { assertPlain(state) }).toThrow(line)
  })

  it('finds a frame, and a view over pooled memory', () => {
    const pool = createFramePool()
    const f = frameAlloc(pool, 10) as Frame
    f.len = 10
    expect(plainViolations({ bytes: frameBytes(f) }, pool)).toEqual(['state.bytes: a view over pooled memory'])
    expect(plainViolations({ slab: f.slab }, pool)).toEqual(['state.slab: a view over pooled memory'])
    expect(plainViolations({ f }, pool)).toContain('state.f.view: instance of DataView')
    expect(plainViolations({ copy: frameBytes(f).slice() }, pool)).toEqual([])
    frameRelease(pool, f)
  })

  it('takes what stands in the place of a slab that was given back for what it is: empty', () => {
    const pool = createFramePool()
    const frames = Array.from({ length: 4 * SMALL_PER_SLAB }, () => frameAlloc(pool, 10) as Frame)
    for (const f of frames) frameRelease(pool, f)
    framePoolTrim(pool)
    framePoolTrim(pool)
    expect(pool.slabs).toContain(NO_BYTES)
    expect(plainViolations({ bytes: NO_BYTES }, pool)).toEqual([])
  })
})
