/** Sockets as `netstat -an` shows them: connections, half-open ones and TIME-WAIT included. */

import type { Inpcb } from '../inet/state.ts'
import { addrIsUnspecified, addrPrint } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { tcpList } from '../tcp/info.ts'
import { IPPROTO_ICMP } from '../wire/ipv4.ts'
import type { Runner } from '../vnet/runner.ts'
import { soDropConnections } from '../vnet/so.ts'

export interface SocketRow {
  /** 'tcp4', 'udp4', 'icmp4' or 'raw4:PROTOCOL'. */
  proto: string
  /** Bytes received and not read; of a listener, connections that wait for accept. */
  recvQ: number
  /** Bytes not yet acknowledged; of a listener, its backlog. */
  sendQ: number
  local: string
  foreign: string
  /** '' for a socket without states. */
  state: string
  /** The Vnet's id of the socket; 0 for a record that has no socket. */
  id: number
}

/** TCP (listeners, connections, half-open, TIME-WAIT), then UDP, then raw sockets. */
export function socketRows(runner: Runner): SocketRow[] {
  const { udp, raw } = runner.vnet.state
  const rows = tcpList(runner.vnet.vn).map((t) => socketRow('tcp4', t, t.recvQ, t.sendQ, t.state, t.id))
  for (const p of udp.pcbs.values()) {
    rows.push(socketRow('udp4', p.inp, p.queue.reduce((sum, d) => sum + d.bytes.length, 0), 0, '', p.inp.id))
  }
  for (const p of raw.pcbs.values()) {
    const proto = p.proto === IPPROTO_ICMP ? 'icmp4' : `raw4:${p.proto}`
    rows.push(socketRow(proto, p.inp, p.queue.reduce((sum, d) => sum + d.bytes.length, 0), 0, '', p.inp.id))
  }
  return rows
}

/** Ends every TCP connection with a reset, also those whose user has gone (tcpdrop(8)). */
export function connectionsDrop(runner: Runner): void {
  soDropConnections(runner.vnet, runner.now())
  runner.kick()
}

function socketRow(
  proto: string, inp: Pick<Inpcb, 'laddr' | 'lport' | 'faddr' | 'fport'>, recvQ: number, sendQ: number, state: string,
  id: number,
): SocketRow {
  return { proto, recvQ, sendQ, local: end(inp.laddr, inp.lport), foreign: end(inp.faddr, inp.fport), state, id }
}

/** `10.0.0.1:80`, with a star for what is not bound. */
function end(addr: Addr, port: number): string {
  return `${addrIsUnspecified(addr) ? '*' : addrPrint(addr)}:${port === 0 ? '*' : port}`
}
