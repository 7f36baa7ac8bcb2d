/**
 * The table as text: one block for each algorithm, queue and rate; goodput % (retransmitted %, timeouts) in a cell.
 * Last, how fairly several connections share a path.
 */

import Table from 'cli-table3'
import {
  FAIR_FLOWS, LOSS_PERCENT, QUEUES, RATES_MBPS, REORDER_PERCENT, RTTS_MS, allCells, cellName,
} from './grid.mjs'

export function tableText(results, algorithms) {
  const blocks = []
  for (const cc of algorithms) {
    for (const queue of QUEUES) {
      for (const mbps of RATES_MBPS) {
        const text = block(results, cc, queue, mbps)
        if (text !== '') blocks.push(`${cc}, ${mbps} Mb/s, ${queue}\n${text}`)
      }
    }
  }
  const fair = fairness(results, algorithms)
  if (fair !== '') blocks.push(`${FAIR_FLOWS} connections on one path\n${fair}`)
  return blocks.join('\n\n')
}

function fairness(results, algorithms) {
  const head = ['', 'RTT', 'rate', 'queue', 'goodput', 'retransmitted', 'timeouts', 'Jain']
  const table = new Table({ head, style: { head: [], border: [] } })
  for (const cell of allCells(algorithms)) {
    const figures = results[cellName(cell)]
    if (cell.flows === 1 || figures === undefined) continue
    const [goodput, again, rtos, jain] = figures
    table.push([
      cell.cc, `${cell.rttMs} ms`, `${cell.mbps} Mb/s`, cell.queue, `${(goodput * 100).toFixed(1)} %`,
      `${(again * 100).toFixed(1)} %`, rtos, jain.toFixed(3),
    ])
  }
  return table.length > 0 ? table.toString() : ''
}

function block(results, cc, queue, mbps) {
  const head = ['RTT', 'reordered', ...LOSS_PERCENT.map((loss) => `loss ${loss} %`)]
  const table = new Table({ head, style: { head: [], border: [] } })
  let any = false
  for (const rttMs of RTTS_MS) {
    for (const reorder of REORDER_PERCENT) {
      const cells = LOSS_PERCENT.map((loss) => results[cellName({ cc, rttMs, mbps, queue, loss, reorder, flows: 1 })])
      if (cells.every((c) => c === undefined)) continue
      any = true
      table.push([`${rttMs} ms`, `${reorder} %`, ...cells.map((c) => (c === undefined ? '' : cellText(c)))])
    }
  }
  return any ? table.toString() : ''
}

function cellText([goodput, again, rtos]) {
  return `${(goodput * 100).toFixed(1)} (${(again * 100).toFixed(1)}, ${rtos})`
}
