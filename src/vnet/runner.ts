/**
 * A `Runner` drives one Vnet: it gives the time and drains the Vnet after calls. The host's driver is one (real
 * clock), a simulated world is another (virtual clock); sockets work over either.
 */

import type { Vnet } from './vnet.ts'

/** Told which EV_* bits a socket has raised. */
export type Watcher = (what: number) => void

export interface Runner {
  readonly vnet: Vnet
  /** µs since the Vnet's boot. */
  now(): number
  /** To be called after each call into the Vnet: frames, events and timers are looked after soon (not re-entrantly). */
  kick(): void
  /**
   * Delivers the events of socket `id` to `fn` until `unwatch`. One watcher a socket. On a real clock the process stays
   * alive for it, unless `keepAlive` is false.
   */
  watch(id: number, fn: Watcher, keepAlive?: boolean): void
  unwatch(id: number): void
}
