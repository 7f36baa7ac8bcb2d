/** Discard (RFC 863): throws away what it receives, over TCP and UDP port 9. */

import { TcpServer } from '../socket/tcp.ts'
import { UdpSocket } from '../socket/udp.ts'
import type { Runner } from '../vnet/runner.ts'
import type { Service } from './service.ts'

const DISCARD_PORT = 9

export function startDiscard(runner: Runner, port = DISCARD_PORT): Service {
  const tcp = new TcpServer(runner, (socket) => {
    socket.on('error', () => socket.destroy())
    socket.resume()
  })
  const udp = new UdpSocket(runner)
  udp.on('error', () => undefined)
  udp.on('message', () => undefined)
  tcp.listen({ port })
  udp.bind(port)
  return {
    name: 'discard',
    ports: [`tcp/${port}`, `udp/${port}`],
    stop: () => {
      tcp.close()
      tcp.closeAllConnections()
      udp.close()
    },
  }
}
