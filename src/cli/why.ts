/** `vimage netstat --why`, `--plot` and `-v`: connections from the inside. */

import { writeFileSync } from 'node:fs'
import { tcpTraceLine } from '../tcp/trace-read.ts'
import type { TcpTraceEvent } from '../tcp/trace-read.ts'
import { traceSvg } from '../vimage/trace-svg.ts'
import type { ConnectionRow, TraceListing } from '../vimage/traces.ts'
import type { Context } from './context.ts'
import { complain, print, printJson, UsageError } from './output.ts'

export interface WhyOptions {
  socket?: number
  last?: number
  plot?: string
  json?: boolean
}

/** Events that `--why` prints of each connection unless told otherwise. */
const LAST = 12

/** Prints the last events of every connection with their causes; with `plot` draws one connection instead. */
export async function showWhy(context: Context, options: WhyOptions): Promise<void> {
  const names = options.plot === undefined ? await context.all() : [await context.first()]
  const listings: [string, TraceListing][] = []
  const query = options.socket === undefined ? 'trace' : `trace?socket=${options.socket}`
  for (const name of names) listings.push([name, await context.client.get<TraceListing>(`${context.path(name)}/${query}`)])
  for (const [name, { tracing }] of listings) {
    if (tracing !== 'off') continue
    complain(`the trace of vimage ${name} is off; on with: vimage sysctl -V ${name} net.inet.tcp.trace=10000`)
  }
  if (options.plot !== undefined) return plot(listings[0], options.plot)
  if (options.json === true) {
    printJson(Object.fromEntries(listings.map(([name, listing]) => [
      name, { ...listing, events: options.last === undefined ? listing.events : listing.events.slice(-options.last) }])))
    return
  }
  listings.forEach(([name, listing], i) => {
    if (listings.length > 1) print(`${i > 0 ? '\n' : ''}vimage ${name}:`)
    printWhy(listing.events, options.last ?? LAST)
  })
}

/** `ss -i`, a connection in a few lines. */
export function printConnections(rows: ConnectionRow[]): void {
  for (const row of rows) {
    print(`tcp4 ${row.local} ${row.foreign} ${row.state} (socket ${row.socket}, ${row.congestion})`)
    const words = Object.entries(row.info).filter(([name]) => name !== 'tcpi_state')
      .map(([name, value]) => `${name.slice('tcpi_'.length)}:${value}`)
    let line = '\t'
    for (const word of words) {
      if (line.length + word.length > WIDTH) {
        print(line.trimEnd())
        line = '\t'
      }
      line += `${word} `
    }
    print(line.trimEnd())
  }
}

const WIDTH = 110

/** Events by connection, in the order of their last event. */
export function connectionsOf(events: readonly TcpTraceEvent[]): [string, TcpTraceEvent[]][] {
  const found = new Map<string, TcpTraceEvent[]>()
  for (const e of events) {
    const key = `:${e.localPort} ↔ ${e.remote === '' ? 'nobody' : e.remote}`
    const list = found.get(key) ?? []
    list.push(e)
    found.set(key, list)
  }
  return [...found].sort(([, a], [, b]) => (a[a.length - 1].id - b[b.length - 1].id))
}

function printWhy(events: readonly TcpTraceEvent[], last: number): void {
  for (const [key, list] of connectionsOf(events)) {
    const socket = list.findLast((e) => e.socket > 0)?.socket ?? 0
    print(`tcp4 ${key}${socket > 0 ? ` (socket ${socket})` : ''}, ${list.length} events:`)
    for (const e of list.slice(-last)) print(`  ${tcpTraceLine(e, events)}`)
  }
}

/** Draws the connection with most octets. */
function plot([name, { events }]: [string, TraceListing], file: string): void {
  const octets = (list: readonly TcpTraceEvent[]): number => list.reduce((sum, e) => sum + e.len, 0)
  const [best] = connectionsOf(events).sort(([, a], [, b]) => octets(b) - octets(a))
  if (best === undefined) throw new UsageError('there is nothing to draw: the trace is empty')
  const svg = traceSvg(best[1], { title: `vimage ${name}, tcp ${best[0]}` })
  if (file === '-') process.stdout.write(svg)
  else {
    writeFileSync(file, svg)
    complain(`${best[1].length} events of ${best[0]} drawn in ${file}`)
  }
}
