/** Checks that a state tree is plain data: no functions, class instances, holes, or views over a bigger buffer. */

/** Paths of everything in `value` that is not plain data; empty when all is well. */
export function notPlain(value: unknown, path = 'state', seen = new Set<object>()): string[] {
  switch (typeof value) {
    case 'number': case 'string': case 'boolean': return []
    case 'object': break
    default: return [`${path}: ${typeof value}`]
  }
  if (value === null) return []
  if (seen.has(value)) return [`${path}: reached twice`]
  seen.add(value)
  if (ArrayBuffer.isView(value)) {
    return value.byteLength === value.buffer.byteLength ? [] : [`${path}: a view over a bigger buffer`]
  }
  if (value instanceof Map) {
    return [...value].flatMap(([k, v]) => [
      ...notPlain(k, `${path} key`, seen), ...notPlain(v, `${path}[${String(k)}]`, seen),
    ])
  }
  if (value instanceof Set) return [...value].flatMap((v) => notPlain(v, `${path}{}`, seen))
  if (Array.isArray(value)) return value.flatMap((v, i) => notPlain(v, `${path}[${i}]`, seen))
  if (Object.getPrototypeOf(value) !== Object.prototype) return [`${path}: ${value.constructor.name}`]
  return Object.entries(value).flatMap(([k, v]) => notPlain(v, `${path}.${k}`, seen))
}
