/**
 * A time-sequence graph of one connection from its event trace, as SVG: segments as strokes over time, the ACK and window
 * lines, congestion window and flight below, and what held the sender as a coloured band. A mark's tooltip says why.
 */

import { tcpTraceLine } from '../tcp/trace-read.ts'
import type { TcpTraceEvent } from '../tcp/trace-read.ts'

export interface TraceSvgOptions {
  title?: string
  width?: number
  height?: number
}

/**
 * Draws the events of one connection, in the direction that carried more data. The text is a whole SVG document; without
 * events it says so.
 */
export function traceSvg(events: readonly TcpTraceEvent[], options: TraceSvgOptions = {}): string {
  const { title = '', width = 1100, height = 680 } = options
  const body = events.length === 0 ? text(width / 2, height / 2, 'no events', 'middle') : draw(events, width, height)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    'font-family="system-ui, sans-serif" font-size="12">\n' +
    `<rect width="${width}" height="${height}" fill="#fff"/>\n${text(LEFT, 20, title, 'start', '#111', 15)}\n${body}\n</svg>\n`
}

const LEFT = 90
const RIGHT = 24
const TOP = 56
const GAP = 40
const BOTTOM = 44
const LOWER = 130
const BAND = 12

const COLOURS = Object.freeze({
  data: '#1d4ed8', again: '#dc2626', ack: '#15803d', window: '#d97706', cwnd: '#7c3aed', flight: '#6b7280', grid: '#e5e7eb',
})

/** Colour of the band by the first word that fits. */
const HOLDS: readonly (readonly [string, string, string])[] = Object.freeze(([
  ['peer\'s window', '#fbbf24', 'peer\'s window'],
  ['congestion window', '#c4b5fd', 'congestion window'],
  ['Nagle', '#fca5a5', 'Nagle'],
  ['cork', '#fda4af', 'cork'],
  ['send buffer', '#93c5fd', 'send buffer'],
  ['silly window', '#fcd34d', 'silly window'],
] as const).map((row) => Object.freeze(row)))

interface Point { at: number; value: number }
/** A segment of the drawn direction, its numbers without wrapping. */
interface Stroke { e: TcpTraceEvent; from: number; to: number; again: boolean }

function draw(events: readonly TcpTraceEvent[], width: number, height: number): string {
  const direction = octets(events, 'out') >= octets(events, 'in') ? 'out' : 'in'
  const strokes = strokesOf(events, direction)
  const { acks, edges } = answersOf(events, direction, strokes[0]?.from ?? 0)
  const first = events[0].atUs
  const span = Math.max(1, events[events.length - 1].atUs - first)
  const values = [...strokes.flatMap((s) => [s.from, s.to]), ...acks.map((p) => p.value)]
  const low = Math.min(...values, 0)
  const dataHigh = Math.max(...values, 1)
  // a window of a megabyte above ten segments would leave nothing to see
  const high = Math.min(Math.max(dataHigh, ...edges.map((p) => p.value)), dataHigh + (dataHigh - low) * 0.5)
  const x = (at: number): number => LEFT + (at - first) / span * (width - LEFT - RIGHT)
  const upperEnd = height - BOTTOM - LOWER - GAP
  const y = (value: number): number => upperEnd - (Math.min(value, high) - low) / Math.max(1, high - low) * (upperEnd - TOP)
  const lowerTop = upperEnd + GAP
  const cwnd = events.filter((e) => e.cwnd > 0 && e.kind !== 'drop').map((e) => ({ at: e.atUs, value: e.cwnd }))
  const flight = flightOf(strokes, acks)
  const most = Math.max(1, ...cwnd.map((p) => Math.min(p.value, 0x3fffffff)), ...flight.map((p) => p.value))
  const y2 = (value: number): number => lowerTop + LOWER - Math.min(value, most) / most * LOWER
  return [
    legend(direction),
    axes(ticks(0, span / 1e6, 10).map((s) => ({ at: x(first + s * 1e6), label: `${tidy(s)} s` })), TOP, lowerTop + LOWER),
    levels(ticks(low, high, 6), y, width), levels(ticks(0, most, 3), y2, width),
    text(14, (TOP + upperEnd) / 2, 'sequence number', 'middle', '#374151', 12, -90),
    text(14, lowerTop + LOWER / 2, 'bytes', 'middle', '#374151', 12, -90),
    band(events, x, first + span, upperEnd + 8),
    steps(edges, x, y, COLOURS.window, first + span), steps(acks, x, y, COLOURS.ack, first + span),
    ...strokes.map((s) => stroke(s, x, y, events)),
    ...events.map((e) => mark(e, x, upperEnd, events)),
    steps(cwnd, x, y2, COLOURS.cwnd, first + span), steps(flight, x, y2, COLOURS.flight, first + span),
  ].join('\n')
}

