/** Sockets again: what a Vnet that was restored or cloned has open becomes objects for Node programs. */

import { SO_KIND_MASK, SO_TCP, SO_UDP } from '../inet/state.ts'
import { EV_GONE } from '../kern/vn.ts'
import { EBADF, EPROTONOSUPPORT } from '../lib/errno.ts'
import { TCPS_CLOSED, TCPS_LISTEN, TCPS_SYN_RECEIVED } from '../tcp/state.ts'
import type { Runner } from '../vnet/runner.ts'
import { soList, soReady } from '../vnet/so.ts'
import { socketError } from './errors.ts'
import { TcpServer, TcpSocket } from './tcp.ts'
import { UdpSocket } from './udp.ts'

export interface AdoptOptions {
  /** Of TCP, as when it was made: the id does not tell. */
  allowHalfOpen?: boolean
}

/**
 * Takes over socket `id` of the runner's Vnet (`vnet.sockets()` lists them), with what it has not read yet. Throws EBADF
 * for an id that no program can hold, EPROTONOSUPPORT for a raw socket: those are used by id (BsdSockets).
 */
export function adoptSocket(runner: Runner, id: number, options: AdoptOptions = {}): TcpSocket | TcpServer | UdpSocket {
  const { vnet } = runner
  if (!soList(vnet).includes(id) || (soReady(vnet, id) & EV_GONE) !== 0) throw socketError(EBADF, 'adopt')
  switch (id & SO_KIND_MASK) {
    case SO_UDP: return new UdpSocket(runner, 'IPv4', id)
    case SO_TCP: return adoptTcp(runner, id, options.allowHalfOpen ?? false)
    default: throw socketError(EPROTONOSUPPORT, 'adopt')
  }
}

function adoptTcp(runner: Runner, id: number, allowHalfOpen: boolean): TcpSocket | TcpServer {
  const state = runner.vnet.state.tcp.tcbs.get(id)?.state ?? TCPS_CLOSED
  if (state === TCPS_LISTEN) return new TcpServer(runner).adopt(id, { allowHalfOpen })
  return new TcpSocket(runner, id, { connecting: state > TCPS_LISTEN && state <= TCPS_SYN_RECEIVED, allowHalfOpen })
}
