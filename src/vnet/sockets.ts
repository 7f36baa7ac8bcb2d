/** The sockets that a program holds or may adopt: not those whose user has gone, nor connections not yet accepted. */

import { addrPrint } from '../lib/addr.ts'
import type { Inpcb } from '../inet/state.ts'
import { isDormant } from '../tcp/state-dormant.ts'
import { TCPS_LISTEN } from '../tcp/state.ts'
import { tcpIsUsers } from '../tcp/drop.ts'
import { tcpStateName } from '../tcp/fsm.ts'
import type { VnetState } from './state.ts'

export interface SocketInfo {
  id: number
  kind: 'tcp' | 'tcp-listener' | 'udp' | 'raw'
  /** Of TCP as netstat has it; '' otherwise. */
  state: string
  localAddress: string
  localPort: number
  /** Unspecified, with port 0, where there is no peer. */
  remoteAddress: string
  remotePort: number
  /** Bytes (TCP), datagrams or connections that can be read now. */
  unread: number
}

/** In the order of making: TCP, then UDP, then raw. */
export function socketInfos({ tcp, udp, raw }: VnetState): SocketInfo[] {
  const found: SocketInfo[] = []
  for (const tcb of tcp.tcbs.values()) {
    if (!tcpIsUsers(tcb)) continue
    const listens = tcb.state === TCPS_LISTEN
    const unread = listens ? (tcp.listeners.get(tcb.inp.id)?.queue.length ?? 0) : isDormant(tcb) ? 0 : tcb.rcvBuf.len
    found.push(infoOf(tcb.inp, listens ? 'tcp-listener' : 'tcp', tcpStateName(tcb.state), unread))
  }
  for (const pcb of udp.pcbs.values()) found.push(infoOf(pcb.inp, 'udp', '', pcb.queue.length))
  for (const pcb of raw.pcbs.values()) found.push(infoOf(pcb.inp, 'raw', '', pcb.queue.length))
  return found
}

function infoOf(inp: Inpcb, kind: SocketInfo['kind'], state: string, unread: number): SocketInfo {
  return {
    id: inp.id, kind, state, localAddress: addrPrint(inp.laddr), localPort: inp.lport,
    remoteAddress: addrPrint(inp.faddr), remotePort: inp.fport, unread,
  }
}
