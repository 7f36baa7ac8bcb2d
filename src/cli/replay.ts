/** `vimage replay`: a capture drives a Vnet on the virtual clock; no daemon is needed. */

import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { ip4ParsePrefix } from '../lib/addr.ts'
import { readCapture } from '../pcap/file.ts'
import type { CaptureSummary } from '../pcap/reader.ts'
import type { CaptureRecord } from '../pcap/record.ts'
import { replayCapture } from '../sim/replay.ts'
import type { ReplayResult } from '../sim/replay.ts'
import { counterRows } from '../vimage/counters.ts'
import type { CounterRow } from '../vimage/counters.ts'
import { complain, parseInteger, parseSeconds, print, printJson, UsageError } from './output.ts'

interface ReplayVerbOptions {
  as: string
  write?: string
  answersOnly?: boolean
  trustChecksums?: boolean
  after: number
  seed: number
  json?: boolean
}

/** Records kept in memory at once. */
const MAX_BYTES = 1024 * 1024 * 1024

export function addReplay(program: Command): void {
  program.command('replay <file>')
    .description('let a capture drive a fresh stack that takes the part of one address; print what it made of it')
    .requiredOption('--as <addr/len>', 'whose part the stack takes, for example 10.0.0.1/24')
    .option('-w, --write <file>', 'write what came in and what was answered to a pcapng file')
    .option('--answers-only', 'write the answers alone')
    .option('--trust-checksums', 'take transport checksums as right (captures made at a sender with offload)')
    .option('--after <s>', 'virtual seconds to go on after the last record', parseSeconds('after', 0), 1000)
    .option('--seed <n>', 'seed of the stack\'s random numbers', parseInteger('seed', 0, 0x7fffffff), 1)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  vimage replay http.pcap --as 145.254.160.237/24 -w answers.pcapng')
    .action(async (file: string, options: ReplayVerbOptions) => {
      if (!options.as.includes('/') || ip4ParsePrefix(options.as) === null) {
        throw new UsageError(`--as is "${options.as}"; expected an address and prefix length like 10.0.0.1/24`)
      }
      const { records, summary } = await readAll(file)
      const result = replayCapture(records, {
        address: options.as, seed: options.seed, afterUs: options.after * 1000,
        answersOnly: options.answersOnly === true, trustChecksums: options.trustChecksums === true,
      })
      if (options.write !== undefined) writeFileSync(options.write, result.capture.bytes())
      if (options.json === true) printJson(summaryJson(file, records, summary, result))
      else printSummary(file, records, result)
      if (summary.truncated !== null) {
        complain(`${summary.truncated.message}; the records before it were replayed`)
        process.exitCode = 1
      }
    })
}

async function readAll(file: string): Promise<{ records: CaptureRecord[]; summary: CaptureSummary }> {
  const records: CaptureRecord[] = []
  let bytes = 0
  const summary = await readCapture(file, (record) => {
    bytes += record.capLen
    if (bytes > MAX_BYTES) {
      throw new Error(`${file} holds more than ${MAX_BYTES / 2 ** 20} MiB of packets; replay a part of it`)
    }
    records.push(record)
  })
  return { records, summary }
}

function summaryJson(file: string, records: CaptureRecord[], summary: CaptureSummary, r: ReplayResult): object {
  return {
    file, format: summary.format, records: records.length, fed: r.fed, own: r.own, tooLong: r.tooLong, cut: r.cut,
    skipped: Object.fromEntries(r.skipped), answers: r.answers, counters: counterRows(r.host, true),
    truncated: summary.truncated?.message ?? '',
  }
}

function printSummary(file: string, records: CaptureRecord[], r: ReplayResult): void {
  print(`${file}: ${records.length} records, ${r.fed} fed, ${r.answers} answers`)
  if (r.own > 0) print(`  ${r.own} left out: sent by the address itself`)
  for (const [name, count] of r.skipped) print(`  ${count} left out: link type ${name}`)
  if (r.tooLong > 0) print(`  ${r.tooLong} left out: longer than a frame`)
  if (r.cut > 0) print(`  ${r.cut} fed although they were not captured whole`)
  printCounters(counterRows(r.host, true))
}

function printCounters(rows: readonly CounterRow[]): void {
  let protocol = ''
  for (const row of rows) {
    if (row.protocol !== protocol) print(`${row.protocol}:`)
    protocol = row.protocol
    print(`\t${row.text}`)
  }
}
