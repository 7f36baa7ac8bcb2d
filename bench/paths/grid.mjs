/** What the table is over, and how a cell of it is named: `newreno/100ms/10M/droptail/loss0.1/reorder0`. */

export const RTTS_MS = [1, 20, 100, 300]
export const LOSS_PERCENT = [0, 0.01, 0.1, 1, 5]
export const REORDER_PERCENT = [0, 1]
export const RATES_MBPS = [10, 100]
export const QUEUES = ['droptail', 'codel']
export const SEED = 1
/** Connections that share a path to see how fairly: after 20 s, over a minute. */
export const FAIR_FLOWS = 4
const FAIR_PATHS = [{ rttMs: 20, mbps: 10 }, { rttMs: 100, mbps: 10 }, { rttMs: 20, mbps: 100 }]
const FAIR_TIMES = { warmUpUs: 20e6, measureUs: 60e6 }

/** Every cell for the given algorithms, cheap ones not sorted out: in the order of the table. */
export function allCells(algorithms) {
  const cells = []
  for (const cc of algorithms) {
    for (const queue of QUEUES) {
      for (const mbps of RATES_MBPS) {
        for (const reorder of REORDER_PERCENT) {
          for (const rttMs of RTTS_MS) {
            for (const loss of LOSS_PERCENT) cells.push({ cc, rttMs, mbps, queue, loss, reorder, flows: 1 })
          }
        }
      }
    }
  }
  return [...cells, ...algorithms.flatMap(fairCells)]
}

function fairCells(cc) {
  return QUEUES.flatMap((queue) => FAIR_PATHS.map((path) => ({ cc, queue, ...path, loss: 0, reorder: 0, flows: FAIR_FLOWS })))
}

export function cellName({ cc, rttMs, mbps, queue, loss, reorder, flows }) {
  const path = `${cc}/${rttMs}ms/${mbps}M/${queue}`
  return flows > 1 ? `${path}/flows${flows}` : `${path}/loss${loss}/reorder${reorder}`
}

/** `{ cc: ['cubic'], rtt: ['100'] }` as given by --only: every key that is named must have one of its values. */
export function chosen(cell, only) {
  const has = {
    cc: cell.cc, rtt: String(cell.rttMs), rate: String(cell.mbps), queue: cell.queue, loss: String(cell.loss),
    reorder: String(cell.reorder), flows: String(cell.flows),
  }
  return Object.entries(only).every(([key, values]) => values.includes(has[key]))
}

/** Keys that --only takes. */
export const ONLY_KEYS = ['cc', 'rtt', 'rate', 'queue', 'loss', 'reorder', 'flows']

/** What --short keeps: enough to see the shape. */
export function inShort({ rttMs, mbps, loss, queue, flows }) {
  return flows === 1 && rttMs >= 20 && rttMs <= 100 && mbps === 10 && queue === 'droptail' && loss !== 0.01
}

/** Options of vimage/sim's measurePath for a cell: 200 round trips and 10 s at least, after a warm-up. */
export function cellOptions({ cc, rttMs, mbps, queue, loss, reorder, flows }) {
  return {
    seed: SEED, cc, rttUs: rttMs * 1000, rateBps: mbps * 1e6, queue, lossRate: loss / 100, reorderRate: reorder / 100, flows,
    ...(flows > 1 ? FAIR_TIMES : {}),
  }
}

/**
 * [goodput as a share of the link, retransmitted share, timeouts] and, where several share the path, Jain's index:
 * rounded as they are kept in the golden file.
 */
export function cellFigures(result) {
  const { goodputShare, retransmittedShare, rtos, jain, flowBytesPerSecond } = result
  const figures = [round(goodputShare), round(retransmittedShare), rtos]
  return flowBytesPerSecond.length > 1 ? [...figures, round(jain)] : figures
}

function round(x) {
  return Number(x.toFixed(4))
}
