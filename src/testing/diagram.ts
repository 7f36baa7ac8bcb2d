/** A simulation as a sequence diagram: hosts as columns, time downwards, every packet an arrow to where it arrived. */

import { printFrame } from '../wire/print.ts'
import type { Passage, Recorder } from './recorder.ts'

const COLUMN = 260
const LEFT = 120
const TOP = 60
const ROW = 22
/** More arrows than this nobody reads; the last ones are shown. */
const ARROWS_MAX = 1500

interface Row { atUs: number; y: number; passage: Passage | null; note: string }

export function timelineHtml(recorder: Recorder, hosts: readonly string[], title: string): string {
  const passages = recorder.list().filter((p) => p.from !== '')
  const shown = passages.slice(-ARROWS_MAX)
  const from = shown[0]?.sentUs ?? 0
  const events = [
    ...shown.map((passage) => ({ atUs: passage.sentUs, passage, note: '' })),
    ...recorder.notes.filter((n) => n.atUs >= from || shown.length < ARROWS_MAX)
      .map((n) => ({ atUs: n.atUs, passage: null, note: n.text })),
  ].sort((a, b) => a.atUs - b.atUs)
  const rows: Row[] = events.map((e, i) => ({ ...e, y: TOP + 30 + i * ROW }))
  const x = new Map(hosts.map((name, i) => [name, LEFT + COLUMN / 2 + i * COLUMN]))
  const width = LEFT + Math.max(1, hosts.length) * COLUMN
  const height = TOP + 60 + rows.length * ROW
  const columns = hosts.map((name) => `<text x="${x.get(name)}" y="${TOP - 20}" class="host">${escape(name)}</text>` +
    `<path d="M${x.get(name)} ${TOP - 8}V${height - 10}" class="life"/>`)
  const left = passages.length - shown.length
  return `<!doctype html><meta charset="utf-8"><title>${escape(title.split('\n')[0])}</title>
<style>body{font:13px system-ui,sans-serif;margin:16px;color:#111;background:#fff}pre{background:#f6f6f6;padding:8px;overflow:auto}
.host{font-weight:600;text-anchor:middle}.life{stroke:#bbb}.t{fill:#666;text-anchor:end;font-size:11px}
.a{stroke:#2563eb;fill:none;marker-end:url(#h)}.lost{stroke:#dc2626;fill:none;stroke-dasharray:4 3}
.x{fill:#dc2626;font-weight:700;text-anchor:middle}
.l{font-size:11px;text-anchor:middle;fill:#333}.n{fill:#b45309;font-weight:600}g:hover .l{font-weight:700;fill:#000}</style>
<pre>${escape(title)}</pre>${left > 0 ? `<p>${left} earlier packets are left out.</p>` : ''}
<svg width="${width}" height="${height}" xmlns="http://www.w3.org/2000/svg">
<defs><marker id="h" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0L8 4L0 8z" fill="#2563eb"/></marker></defs>
${columns.join('\n')}
${rows.map((r) => drawn(r, rows, x, width)).join('\n')}
</svg>
`
}

function drawn(row: Row, rows: readonly Row[], x: ReadonlyMap<string, number>, width: number): string {
  const { y, passage: p } = row
  const stamp = `<text x="${LEFT - 30}" y="${y + 4}" class="t">${(row.atUs / 1000).toFixed(3)} ms</text>`
  if (p === null) {
    const text = `<text x="${LEFT}" y="${y + 4}" class="n">${escape(row.note)}</text>`
    return `${stamp}<path d="M${LEFT - 20} ${y}H${width}" stroke="#fde68a"/>${text}`
  }
  const text = printFrame(p.bytes, 0, p.bytes.length, p.linkType)
  const from = x.get(p.from) ?? LEFT
  const arrived = p.arrivedUs >= 0
  const to = x.get(p.to) ?? from + COLUMN / 2
  // the arrow ends among the rows of its arrival, so that what overtakes another is seen to
  const end = arrived ? Math.min(y + 8 * ROW, rows.findLast((r) => r.atUs <= p.arrivedUs)?.y ?? y) : y + 8
  const stop = arrived ? to : from + (to - from) * 0.6
  const line = `<path d="M${from} ${y}L${stop} ${Math.max(end, y + 3)}" class="${arrived ? 'a' : 'lost'}"/>` +
    (arrived ? '' : `<text x="${stop}" y="${end + 5}" class="x">×</text>`)
  const label = `<text x="${(from + stop) / 2}" y="${y - 3}" class="l">${escape(short(text))}</text>`
  return `<g><title>${escape(text)}</title>${stamp}${line}${label}</g>`
}

/** Without addresses, which the columns say. */
function short(text: string): string {
  const body = text.replace(/^.*?\d+ > [^:]*[:.]\d+: ?/, '').replace(/^IP6? /, '')
  return body.length > 46 ? `${body.slice(0, 45)}…` : body
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c)
}