function octets(events: readonly TcpTraceEvent[], kind: 'in' | 'out'): number {
  return events.reduce((sum, e) => sum + (e.kind === kind ? e.len : 0), 0)
}

/** Segments with text, SYN, FIN or RST; sent again is what begins below the highest number before it. */
function strokesOf(events: readonly TcpTraceEvent[], direction: 'in' | 'out'): Stroke[] {
  const strokes: Stroke[] = []
  let highest = 0
  for (const e of events) {
    if (e.kind !== direction || e.len === 0 && !/[SFR]/.test(e.flags)) continue
    const from = strokes.length === 0 ? e.seq : unwrap(e.seq, highest)
    const to = from + e.len
    strokes.push({ e, from, to, again: strokes.length > 0 && e.len > 0 && from < highest })
    highest = Math.max(highest, to)
  }
  return strokes
}

/** What the other direction says: acknowledged up to, and may be sent up to. */
function answersOf(events: readonly TcpTraceEvent[], direction: string, start: number): { acks: Point[]; edges: Point[] } {
  const acks: Point[] = []
  const edges: Point[] = []
  let last = start
  for (const e of events) {
    if (e.kind !== 'in' && e.kind !== 'out' || e.kind === direction || !e.flags.includes('.')) continue
    const ack = unwrap(e.ack, last)
    if (ack < last) continue
    last = ack
    acks.push({ at: e.atUs, value: ack })
    edges.push({ at: e.atUs, value: ack + e.win })
  }
  return { acks, edges }
}

function flightOf(strokes: readonly Stroke[], acks: readonly Point[]): Point[] {
  const changes = [...strokes.map((s) => ({ at: s.e.atUs, high: s.to, ack: 0 })), ...acks.map((p) => ({ at: p.at, high: 0, ack: p.value }))]
    .sort((a, b) => a.at - b.at)
  let high = 0
  let ack = strokes[0]?.from ?? 0
  return changes.map((c) => {
    high = Math.max(high, c.high)
    ack = Math.max(ack, c.ack)
    return { at: c.at, value: Math.max(0, high - ack) }
  })
}

/** The number nearest to `near` that is `seq` on the wire. */
function unwrap(seq: number, near: number): number {
  return near + ((seq - near) | 0)
}

function stroke(s: Stroke, x: (at: number) => number, y: (v: number) => number, events: readonly TcpTraceEvent[]): string {
  const [px, top, end] = [x(s.e.atUs), y(s.to), y(s.from)]
  const colour = s.again ? COLOURS.again : COLOURS.data
  const letter = /R/.test(s.e.flags) ? 'R' : /S/.test(s.e.flags) ? 'S' : /F/.test(s.e.flags) ? 'F' : ''
  const bar = `<path d="M${n(px)} ${n(end)}V${n(Math.min(top, end - 1))}M${n(px - 2)} ${n(end)}h4M${n(px - 2)} ${n(top)}h4" ` +
    `stroke="${colour}" stroke-width="${s.again ? 2 : 1.2}"/>`
  return `<g>${tip(s.e, events)}${bar}${letter === '' ? '' : text(px, top - 4, letter, 'middle', colour, 11)}</g>`
}

/** Timers and drops, at the foot of the upper part. */
function mark(e: TcpTraceEvent, x: (at: number) => number, foot: number, events: readonly TcpTraceEvent[]): string {
  if (e.kind !== 'drop' && !(e.kind === 'timer' && e.what !== 'delack')) return ''
  const px = n(x(e.atUs))
  const label = e.kind === 'drop' ? '×' : e.what
  const line = e.kind === 'drop' ? '' : `<path d="M${px} ${TOP}V${foot}" stroke="#f87171" stroke-dasharray="3 4"/>`
  return `<g>${tip(e, events)}${line}${text(Number(px), foot - 3, label, 'middle', COLOURS.again, 10)}</g>`
}

