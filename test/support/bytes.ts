/** Comparing files: vitest's own comparison of long byte arrays takes seconds and prints pages. */

/** '' when equal, else where the two differ first. */
export function bytesDiffer(a: Uint8Array, b: Uint8Array): string {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return `byte ${i}: ${a[i]} and ${b[i]}`
  return a.length === b.length ? '' : `lengths ${a.length} and ${b.length}`
}

/** The same for lists of files. */
export function filesDiffer(a: readonly Uint8Array[], b: readonly Uint8Array[]): string {
  if (a.length !== b.length) return `${a.length} and ${b.length} files`
  for (let i = 0; i < a.length; i++) {
    const differ = bytesDiffer(a[i], b[i])
    if (differ !== '') return `file ${i}, ${differ}`
  }
  return ''
}
