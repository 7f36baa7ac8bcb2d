/** The event trace on every script: it changes nothing, and a Vnet restored between every two events has the same trace. */

import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { printResult, runScript } from '../../src/script/index.ts'
import type { TcpTraceEvent } from '../../src/tcp/trace-read.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { scriptFiles } from '../script/files.ts'
import { assertPlain } from '../support/plain.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

afterEach(() => { vi.restoreAllMocks() })

/** Runs a script with a ring of 40 records; returns what the trace says at its end. */
function traced(name: string, path: string, churn: boolean): TcpTraceEvent[] {
  let vnet: Vnet | null = null
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
  const drain = Vnet.prototype.drainEvents
  vi.spyOn(Vnet.prototype, 'drainEvents').mockImplementation(function (this: Vnet, sink) {
    drain.call(this, sink)
    sysctlsIn(this.vn.state)['net.inet.tcp.trace'] = 40
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the script's Vnet is not to be had otherwise
    vnet = this
    if (churn && this.vn.txq.length + this.vn.events.size === 0) this.vn.state = Vnet.restore(this.snapshot()).state
  })
  const result = runScript(readFileSync(path, 'utf8'), { name })
  vi.restoreAllMocks()
  expect(result.status, printResult(result)).toBe('passed')
  const { state, pool } = (vnet as unknown as Vnet).vn
  assertPlain(state.tcp.trace, pool)
  return (vnet as unknown as Vnet).tcpTrace()
}

describe('scripts with the event trace on', () => {
  const files = scriptFiles()

  it('pass as they do without, with events whose causes came before them', () => {
    let events = 0
    for (const { name, path } of files) {
      const trace = traced(name, path, false)
      for (const e of trace) expect(e.cause, `${name} #${e.id}`).toBeLessThan(e.id)
      for (const e of trace) if (e.kind === 'out') expect(e.why, `${name} #${e.id}`).not.toBe('')
      events += trace.length
    }
    expect(events).toBeGreaterThan(files.length * 3)
  }, 120_000)

  it('have the same trace when their Vnet is restored between every two events', () => {
    const some = files.filter((_, i) => i % 4 === 0)
    for (const { name, path } of some) expect(traced(name, path, true), name).toEqual(traced(name, path, false))
  }, 120_000)
})
