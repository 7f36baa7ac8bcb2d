/** Echo (RFC 862): sends back what it receives, over TCP and UDP port 7. */

import type { UdpSocket } from '../socket/udp.ts'
import type { Runner } from '../vnet/runner.ts'
import { startPair } from './pair.ts'
import { isServicePort } from './ports.ts'
import type { SavedService } from './saved.ts'
import type { Service } from './service.ts'
import type { TcpProgram } from './tcp-program.ts'

const ECHO_PORT = 7
const NOTHING = new Uint8Array(0)

export function startEcho(runner: Runner, port = ECHO_PORT, saved: SavedService | null = null): Service {
  const answer = (udp: UdpSocket, bytes: Buffer, from: { address: string; port: number }): void => {
    // two echo servers must not keep each other busy for ever
    if (!isServicePort(from.port)) trySend(udp, bytes, from)
  }
  return startPair(runner, 'echo', port, ECHO, answer, saved)
}

/** Sends, or drops what cannot be sent now (no route, no buffer): UDP promises nothing. */
export function trySend(udp: UdpSocket, bytes: Uint8Array, to: { address: string; port: number }): void {
  try {
    udp.send(bytes, to.port, to.address)
  } catch {
    // counted by the stack (netstat -s)
  }
}

const ECHO: TcpProgram<Record<string, never>> = Object.freeze<TcpProgram<Record<string, never>>>({
  begin: () => ({}),
  busy: () => false,
  received: (talk, bytes) => {
    talk.out = bytes.slice()
  },
  next: () => NOTHING,
  sent: () => undefined,
  over: () => undefined,
})
