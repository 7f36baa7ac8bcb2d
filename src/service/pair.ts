/** The old simple services are pairs: a TCP program and a UDP socket on the same port. */

import { UdpSocket } from '../socket/udp.ts'
import type { Runner } from '../vnet/runner.ts'
import type { SavedService, TalkData } from './saved.ts'
import type { Service } from './service.ts'
import { TcpProgramServer } from './tcp-program.ts'
import type { TcpProgram } from './tcp-program.ts'

type Answer = (udp: UdpSocket, bytes: Buffer, from: { address: string; port: number }) => void

/** Starts both on `port`, or goes on with what was saved. Throws EADDRINUSE where the port is taken. */
export function startPair<D extends TalkData>(
  runner: Runner, name: string, port: number, program: TcpProgram<D>, answer: Answer, saved: SavedService | null,
): Service {
  const tcp = new TcpProgramServer(runner, program)
  const udp = saved === null ? new UdpSocket(runner) : new UdpSocket(runner, 'IPv4', saved.udp)
  udp.on('error', () => undefined)
  udp.on('message', (bytes: Buffer, from: { address: string; port: number }) => answer(udp, bytes, from))
  if (saved === null) {
    tcp.listen(port)
    udp.bind(port)
  } else tcp.adopt(saved.listener, saved.talks)
  return {
    name,
    ports: [`tcp/${port}`, `udp/${port}`],
    save: () => ({ name, listener: tcp.listener, udp: udp.id, talks: tcp.save() }),
    abandon: () => tcp.abandon(),
    stop: () => {
      tcp.stop()
      udp.close()
    },
  }
}
