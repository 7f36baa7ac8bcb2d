/** `vimage ping`: echo requests from inside a vimage, printed as ping prints them. */

import type { Command } from 'commander'
import { PING_MAX_BYTES } from '../vimage/ping-events.ts'
import type { PingEvent, PingSummary } from '../vimage/ping-events.ts'
import { ICMP_TIMXCEED, ICMP_UNREACH } from '../wire/icmp.ts'
import { Context } from './context.ts'
import { abortOnInterrupt } from './interrupt.ts'
import { parseInteger, parseSeconds, print } from './output.ts'

interface PingOptions {
  count: number
  interval: number
  size: number
  timeout: number
  ttl: number
  source: string
  json?: boolean
}

export function addPing(program: Command): void {
  program.command('ping <host>')
    .description('ping HOST from inside a vimage (default: the first); exit code 1 when nobody answers')
    .option('-c, --count <n>', 'stop after N requests', parseInteger('count', 1, 1_000_000_000), 0)
    .option('-i, --interval <s>', 'seconds between requests', parseSeconds('interval', 1), 1000)
    .option('-s, --size <bytes>', 'data bytes of a request', parseInteger('size', 0, PING_MAX_BYTES), 56)
    .option('-W, --timeout <s>', 'seconds to wait for the last reply', parseSeconds('timeout', 1), 1000)
    .option('-t, --ttl <hops>', 'time to live', parseInteger('ttl', 1, 255), 0)
    .option('-S, --source <address>', 'address to send from', '')
    .option('--json', 'print one JSON object a line')
    .addHelpText('after', '\nExamples:\n  vimage ping -c 3 10.66.0.3\n  vimage ping -V b -s 60000 -i 0.2 10.66.0.1')
    .action(async (host: string, options: PingOptions, command: Command) => {
      const context = new Context(command)
      const path = context.path(await context.first(), 'ping')
      const tally = createTally(host)
      const show = (event: PingEvent): void => {
        tallyEvent(tally, event)
        if (options.json === true) print(JSON.stringify(event))
        else printEvent(event)
      }
      await context.client.stream<PingEvent>('POST', path, {
        host, count: options.count, intervalMs: options.interval, sizeBytes: options.size, timeoutMs: options.timeout,
        ttl: options.ttl, source: options.source,
      }, show, abortOnInterrupt())
      // interrupted: the daemon was not there to sum up
      if (!tally.ended) show(tallySummary(tally))
      if (tally.summary.received === 0) process.exitCode = 1
    })
}

/** What the client counts itself, for the summary of an interrupted ping. */
interface Tally {
  ended: boolean
  lastSeq: number
  sum: number
  sumOfSquares: number
  summary: PingSummary
}

function createTally(host: string): Tally {
  return {
    ended: false, lastSeq: -1, sum: 0, sumOfSquares: 0,
    summary: {
      type: 'end', host, transmitted: 0, received: 0, duplicates: 0, errors: 0,
      rttMinUs: -1, rttAvgUs: -1, rttMaxUs: -1, rttStddevUs: -1,
    },
  }
}

function tallyEvent(t: Tally, event: PingEvent): void {
  const s = t.summary
  if (event.type === 'end') t.ended = true
  if (event.type === 'unreachable' || event.type === 'sendError') s.errors++
  if ('seq' in event) t.lastSeq = Math.max(t.lastSeq, event.seq)
  if (event.type !== 'reply') return
  if (event.duplicate) {
    s.duplicates++
    return
  }
  s.received++
  t.sum += event.rttUs
  t.sumOfSquares += event.rttUs * event.rttUs
  s.rttMinUs = s.received === 1 ? event.rttUs : Math.min(s.rttMinUs, event.rttUs)
  s.rttMaxUs = Math.max(s.rttMaxUs, event.rttUs)
}

function tallySummary(t: Tally): PingSummary {
  const s = t.summary
  s.transmitted = Math.max(t.lastSeq + 1, s.received)
  if (s.received === 0) return s
  const avg = t.sum / s.received
  s.rttAvgUs = Math.round(avg)
  s.rttStddevUs = Math.round(Math.sqrt(Math.max(0, t.sumOfSquares / s.received - avg * avg)))
  return s
}

function printEvent(event: PingEvent): void {
  switch (event.type) {
    case 'start': return print(`PING ${event.host} (${event.host}): ${event.sizeBytes} data bytes`)
    case 'reply': return print(`${event.bytes} bytes from ${event.from}: icmp_seq=${event.seq}`
      + `${event.ttl === 0 ? '' : ` ttl=${event.ttl}`} time=${ms(event.rttUs)} ms${event.duplicate ? ' (DUP!)' : ''}`)
    case 'unreachable': {
      return print(`from ${event.from}: icmp_seq=${event.seq} ${errorWords(event.icmpType, event.icmpCode)}`)
    }
    case 'sendError': return print(`icmp_seq=${event.seq} not sent: ${event.message}`)
    case 'end': return printSummary(event)
  }
}

function printSummary(s: PingSummary): void {
  const loss = s.transmitted === 0 ? 0 : 100 * (1 - s.received / s.transmitted)
  const duplicates = s.duplicates === 0 ? '' : `+${s.duplicates} duplicates, `
  const errors = s.errors === 0 ? '' : `+${s.errors} errors, `
  print(`\n--- ${s.host} ping statistics ---`)
  print(`${s.transmitted} packets transmitted, ${s.received} packets received, ${duplicates}${errors}`
    + `${loss.toFixed(1)}% packet loss`)
  if (s.received === 0) return
  const times = [s.rttMinUs, s.rttAvgUs, s.rttMaxUs, s.rttStddevUs].map(ms).join('/')
  print(`round-trip min/avg/max/stddev = ${times} ms`)
}

function errorWords(type: number, code: number): string {
  if (type === ICMP_TIMXCEED) return 'Time to live exceeded'
  if (type !== ICMP_UNREACH) return `ICMP type ${type} code ${code}`
  return ['Destination Net Unreachable', 'Destination Host Unreachable', 'Destination Protocol Unreachable',
    'Destination Port Unreachable', 'Fragmentation needed'][code] ?? `Destination Unreachable, code ${code}`
}

function ms(us: number): string {
  return (us / 1000).toFixed(3)
}
