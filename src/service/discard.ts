/** Discard (RFC 863): throws away what it receives, over TCP and UDP port 9. */

import type { Runner } from '../vnet/runner.ts'
import { startPair } from './pair.ts'
import type { SavedService } from './saved.ts'
import type { Service } from './service.ts'
import type { TcpProgram } from './tcp-program.ts'

const DISCARD_PORT = 9
const NOTHING = new Uint8Array(0)

export function startDiscard(runner: Runner, port = DISCARD_PORT, saved: SavedService | null = null): Service {
  return startPair(runner, 'discard', port, DISCARD, () => undefined, saved)
}

const DISCARD: TcpProgram<Record<string, never>> = Object.freeze({
  begin: () => ({}),
  busy: () => false,
  received: () => undefined,
  next: () => NOTHING,
  sent: () => undefined,
  over: () => undefined,
})
