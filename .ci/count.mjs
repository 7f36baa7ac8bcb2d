/**
 * `count.mjs REPORT EXITCODE`: reads vitest's JSON report and prints "passed failed". A skipped test counts as a failed
 * one: under CI everything must have run. So does a file that could not be loaded, a report that is missing, a set of
 * tests without interop, and an exit code that the report does not explain. Complaints go to stderr, and so do the names
 * of tests that passed only when repeated (vitest.config.ts says which may), and the files that took longest: the whole is
 * to stay within a quarter of an hour.
 */

import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'

const LINES = 12
/** Files named as slow: as many, and only those that took so long. */
const SLOW_FILES = 12
const SLOW_MS = 5000

const [report = '', exitCode = '1'] = process.argv.slice(2)
const { passed, complaints, repeated, slow } = count(report, Number(exitCode))
for (const line of [...complaints, ...repeated, ...slow]) console.error(line)
console.log(`${passed} ${complaints.length}`)

function count(path, code) {
  if (!existsSync(path)) {
    return { passed: 0, complaints: [`the tests did not finish (exit ${code})`], repeated: [], slow: [] }
  }
  const files = JSON.parse(readFileSync(path, 'utf8')).testResults
  const complaints = files.flatMap(complaintsOf)
  const passed = files.flatMap((f) => f.assertionResults).filter((t) => t.status === 'passed').length
  if (!files.some((f) => f.name.includes('/test/host/') || f.name.includes('/test/interop/'))) {
    complaints.push('no interop test ran')
  }
  if (code !== 0 && complaints.length === 0) complaints.push(`the tests ended with exit ${code}`)
  return { passed, complaints, repeated: files.flatMap(repeatedOf), slow: slowest(files) }
}

function slowest(files) {
  return files.map((f) => ({ name: relative(process.cwd(), f.name), ms: f.endTime - f.startTime }))
    .filter(({ ms }) => ms > SLOW_MS).sort((a, b) => b.ms - a.ms).slice(0, SLOW_FILES)
    .map(({ name, ms }) => `SLOW ${Math.round(ms / 1000)} s ${name}`)
}

function complaintsOf(file) {
  const name = relative(process.cwd(), file.name)
  const bad = file.assertionResults.filter((t) => t.status !== 'passed')
  if (file.status === 'failed' && bad.length === 0) return [`FAILED ${name}: ${head(file.message)}`]
  if (file.assertionResults.length === 0) return [`EMPTY ${name}`]
  return bad.map((t) => t.status === 'failed'
    ? `FAILED ${name} > ${t.fullName}\n${head(t.failureMessages.join('\n'))}`
    : `SKIPPED ${name} > ${t.fullName}`)
}

function repeatedOf(file) {
  return file.assertionResults.filter((t) => t.status === 'passed' && t.failureMessages.length > 0)
    .map((t) => `REPEATED ${relative(process.cwd(), file.name)} > ${t.fullName}: ${t.failureMessages[0].split('\n')[0]}`)
}

function head(text) {
  return text.split('\n').slice(0, LINES).join('\n')
}
