/** What a simulation waits for, in words: for the error of one that does not end. */

import { socketRows } from '../vimage/sockets.ts'
import type { TestWorld } from './world.ts'

const SHOWN = 12

export function waitingFor(test: TestWorld): string {
  const lines: string[] = []
  for (const host of test.hosts.values()) {
    if (!host.alive) lines.push(`${host.name} is down`)
    for (const s of socketRows(host.sim)) {
      if (s.local.endsWith(':53') && s.proto.startsWith('udp')) continue
      lines.push(`${host.name}: ${s.proto} ${s.local} – ${s.foreign} ${s.state}`.trimEnd())
    }
  }
  lines.push(...test.loop.timers.describe(), ...test.loop.real.describe().map((what) => `real work: ${what}`))
  if (lines.length === 0) return 'There is no socket and no timer: a promise that nobody will settle.'
  const more = lines.length > SHOWN ? [`… and ${lines.length - SHOWN} more`] : []
  return `There is:\n${[...lines.slice(0, SHOWN), ...more].map((l) => `  ${l}`).join('\n')}`
}
