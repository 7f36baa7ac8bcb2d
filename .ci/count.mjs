/**
 * `count.mjs REPORT EXITCODE`: reads vitest's JSON report and prints "passed failed". A skipped test counts as a failed
 * one: under CI everything must have run. So does a file that could not be loaded, a report that is missing, a set of
 * tests without interop, and an exit code that the report does not explain. Complaints go to stderr.
 */

import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'

const LINES = 12

const [report = '', exitCode = '1'] = process.argv.slice(2)
const { passed, complaints } = count(report, Number(exitCode))
for (const c of complaints) console.error(c)
console.log(`${passed} ${complaints.length}`)

function count(path, code) {
  if (!existsSync(path)) return { passed: 0, complaints: [`the tests did not finish (exit ${code})`] }
  const files = JSON.parse(readFileSync(path, 'utf8')).testResults
  const complaints = files.flatMap(complaintsOf)
  const passed = files.flatMap((f) => f.assertionResults).filter((t) => t.status === 'passed').length
  if (!files.some((f) => f.name.includes('/test/host/') || f.name.includes('/test/interop/'))) {
    complaints.push('no interop test ran')
  }
  if (code !== 0 && complaints.length === 0) complaints.push(`the tests ended with exit ${code}`)
  return { passed, complaints }
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

function head(text) {
  return text.split('\n').slice(0, LINES).join('\n')
}
