/** npm run bench: runs the benchmarks and prints a table each, or JSON. See bench/README.md. */

import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { demux } from './demux.mjs'
import { headers } from './headers.mjs'
import { http } from './http.mjs'
import { memory } from './memory.mjs'
import { scale } from './scale.mjs'
import { tap } from './tap.mjs'
import { threads } from './threads.mjs'
import { printTable } from './measure.mjs'

const BENCHMARKS = [headers, demux, scale, memory, threads, tap, http]

const HELP = `Usage: npm run bench -- [options]

  --only NAME   run one benchmark (may be repeated): ${BENCHMARKS.map((b) => b.name).join(', ')}
  --short       fewer and shorter runs: a look, not a figure to quote
  --json        print one JSON object instead of tables
  --help        this text

${BENCHMARKS.map((b) => `${b.name.padEnd(12)}  ${b.title}`).join('\n')}`

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (options.help) {
  console.log(HELP)
} else {
  const unknown = options.only.filter((name) => !BENCHMARKS.some((b) => b.name === name))
  if (unknown.length > 0) {
    console.error(`No benchmark is called ${unknown.join(', ')}.\n\n${HELP}`)
    process.exit(2)
  }
  const chosen = BENCHMARKS.filter((b) => options.only.length === 0 || options.only.includes(b.name))
  const machine = { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, short: options.short }
  const results = {}
  if (!options.json) console.log(`Node ${machine.node}, ${machine.cores} × ${machine.cpu}${options.short ? ', short runs' : ''}`)
  for (const benchmark of chosen) {
    const result = await benchmark.run({ short: options.short })
    results[benchmark.name] = result.skipped === undefined ? result : { skipped: result.skipped }
    if (!options.json) printTable(benchmark.title, result)
  }
  if (options.json) console.log(JSON.stringify({ machine, results }, null, 2))
}
