/** How much a state tree holds: for tests that nothing grows without bound, and that everything is given back. */

/** Number of entries of every Map, Set, array and typed array in `state`, by path; paths in `except` are left out. */
export function tableSizes(state: unknown, except: readonly string[] = []): Record<string, number> {
  const sizes: Record<string, number> = {}
  visit(state, '', except, sizes)
  return sizes
}

/** What a socket of TCP holds, which gives more back when it sleeps (tcp/dormant.ts). */
const OF_A_SOCKET = /^tcp\.tcbs\[/

/** One line for each table that has another size than before; of a socket's own, for each that is larger. */
export function sizesDiffer(before: Record<string, number>, after: Record<string, number>): string[] {
  const paths = new Set([...Object.keys(before), ...Object.keys(after)])
  const differs = (p: string, was: number, is: number): boolean => OF_A_SOCKET.test(p) ? is > was : is !== was
  return [...paths].filter((p) => differs(p, before[p] ?? 0, after[p] ?? 0)).map((p) => `${p}: ${before[p] ?? 0} -> ${after[p] ?? 0}`)
}

function visit(value: unknown, path: string, except: readonly string[], sizes: Record<string, number>): void {
  if (typeof value !== 'object' || value === null || except.includes(path)) return
  if (ArrayBuffer.isView(value)) {
    sizes[path] = value.byteLength
    return
  }
  if (value instanceof Map || value instanceof Set) {
    sizes[path] = value.size
    for (const [key, item] of value.entries()) if (item !== key) visit(item, `${path}[${String(key)}]`, except, sizes)
    return
  }
  if (Array.isArray(value)) {
    sizes[path] = value.length
    value.forEach((item, i) => { visit(item, `${path}[${i}]`, except, sizes) })
    return
  }
  for (const [name, item] of Object.entries(value)) visit(item, path === '' ? name : `${path}.${name}`, except, sizes)
}
