/**
 * npm run bench:paths: TCP over bad paths, in virtual time. The figures are the same on every machine; they are kept in
 * paths.golden.json and compared by test/sim/paths-golden.test.ts. See bench/README.md.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { CC_NAMES } from '../dist/sim/index.js'
import { ONLY_KEYS, allCells, cellName, chosen, inShort } from './paths/grid.mjs'
import { tableSvg } from './paths/svg.mjs'
import { tableText } from './paths/table.mjs'

const GOLDEN = join(import.meta.dirname, 'paths.golden.json')

const HELP = `Usage: npm run bench:paths -- [options]

  --only KEY=VALUE,…  a part of the table (may be repeated); keys: ${ONLY_KEYS.join(', ')}
                      (algorithms: ${CC_NAMES.join(', ')})
  --short             20 and 100 ms, 10 Mb/s, drop-tail
  --json              figures as JSON: [goodput share, retransmitted share, timeouts, perhaps Jain's index] by cell
  --svg FILE          a picture of the goodput, too
  --golden            write the figures into bench/paths.golden.json
  --from-golden       show what is kept there, measure nothing
  --after SECONDS     a longer warm-up, to see what slow start leaves behind; not for the golden file
  --threads N         default: one for each core
  --help              this text`

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    svg: { type: 'string' },
    golden: { type: 'boolean', default: false },
    'from-golden': { type: 'boolean', default: false },
    after: { type: 'string' },
    threads: { type: 'string', default: String(availableParallelism()) },
    help: { type: 'boolean', default: false },
  },
})

if (options.help) console.log(HELP)
else await main()

async function main() {
  const only = parseOnly(options.only)
  const cells = allCells(CC_NAMES).filter((c) => chosen(c, only) && (!options.short || inShort(c)))
  if (cells.length === 0) return refuse('No cell of the table is chosen.')
  if (options.golden && options.after !== undefined) return refuse('--after and --golden do not go together.')
  const results = options['from-golden'] ? kept(cells) : await measure(cells, Math.max(1, Number(options.threads)))
  const algorithms = CC_NAMES.filter((cc) => cells.some((c) => c.cc === cc))
  if (options.golden) writeGolden(results)
  if (options.svg !== undefined) writeFileSync(options.svg, tableSvg(results, algorithms))
  console.log(options.json ? JSON.stringify(results, null, 1) : tableText(results, algorithms))
}

/** ['cc=cubic', 'rtt=20,100'] as { cc: ['cubic'], rtt: ['20', '100'] }. */
function parseOnly(list) {
  const only = {}
  for (const item of list) {
    const [key, values] = item.split('=')
    if (!ONLY_KEYS.includes(key) || values === undefined) return refuse(`--only ${item} is not KEY=VALUE,…`)
    only[key] = [...(only[key] ?? []), ...values.split(',')]
  }
  return only
}

/** Threads take the next cell when they have done one: cells differ in cost by a factor of a hundred. */
async function measure(cells, threads) {
  const figures = new Array(cells.length)
  // the dearest first, so that no thread begins one at the end
  const order = cells.map((_, i) => i).sort((i, j) => cost(cells[j]) - cost(cells[i]) || i - j)
  let done = 0
  const tty = process.stderr.isTTY === true
  const progress = () => {
    if (!tty && done < cells.length && done % 20 !== 0) return
    process.stderr.write(`${tty ? '\r' : ''}${done} of ${cells.length} cells${tty && done < cells.length ? '' : '\n'}`)
  }
  await Promise.all(Array.from({ length: Math.min(threads, cells.length) }, () => new Promise((resolve, reject) => {
    const worker = new Worker(join(import.meta.dirname, 'paths/worker.mjs'))
    const next = () => {
      const index = order.shift()
      if (index !== undefined) worker.postMessage({ index, cell: cells[index], more: moreOptions() })
      else void worker.terminate().then(resolve)
    }
    worker.on('error', reject)
    worker.on('message', ({ index, figures: f }) => {
      figures[index] = f
      done++
      progress()
      next()
    })
    next()
  })))
  return Object.fromEntries(cells.map((cell, i) => [cellName(cell), figures[i]]))
}

function moreOptions() {
  if (options.after === undefined) return {}
  const seconds = Number(options.after)
  return seconds > 0 ? { warmUpUs: seconds * 1e6 } : refuse(`--after ${options.after} is no time`)
}

function cost({ rttMs, mbps, loss, flows }) {
  return mbps * Math.max(flows > 1 ? 80 : 12, 0.25 * rttMs) / (1 + 10 * loss)
}

function golden() {
  return JSON.parse(readFileSync(GOLDEN, 'utf8'))
}

function kept(cells) {
  const all = golden()
  return Object.fromEntries(cells.map(cellName).filter((name) => name in all).map((name) => [name, all[name]]))
}

/** One cell a line, in the table's order; cells that were not measured now stay as they are. */
function writeGolden(results) {
  let before = {}
  try {
    before = golden()
  } catch {
    // the first time
  }
  const all = { ...before, ...results }
  const lines = allCells(CC_NAMES).map(cellName).filter((name) => name in all)
    .map((name) => ` ${JSON.stringify(name)}: ${JSON.stringify(all[name])}`)
  writeFileSync(GOLDEN, `{\n${lines.join(',\n')}\n}\n`)
}

function refuse(message) {
  console.error(`${message}\n\n${HELP}`)
  process.exit(2)
}
