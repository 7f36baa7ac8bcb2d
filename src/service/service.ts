/** Services that a Vnet can run for others; each is started on a Runner and stopped through its handle. */

import type { Runner } from '../vnet/runner.ts'
import { startChargen } from './chargen.ts'
import { startDiscard } from './discard.ts'
import { startEcho } from './echo.ts'
import { startHttpStatus } from './http-status.ts'

export interface Service {
  readonly name: string
  /** Ports it listens on, as "tcp/7". */
  readonly ports: readonly string[]
  /** Closes listeners and open connections. */
  stop(): void
}

export type ServiceName = 'echo' | 'discard' | 'chargen' | 'http'

export const SERVICE_NAMES: readonly ServiceName[] = Object.freeze(['echo', 'discard', 'chargen', 'http'] as const)

/** Starts a service on its well-known port, or on `port`. Throws EADDRINUSE where the port is taken. */
export function startService(runner: Runner, name: ServiceName, port?: number): Service {
  switch (name) {
    case 'echo': return startEcho(runner, port)
    case 'discard': return startDiscard(runner, port)
    case 'chargen': return startChargen(runner, port)
    case 'http': return startHttpStatus(runner, port)
  }
}
