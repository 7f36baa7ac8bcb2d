/** Results in words: a line a script, and for a failure the two packets (or results) side by side. */

import type { ScriptResult } from './run.ts'

export function printResult(r: ScriptResult): string {
  if (r.status === 'passed') return `${r.name}: passed`
  const lines = [`${r.name}:${r.line}: ${r.status}: ${r.message}`]
  if (r.expected !== '') lines.push(`  expected  ${r.expected}`)
  if (r.actual !== '') lines.push(`  actual    ${r.actual}`)
  return lines.join('\n')
}

/** `N passed, N failed`; what is unsupported has failed. */
export function printTally(results: readonly ScriptResult[]): string {
  const passed = results.filter((r) => r.status === 'passed').length
  return `${passed} passed, ${results.length - passed} failed`
}
