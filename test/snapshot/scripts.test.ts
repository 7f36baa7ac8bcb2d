/**
 * Churn mode of the scripts: after every drain, that is between every two events, the whole state is saved and replaced
 * by what the bytes restore to. Every script that passes must pass all the same.
 */

import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { printResult, runScript } from '../../src/script/index.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import type { VnetState } from '../../src/vnet/state.ts'
import { scriptFiles } from '../script/files.ts'
import { isDormant } from '../../src/tcp/state-dormant.ts'

afterEach(() => { vi.restoreAllMocks() })

/** Counts in `churned.count`; `change` may spoil what was restored. */
function churnEveryVnet(change: (state: VnetState) => void = () => undefined): { count: number } {
  const churned = { count: 0 }
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
  const drain = Vnet.prototype.drainEvents
  vi.spyOn(Vnet.prototype, 'drainEvents').mockImplementation(function (this: Vnet, sink) {
    drain.call(this, sink)
    if (this.vn.txq.length + this.vn.events.size > 0) return
    this.vn.state = Vnet.restore(this.snapshot()).state
    change(this.vn.state)
    churned.count++
  })
  return churned
}

describe('churn: every script with its Vnet restored between every two events', { timeout: 120_000 }, () => {
  const files = scriptFiles()

  it('passes as it does without', () => {
    const churned = churnEveryVnet()
    const failures = files.map(({ name, path }) => runScript(readFileSync(path, 'utf8'), { name }))
      .filter((r) => r.status !== 'passed').map(printResult)
    expect(failures).toEqual([])
    expect(churned.count).toBeGreaterThan(files.length * 3)
  }, 180_000)

  it('bites: scripts fail when a restore forgets the timers, or the congestion window', () => {
    const failing = (change: (state: VnetState) => void): number => {
      churnEveryVnet(change)
      const results = files.filter((_, i) => i % 3 === 0).map(({ name, path }) => runScript(readFileSync(path, 'utf8'), { name }))
      vi.restoreAllMocks()
      return results.filter((r) => r.status !== 'passed').length
    }
    expect(failing((state) => {
      for (const list of [state.timers.at, state.timers.tie, state.timers.kind, state.timers.owner]) list.length = 0
    })).toBeGreaterThan(10)
    expect(failing((state) => {
      for (const tcb of state.tcp.tcbs.values()) if (!isDormant(tcb)) tcb.cwnd = tcb.mss
    })).toBeGreaterThan(5)
  }, 180_000)
})
