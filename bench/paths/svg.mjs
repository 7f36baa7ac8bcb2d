/** The table as a picture: goodput from black (nothing) over red to green (all of the link). */

import { LOSS_PERCENT, QUEUES, RATES_MBPS, REORDER_PERCENT, RTTS_MS, cellName } from './grid.mjs'

const CELL_W = 46
const CELL_H = 20
const LEFT = 104
const TOP = 42
const GAP = 24
const COLUMNS = LOSS_PERCENT.length

export function tableSvg(results, algorithms) {
  const rows = RTTS_MS.length * REORDER_PERCENT.length
  const panelW = LEFT + COLUMNS * CELL_W + GAP
  const panelH = TOP + rows * CELL_H + GAP
  const across = QUEUES.length * RATES_MBPS.length
  const panels = algorithms.flatMap((cc, y) => QUEUES.flatMap((queue, q) => RATES_MBPS.map((mbps, r) =>
    panel(results, cc, queue, mbps, (q * RATES_MBPS.length + r) * panelW + GAP, y * panelH + GAP))))
  const [w, h] = [across * panelW + GAP, algorithms.length * panelH + GAP]
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" ` +
    `font-family="sans-serif" font-size="11">\n<rect width="${w}" height="${h}" fill="#fff"/>\n${panels.join('\n')}\n</svg>\n`
}

function panel(results, cc, queue, mbps, x, y) {
  const parts = [text(x, y + 12, `${cc}, ${mbps} Mb/s, ${queue}: goodput, % of the link`, 'bold')]
  LOSS_PERCENT.forEach((loss, i) => {
    parts.push(text(x + LEFT + (i + 0.5) * CELL_W, y + TOP - 8, `${loss} %`, 'normal', 'middle'))
  })
  parts.push(text(x, y + TOP - 8, 'loss'))
  let row = 0
  for (const rttMs of RTTS_MS) {
    for (const reorder of REORDER_PERCENT) {
      const top = y + TOP + row++ * CELL_H
      parts.push(text(x, top + 14, `${rttMs} ms${reorder > 0 ? `, ${reorder} % reord.` : ''}`))
      LOSS_PERCENT.forEach((loss, i) => {
        const cell = results[cellName({ cc, rttMs, mbps, queue, loss, reorder, flows: 1 })]
        if (cell !== undefined) parts.push(square(x + LEFT + i * CELL_W, top, cell[0]))
      })
    }
  }
  return parts.join('\n')
}

function square(x, y, share) {
  const s = Math.min(1, Math.max(0, share))
  const light = Math.round(25 + 45 * s)
  return `<rect x="${x}" y="${y}" width="${CELL_W - 1}" height="${CELL_H - 1}" fill="hsl(${Math.round(120 * s)},65%,${light}%)"/>` +
    text(x + CELL_W / 2, y + 14, (share * 100).toFixed(1), 'normal', 'middle', s < 0.35 ? '#fff' : '#000')
}

function text(x, y, words, weight = 'normal', anchor = 'start', fill = '#000') {
  return `<text x="${x}" y="${y}" font-weight="${weight}" text-anchor="${anchor}" fill="${fill}">${words}</text>`
}
