/** How benchmarks measure: medians after a warm-up, units in the names, a baseline beside each figure. */

import Table from 'cli-table3'

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * Median ns of one call of `once(i)`. `once` returns a number that is summed up, so that the work cannot be optimized
 * away; `i` counts calls.
 */
export function nsPerCall(once, { short }) {
  let sink = 0
  let calls = 64
  const batch = () => {
    const start = process.hrtime.bigint()
    for (let i = 0; i < calls; i++) sink += once(i)
    return Number(process.hrtime.bigint() - start)
  }
  const target = short ? 2e6 : 10e6
  while (batch() < target) calls *= 2
  for (let i = 0; i < 5; i++) batch()
  const figures = []
  for (let i = 0; i < (short ? 9 : 25); i++) figures.push(batch() / calls)
  if (Number.isNaN(sink)) throw new Error('a benchmark computes nothing')
  return median(figures)
}

/** Median of several runs of `once`, which returns a figure; the first run is a warm-up and not counted. */
export async function medianOf(runs, once) {
  await once()
  const figures = []
  for (let i = 0; i < runs; i++) figures.push(await once())
  return median(figures)
}

/** Rows: { figure: { key: value }, baseline: { key: value }, ratio }. */
export function row(key, value, baseKey, base) {
  return { key, value, baseKey, base, ratio: value / base }
}

/** Gbit/s of `bytes` in `us` microseconds. */
export function gbps(bytes, us) {
  return bytes * 8 / us / 1000
}

export function printTable(title, result) {
  console.log(`\n${title}`)
  if (result.skipped !== undefined) {
    console.log(`  skipped: ${result.skipped}`)
    return
  }
  const table = new Table({ head: ['figure', 'value', 'baseline', 'value', 'ratio'], style: { head: [], border: [] } })
  for (const r of result.rows) {
    table.push([r.key, number(r.value), r.baseKey ?? '', r.base === undefined ? '' : number(r.base),
      r.base === undefined ? '' : r.ratio.toFixed(r.ratio < 0.1 ? 3 : 2)])
  }
  console.log(table.toString())
  if (result.note !== undefined) console.log(result.note)
}

function number(value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return value.toPrecision(3)
}
