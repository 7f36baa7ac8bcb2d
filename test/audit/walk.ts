/** Walks what a module exports, as far as references lead. Closures cannot be looked into: lint answers for those. */

const TypedArray = Object.getPrototypeOf(Uint8Array) as new () => { length: number }

/** Paths of everything mutable that is reachable from `value`. */
export function mutableIn(value: unknown, path: string): string[] {
  const found: string[] = []
  walk(value, path, new Set(), (x, at) => {
    if (isMutable(x)) found.push(at)
  })
  return found
}

/** All primitive values reachable from `value`, by path: equal before and after when nothing has changed. */
export function picture(value: unknown, path: string): Map<string, unknown> {
  const seen = new Map<string, unknown>()
  walk(value, path, new Set(), (x, at) => seen.set(at, typeof x === 'object' || typeof x === 'function' ? typeof x : x))
  return seen
}

function walk(value: unknown, path: string, seen: Set<unknown>, visit: (x: unknown, path: string) => void): void {
  if (seen.has(value)) return
  if (isReference(value)) seen.add(value)
  visit(value, path)
  if (!isReference(value)) return
  if (value instanceof Map) for (const [k, v] of value) walk(v, `${path}[${String(k)}]`, seen, visit)
  else if (value instanceof Set) [...value].forEach((v, i) => walk(v, `${path}{${i}}`, seen, visit))
  for (const key of Reflect.ownKeys(value)) {
    const property = Object.getOwnPropertyDescriptor(value, key) as Record<string, unknown>
    // looking through an accessor would run it; the functions behind it can carry state of their own
    for (const part of ['value', 'get', 'set']) {
      if (part in property) walk(property[part], `${path}.${String(key)}`, seen, visit)
    }
  }
}

function isReference(x: unknown): x is object {
  return (typeof x === 'object' && x !== null) || typeof x === 'function'
}

/** Functions and prototypes are code: their own properties are walked, they themselves are let be. */
function isMutable(x: unknown): boolean {
  if (!isReference(x) || typeof x === 'function') return false
  if (x instanceof RegExp) return x.global || x.sticky
  if ([Map, Set, WeakMap, WeakSet, Date].some((type) => x instanceof type)) return true
  if (x instanceof TypedArray) return x.length > 0
  if (x instanceof ArrayBuffer) return x.byteLength > 0
  return !Object.isFrozen(x) && !isPrototype(x)
}

function isPrototype(x: object): boolean {
  const make = Object.getOwnPropertyDescriptor(x, 'constructor')?.value as unknown
  return typeof make === 'function' && make.prototype === x
}
