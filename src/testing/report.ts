/** What a simulation leaves behind: captures that a test asked for, and of a failure all that helps to understand it. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { timelineHtml } from './diagram.ts'
import type { Recorder } from './recorder.ts'
import { timelineText } from './timeline.ts'
import type { TestWorld } from './world.ts'

export interface ReportOptions { seed?: number; name?: string; output?: string | null }

export function writeCapture(file: string, recorder: Recorder, which: (host: string, ifName: string) => boolean): void {
  mkdirSync(dirname(resolve(file)), { recursive: true })
  writeFileSync(file, recorder.pcapng(which))
}

/** Writes capture, timeline and diagram into a folder, and returns the error with seed and folder in its message. */
export function writeReport(cause: unknown, world: TestWorld, options: ReportOptions): Error {
  const error = cause instanceof Error ? cause : new Error(String(cause), { cause })
  const lines = [`simulation: seed ${world.seed}, failed at ${(world.now / 1000).toFixed(6)} s of simulated time`]
  const output = options.output === undefined ? process.env['VIMAGE_FAILURES'] ?? 'vimage-failures' : options.output
  if (output !== null) {
    const dir = resolve(join(output, `${(options.name ?? 'simulation').replace(/[^\w.-]+/g, '-')}-seed${world.seed}`))
    try {
      mkdirSync(dir, { recursive: true })
      writeFileSync(join(dir, 'capture.pcapng'), world.recorder.pcapng())
      writeFileSync(join(dir, 'timeline.txt'), `${error.stack ?? error.message}\n\n${timelineText(world.recorder)}`)
      writeFileSync(join(dir, 'timeline.html'), timelineHtml(world.recorder, [...world.hosts.keys()], error.message))
      lines.push(`see ${dir}/ (capture.pcapng, timeline.txt, timeline.html)`)
    } catch (problem) {
      lines.push(`its capture and timeline could not be written: ${(problem as Error).message}`)
    }
  }
  const note = lines.map((l) => `  ${l}`).join('\n')
  const before = error.message
  error.message = `${before}\n${note}`
  if (error.stack !== undefined && before !== '') error.stack = error.stack.replace(before, error.message)
  return error
}
