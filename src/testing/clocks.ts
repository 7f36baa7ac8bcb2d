/** Date, performance.now and hrtime of simulated programs: virtual, each host by its own clock. Others keep the real ones. */

import type { Patches } from '../node/patches.ts'
import { hostMs } from './scope.ts'
import type { Scope, Scopes } from './scope.ts'

export interface ClocksSide {
  /** World time, µs. */
  now(): number
  /** Date of the world's beginning, ms since 1970. */
  readonly epochMs: number
}

type HrTime = ((since?: [number, number]) => [number, number]) & { bigint(): bigint }

export function patchClocks(patches: Patches, scopes: Scopes, side: ClocksSide): void {
  const elapsed = (): number | null => {
    const scope = scopes.getStore()
    return scope === undefined ? null : hostMs(scope.clock, side.now())
  }
  const dateMs = (): number | null => {
    const scope = scopes.getStore()
    return scope === undefined ? null : scopeDateMs(scope, side)
  }
  const RealDate = Date
  patches.value(globalThis, 'Date', new Proxy(RealDate, {
    construct(target, args: unknown[], newTarget): object {
      const now = args.length === 0 ? dateMs() : null
      return Reflect.construct(target, now === null ? args : [now], newTarget) as object
    },
    apply(target, self, args): string {
      const now = dateMs()
      return now === null ? Reflect.apply(target, self, args) as string : new target(now).toString()
    },
    get(target, key): unknown {
      if (key === 'now') return now
      return Reflect.get(target, key) as unknown
    },
  }))
  const realNow = RealDate.now
  function now(): number {
    return dateMs() ?? realNow()
  }
  patches.method(performance, 'now', (original: () => number) => () => elapsed() ?? original.call(performance))
  const real = process.hrtime as HrTime
  const hrtime = (since?: [number, number]): [number, number] => {
    const ms = elapsed()
    if (ms === null) return real(since)
    const ns = Math.round(ms * 1e6)
    const [s, n] = [Math.floor(ns / 1e9), ns % 1e9]
    if (since === undefined) return [s, n]
    const less = n < since[1] ? 1 : 0
    return [s - since[0] - less, n - since[1] + less * 1e9]
  }
  hrtime.bigint = (): bigint => {
    const ms = elapsed()
    return ms === null ? real.bigint() : BigInt(Math.round(ms * 1e6))
  }
  patches.value(process, 'hrtime', hrtime)
  patches.method(process, 'uptime', (original: () => number) => () => {
    const ms = elapsed()
    return ms === null ? original.call(process) : ms / 1000
  })
}

/** What Date.now() is for code in `scope`: whole ms. */
export function scopeDateMs({ clock }: Scope, side: ClocksSide): number {
  return Math.floor(side.epochMs + hostMs(clock, side.now()) + clock.offsetMs)
}