/** What held the sender, from one change to the next. */
function band(events: readonly TcpTraceEvent[], x: (at: number) => number, end: number, top: number): string {
  const holds = events.filter((e) => e.kind === 'hold' && HOLDS.some(([word]) => e.why.includes(word)))
  return holds.map((e, i) => {
    const until = events.find((o) => o.id > e.id && o.kind === 'out' && o.len > 0 && o.atUs > e.atUs)?.atUs ?? end
    const stop = Math.min(until, holds[i + 1]?.atUs ?? end)
    const colour = HOLDS.find(([word]) => e.why.includes(word))?.[1] ?? '#ccc'
    return `<rect x="${n(x(e.atUs))}" y="${top}" width="${n(Math.max(1, x(stop) - x(e.atUs)))}" height="${BAND}" fill="${colour}">` +
      `${tip(e, events)}</rect>`
  }).join('')
}

function steps(points: readonly Point[], x: (at: number) => number, y: (v: number) => number, colour: string, end: number): string {
  if (points.length === 0) return ''
  const path = points.map((p, i) => i === 0 ? `M${n(x(p.at))} ${n(y(p.value))}` : `H${n(x(p.at))}V${n(y(p.value))}`).join('')
  return `<path d="${path}H${n(x(end))}" fill="none" stroke="${colour}" stroke-width="1.2"/>`
}

function axes(marks: readonly { at: number; label: string }[], top: number, foot: number): string {
  return marks.map((m) => `<path d="M${n(m.at)} ${top}V${foot}" stroke="${COLOURS.grid}"/>` +
    text(m.at, foot + 18, m.label, 'middle', '#374151')).join('')
}

function levels(values: readonly number[], y: (v: number) => number, width: number): string {
  return values.map((v) => `<path d="M${LEFT} ${n(y(v))}H${width - RIGHT}" stroke="${COLOURS.grid}"/>` +
    text(LEFT - 6, y(v) + 4, tidy(v), 'end', '#374151')).join('')
}

function legend(direction: 'in' | 'out'): string {
  const entries: [string, string][] = [
    [COLOURS.data, direction === 'out' ? 'sent' : 'received'], [COLOURS.again, 'again'], [COLOURS.ack, 'acknowledged'],
    [COLOURS.window, 'window'], [COLOURS.cwnd, 'cwnd'], [COLOURS.flight, 'in flight'],
    ...HOLDS.slice(0, 3).map(([, colour, label]): [string, string] => [colour, `held: ${label}`]),
  ]
  return entries.map(([colour, label], i) => `<rect x="${LEFT + i * 105}" y="32" width="10" height="10" fill="${colour}"/>` +
    text(LEFT + i * 105 + 14, 41, label, 'start', '#374151', 11)).join('')
}

/** Round numbers from `low` to `high`, about `count` of them. */
function ticks(low: number, high: number, count: number): number[] {
  const raw = Math.max(1e-9, (high - low) / count)
  const unit = 10 ** Math.floor(Math.log10(raw))
  const step = unit * ([1, 2, 5, 10].find((k) => k * unit >= raw) ?? 10)
  const values: number[] = []
  for (let i = Math.ceil(low / step); i * step <= high && values.length < 50; i++) values.push(i * step)
  return values
}

function tip(e: TcpTraceEvent, events: readonly TcpTraceEvent[]): string {
  return `<title>${escape(tcpTraceLine(e, events))}</title>`
}

function text(x: number, y: number, words: string, anchor: string, fill = '#111', size = 12, turn = 0): string {
  const rotate = turn === 0 ? '' : ` transform="rotate(${turn} ${n(x)} ${n(y)})"`
  return `<text x="${n(x)}" y="${n(y)}" text-anchor="${anchor}" fill="${fill}" font-size="${size}"${rotate}>${escape(words)}</text>`
}

function escape(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

function tidy(value: number): string {
  return String(Number(value.toPrecision(10)))
}

function n(value: number): string {
  return String(Math.round(value * 10) / 10)
}
