/** Character generator (RFC 864): TCP gets an endless pattern, each UDP datagram one answer of 0…512 bytes; port 19. */

import { Readable } from 'node:stream'
import { TcpServer } from '../socket/tcp.ts'
import { UdpSocket } from '../socket/udp.ts'
import type { Runner } from '../vnet/runner.ts'
import { trySend } from './echo.ts'
import { isServicePort } from './ports.ts'
import type { Service } from './service.ts'

const CHARGEN_PORT = 19
const LINE_WIDTH = 72
const FIRST_CHAR = 0x20
const CHARS = 95

export function startChargen(runner: Runner, port = CHARGEN_PORT): Service {
  const tcp = new TcpServer(runner, (socket) => {
    const pattern = patternStream()
    socket.on('error', () => socket.destroy())
    socket.on('close', () => pattern.destroy())
    // RFC 864: "the data received is thrown away"; the peer ends the connection
    socket.resume()
    pattern.pipe(socket)
  })
  const udp = new UdpSocket(runner)
  let line = 0
  udp.on('error', () => undefined)
  udp.on('message', (_bytes: Buffer, from: { address: string; port: number }) => {
    if (!isServicePort(from.port)) trySend(udp, patternLines(line++, 7).subarray(0, 512), from)
  })
  tcp.listen({ port })
  udp.bind(port)
  return {
    name: 'chargen',
    ports: [`tcp/${port}`, `udp/${port}`],
    stop: () => {
      tcp.close()
      tcp.closeAllConnections()
      udp.close()
    },
  }
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

function patternStream(): Readable {
  const lines = 8 * CHARS
  const block = patternLines(0, lines)
  return new Readable({
    read() {
      this.push(block)
    },
  })
}
