/** What `vimage replay` does: reads the capture, lets it drive a Vnet, sums up. */

import { writeFileSync } from 'node:fs'
import { readCapture } from '../pcap/file.ts'
import type { CaptureSummary } from '../pcap/reader.ts'
import type { CaptureRecord } from '../pcap/record.ts'
import { replayCapture } from '../sim/replay.ts'
import type { ReplayResult } from '../sim/replay.ts'
import { counterRows } from '../vimage/counters.ts'
import type { CounterRow } from '../vimage/counters.ts'
import { complain, print, printJson } from './output.ts'

export interface ReplayVerbOptions {
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

/** A capture that ends in the middle of a record is replayed up to there, and is a failure (exit code 1). */
export async function replayFile(file: string, options: ReplayVerbOptions): Promise<void> {
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
