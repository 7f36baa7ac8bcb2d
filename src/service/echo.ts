/** Echo (RFC 862): sends back what it receives, over TCP and UDP port 7. */

import { TcpServer } from '../socket/tcp.ts'
import { UdpSocket } from '../socket/udp.ts'
import type { Runner } from '../vnet/runner.ts'
import type { Service } from './service.ts'
import { isServicePort } from './ports.ts'

const ECHO_PORT = 7

export function startEcho(runner: Runner, port = ECHO_PORT): Service {
  const tcp = new TcpServer(runner, (socket) => {
    socket.on('error', () => socket.destroy())
    socket.pipe(socket)
  })
  const udp = new UdpSocket(runner)
  udp.on('error', () => undefined)
  udp.on('message', (bytes: Buffer, from: { address: string; port: number }) => {
    // two echo servers must not keep each other busy for ever
    if (!isServicePort(from.port)) trySend(udp, bytes, from)
  })
  tcp.listen({ port, allowHalfOpen: true })
  udp.bind(port)
  return {
    name: 'echo',
    ports: [`tcp/${port}`, `udp/${port}`],
    stop: () => {
      tcp.close()
      tcp.closeAllConnections()
      udp.close()
    },
  }
}

/** Sends, or drops what cannot be sent now (no route, no buffer): UDP promises nothing. */
export function trySend(udp: UdpSocket, bytes: Uint8Array, to: { address: string; port: number }): void {
  try {
    udp.send(bytes, to.port, to.address)
  } catch {
    // counted by the stack (netstat -s)
  }
}
