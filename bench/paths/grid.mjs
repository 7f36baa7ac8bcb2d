/** What the table is over, and how a cell of it is named: `newreno/100ms/10M/droptail/loss0.1/reorder0`. */

export const RTTS_MS = [1, 20, 100, 300]
export const LOSS_PERCENT = [0, 0.01, 0.1, 1, 5]
export const REORDER_PERCENT = [0, 1]
export const RATES_MBPS = [10, 100]
export const QUEUES = ['droptail', 'codel']
export const SEED = 1

/** Every cell for the given algorithms, cheap ones not sorted out: in the order of the table. */
export function allCells(algorithms) {
  const cells = []
  for (const cc of algorithms) {
    for (const queue of QUEUES) {
      for (const mbps of RATES_MBPS) {
        for (const reorder of REORDER_PERCENT) {
          for (const rttMs of RTTS_MS) {
            for (const loss of LOSS_PERCENT) cells.push({ cc, rttMs, mbps, queue, loss, reorder })
          }
        }
      }
    }
  }
  return cells
}

export function cellName({ cc, rttMs, mbps, queue, loss, reorder }) {
  return `${cc}/${rttMs}ms/${mbps}M/${queue}/loss${loss}/reorder${reorder}`
}

/** `{ cc: ['cubic'], rtt: ['100'] }` as given by --only: every key that is named must have one of its values. */
export function chosen(cell, only) {
  const has = {
    cc: cell.cc, rtt: String(cell.rttMs), rate: String(cell.mbps), queue: cell.queue, loss: String(cell.loss),
    reorder: String(cell.reorder),
  }
  return Object.entries(only).every(([key, values]) => values.includes(has[key]))
}

/** Keys that --only takes. */
export const ONLY_KEYS = ['cc', 'rtt', 'rate', 'queue', 'loss', 'reorder']

/** What --short keeps: enough to see the shape. */
export function inShort({ rttMs, mbps, loss, queue }) {
  return rttMs >= 20 && rttMs <= 100 && mbps === 10 && queue === 'droptail' && loss !== 0.01
}

/** Options of vimage/sim's measurePath for a cell: 200 round trips and 10 s at least, after a warm-up. */
export function cellOptions({ cc, rttMs, mbps, queue, loss, reorder }) {
  return {
    seed: SEED, cc, rttUs: rttMs * 1000, rateBps: mbps * 1e6, queue, lossRate: loss / 100, reorderRate: reorder / 100,
  }
}

/** [goodput as a share of the link, retransmitted share, timeouts], rounded as they are kept in the golden file. */
export function cellFigures(result) {
  return [round(result.goodputShare), round(result.retransmittedShare), result.rtos]
}

function round(x) {
  return Number(x.toFixed(4))
}
