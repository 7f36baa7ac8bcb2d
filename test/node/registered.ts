/**
 * A program of its own under vimage/register: runs the cases of the differential suite with plain `import 'node:net'` and so
 * on, and prints what failed as JSON. Its first argument is a pattern of names.
 */

import dgram from 'node:dgram'
import dns from 'node:dns'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import tls from 'node:tls'
import { CASES } from './cases/index.ts'

const failures: { area: string; name: string; message: string }[] = []
let count = 0
const pattern = new RegExp(process.argv[2] ?? '')
const m = { net, dgram, dns, tls, http, https }

process.on('uncaughtException', (error) => failures.push({ area: '', name: 'uncaught', message: String(error.stack) }))
for (const [area, cases] of Object.entries(CASES)) {
  for (const [name, fn] of cases) {
    if (!pattern.test(name)) continue
    count++
    const late = setTimeout(() => {
      console.log(JSON.stringify({ count, failures: [...failures, { area, name, message: 'it did not end' }] }))
      process.exit(1)
    }, 10_000)
    try {
      await fn(m)
    } catch (error) {
      failures.push({ area, name, message: String((error as Error).message) })
    }
    clearTimeout(late)
  }
}
console.log(JSON.stringify({ count, failures }))
