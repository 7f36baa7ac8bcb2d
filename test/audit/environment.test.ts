import { describe, expect, it } from 'vitest'
import { traffic } from './traffic.ts'

const FORBIDDEN: [holder: object, name: string][] = [
  [Date, 'now'], [Math, 'random'], [performance, 'now'], [crypto, 'getRandomValues'], [crypto, 'randomUUID'],
  [process, 'hrtime'], [process, 'nextTick'], [console, 'log'], [console, 'warn'], [console, 'error'],
  ...['Date', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch'].map((name): [object, string] =>
    [globalThis, name]),
]

describe('invariant 2: the core reads no clock, no randomness, no environment', () => {
  it('works in a world where reading any of them throws', () => {
    expect(without(FORBIDDEN, () => traffic().seen)).toEqual({ pings: 3, datagrams: 2, bytes: 200_000, unreachable: 1 })
  })

  it.each(FORBIDDEN.map(([holder, name]) => [name, holder] as const))('(%s does throw in it)', (name, holder) => {
    const used = (): unknown => (holder as Record<string, () => unknown>)[name]()
    expect(() => without(FORBIDDEN, used)).toThrow(`${name} was used`)
  })

  it('same seed, same inputs: byte-identical captures; another seed: others', () => {
    expect(traffic(7).capture).toEqual(traffic(7).capture)
    expect(traffic(7).capture).not.toEqual(traffic(8).capture)
  })
})

/** Calls `fn` while every one of `names` throws. */
function without<T>(names: [object, string][], fn: () => T): T {
  const saved = names.map(([holder, name]) => Object.getOwnPropertyDescriptor(holder, name))
  try {
    for (const [holder, name] of names) {
      const value = (): never => { throw new Error(`${name} was used`) }
      Object.defineProperty(holder, name, { value, configurable: true, writable: true })
    }
    return fn()
  } finally {
    names.forEach(([holder, name], i) => {
      const before = saved[i]
      if (before === undefined) Reflect.deleteProperty(holder, name)
      else Object.defineProperty(holder, name, before)
    })
  }
}
