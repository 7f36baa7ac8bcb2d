/** What happened in a simulation, one line each. */

import { printFrame } from '../wire/print.ts'
import type { Passage, Recorder } from './recorder.ts'

const LINES_MAX = 20_000

export function timelineText(recorder: Recorder): string {
  const events = [
    ...recorder.list().map((p) => ({ atUs: p.sentUs, text: passageText(p) })),
    ...recorder.notes.map((n) => ({ atUs: n.atUs, text: `*** ${n.text}` })),
  ].sort((a, b) => a.atUs - b.atUs)
  const left = events.length - LINES_MAX
  const head = recorder.forgotten > 0 ? [`(${recorder.forgotten} older frames are not kept)`] : []
  if (left > 0) head.push(`(${left} older lines are left out)`)
  return [...head, ...events.slice(-LINES_MAX).map((e) => `${time(e.atUs)}  ${e.text}`), ''].join('\n')
}

/** '1.234567'. */
export function time(us: number): string {
  return (us / 1e6).toFixed(6).padStart(12)
}

export function passageText(p: Passage): string {
  const fate = p.from === '' ? 'damaged, or a copy' : p.arrivedUs < 0 ? 'lost' : `+${((p.arrivedUs - p.sentUs) / 1000).toFixed(3)} ms`
  const ends = `${p.from === '' ? '?' : p.from} → ${p.to === '' ? '?' : p.to}`
  return `${ends.padEnd(24)} ${fate.padStart(14)}  ${printFrame(p.bytes, 0, p.bytes.length, p.linkType)}`
}
