/** Character generator (RFC 864): TCP gets an endless pattern, each UDP datagram one answer of 0…512 bytes; port 19. */

import type { UdpSocket } from '../socket/udp.ts'
import type { Runner } from '../vnet/runner.ts'
import { trySend } from './echo.ts'
import { isServicePort } from './ports.ts'
import type { SavedService } from './saved.ts'
import { startPair } from './pair.ts'
import type { Service } from './service.ts'
import type { TcpProgram } from './tcp-program.ts'

const CHARGEN_PORT = 19
const LINE_WIDTH = 72
const FIRST_CHAR = 0x20
const CHARS = 95
/** The pattern begins again after as many lines as there are characters. */
const PERIODS = 8

export function startChargen(runner: Runner, port = CHARGEN_PORT, saved: SavedService | null = null): Service {
  let line = 0
  const answer = (udp: UdpSocket, _bytes: Buffer, from: { address: string; port: number }): void => {
    if (!isServicePort(from.port)) trySend(udp, patternLines(line++, 7).subarray(0, 512), from)
  }
  return startPair(runner, 'chargen', port, createChargen(), answer, saved)
}

/** `count` lines of the popular pattern of RFC 864, from line `first` on; each ends with CR LF. */
export function patternLines(first: number, count: number): Buffer {
  const out = Buffer.alloc(count * (LINE_WIDTH + 2))
  let at = 0
  for (let i = first; i < first + count; i++) {
    for (let k = 0; k < LINE_WIDTH; k++) out[at++] = FIRST_CHAR + ((i + k) % CHARS)
    out[at++] = 13
    out[at++] = 10
  }
  return out
}

/** `at` is the place in the pattern. */
function createChargen(): TcpProgram<{ at: number }> {
  const block = patternLines(0, PERIODS * CHARS)
  return {
    begin: () => ({ at: 0 }),
    // RFC 864: "the data received is thrown away"; the peer ends the connection
    busy: () => false,
    received: () => undefined,
    next: ({ data, ended }) => block.subarray(ended ? block.length : data.at % block.length),
    sent: ({ data }, bytes) => {
      data.at = (data.at + bytes) % block.length
    },
    over: () => undefined,
  }
}
