/** What `vimage script` does: finds the scripts, runs one after the other, prints a line for each and the closing line. */

import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCaptureEncoder } from '../pcap/encoder.ts'
import { LINKTYPE_RAW } from '../pcap/record.ts'
import { printResult, printTally } from '../script/report.ts'
import { runScript } from '../script/run.ts'
import type { ScriptResult } from '../script/run.ts'
import { UsageError, print, printJson } from './output.ts'
import { SCRIPT_OPTIONS } from './script-options.ts'
import type { ScriptVerbOptions } from './script-options.ts'

/** Sets exit code 1 when a script has not passed. */
export function runScripts(files: readonly string[], options: ScriptVerbOptions): void {
  const names = files.flatMap(expand)
  if (names.length === 0) throw new UsageError('there are no scripts (.pkt) in these folders')
  const progress = new Progress(names.length)
  const results = names.map((name, i) => {
    progress.at(i)
    const result = runSafely(name, options)
    if (options.json === true || (options.quiet === true && result.status === 'passed')) return result
    progress.clear()
    print(printResult(result))
    return result
  })
  progress.clear()
  if (options.json === true) printJson(results)
  else print(printTally(results))
  if (results.some((r) => r.status !== 'passed')) process.exitCode = 1
}

/** The scripts of a folder and of those below it; a file is itself, whatever its name. */
function expand(path: string): string[] {
  if (path === '-' || !statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path]
  return readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.pkt')).sort()
    .map((f) => join(path, f))
}

/** A file that cannot be read, or a fault of the stack itself, fails its own script and not the whole run. */
function runSafely(name: string, options: ScriptVerbOptions): ScriptResult {
  try {
    return runFile(name, options)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { name, status: 'failed', line: 0, message, expected: '', actual: '', events: 0, timeUs: 0 }
  }
}

function runFile(name: string, options: ScriptVerbOptions): ScriptResult {
  const packets: Packet[] = []
  const settings: Record<string, string> = {}
  for (const key of SCRIPT_OPTIONS) {
    const value = options[key]
    if (typeof value === 'string') settings[key] = value
  }
  const result = runScript(readFileSync(name === '-' ? 0 : name, 'utf8'), {
    name: name === '-' ? 'stdin' : name, personality: options.personality, toleranceUs: options.tolerance_usecs,
    seed: options.seed, defines: options.define, options: settings,
    ...(options.pcap === undefined ? {} : {
      onPacket: (at: number, bytes: Uint8Array, out: boolean): void => { packets.push({ at, bytes, out }) },
    }),
  })
  if (options.pcap !== undefined && result.status !== 'passed') writeCapture(options.pcap, packets)
  return result
}

interface Packet { at: number; bytes: Uint8Array; out: boolean }

function writeCapture(file: string, packets: readonly Packet[]): void {
  const encoder = createCaptureEncoder({ format: 'pcapng', linkType: LINKTYPE_RAW })
  const records = packets.map(({ at, bytes, out }) => encoder.packet(at, bytes, { direction: out ? 'out' : 'in' }))
  writeFileSync(file, Buffer.concat([encoder.header, ...records]))
}

/** A line on the terminal that says how far one is, when it takes longer than a second. */
class Progress {
  readonly #total: number
  readonly #started = Date.now()
  #shown = false

  constructor(total: number) {
    this.#total = total
  }

  at(i: number): void {
    if (!process.stderr.isTTY || Date.now() - this.#started < 1000 || i % 16 !== 0) return
    process.stderr.write(`\r${i} of ${this.#total}`)
    this.#shown = true
  }

  clear(): void {
    if (this.#shown) process.stderr.write('\r\x1b[K')
    this.#shown = false
  }
}
