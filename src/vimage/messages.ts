/** The message buffer of a Vnet as `dmesg` shows it. */

import { logWrite } from '../kern/log.ts'
import type { Runner } from '../vnet/runner.ts'

export interface MessageRow {
  /** Number of the line since boot, from 0. */
  index: number
  /** Since the Vnet's boot. */
  timeUs: number
  /** 3 error … 7 debug, as syslog counts. */
  level: number
  text: string
}

/** The lines from number `from` on that are still in the buffer. */
export function messageRows(runner: Runner, from = 0): MessageRow[] {
  const { log } = runner.vnet.state
  return log.entries.slice(Math.max(0, from - log.first)).map((e, i) => ({
    index: Math.max(from, log.first) + i, timeUs: e.at, level: e.level, text: e.text,
  }))
}

/** Writes a line of the container's own into the buffer. */
export function messageWrite(runner: Runner, level: number, text: string): void {
  const { vnet } = runner
  vnet.setNow(runner.now())
  logWrite(vnet.state.log, vnet.state.now, level, text)
}
