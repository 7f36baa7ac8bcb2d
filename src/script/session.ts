/** A script while it runs: the stack, the descriptors the script holds, the conversations it speaks of. */

import { createAddr } from '../lib/addr.ts'
import { SO_KIND_MASK, SO_TCP } from '../inet/state.ts'
import { tcbSeen } from '../tcp/state-dormant.ts'
import type { Tcb } from '../tcp/state.ts'
import { soName, soPeer } from '../vnet/so.ts'
import type { SoFrom } from '../vnet/so.ts'
import type { Config } from './config.ts'
import { ScriptError, unsupported } from './error.ts'
import { createFlow } from './flow.ts'
import type { Flow } from './flow.ts'
import type { Stack } from './stack.ts'

/** A descriptor of the script. */
export interface OpenFile {
  /** Id of the socket. */
  id: number
  nonblocking: boolean
  /** AF_INET, or AF_INET6 in mapped mode. */
  family: number
  /** The last send said MSG_MORE. */
  more: boolean
  /** SO_RCVTIMEO and SO_SNDTIMEO in µs, 0 for none: what a blocking call waits at most (timeouts.ts). */
  rcvTimeoUs: number
  sndTimeoUs: number
  /** Options that are only kept (constants-listed.ts), by their numbers. */
  readonly passive: Map<number, number>
  /** What an epoll descriptor watches, by descriptor; null for sockets. */
  readonly epoll: Map<number, EpollWatch> | null
}

export interface EpollWatch {
  events: number
  data: number
  /** What held when it was last looked at (edges), and whether a one-shot has been told. */
  told: number
  off: boolean
}

export interface Session {
  /** The nonce option of the stack's last question of duplicate address detection. */
  nonce: readonly number[]
  readonly stack: Stack
  readonly config: Config
  readonly files: Map<number, OpenFile>
  highestFd: number
  readonly flows: Flow[]
  /** The conversation that packets without ports belong to. */
  current: Flow | null
  nextPort: number
  /** Names that code has assigned; they live as long as the script. */
  readonly vars: Map<string, number>
}

/** The peer's ports, as long as the script gives none. */
const FIRST_PEER_PORT = 49_152

export function createSession(stack: Stack, config: Config): Session {
  return {
    nonce: [], stack, config, files: new Map(), highestFd: 2, flows: [], current: null, nextPort: FIRST_PEER_PORT,
    vars: new Map(),
  }
}

/** Gives a new socket the number that the script expects: the lowest that is free, or one never used. */
export function fileOpen(session: Session, id: number, fd: number, family: number): void {
  fileCheckNumber(session, fd)
  session.files.set(fd, { id, nonblocking: false, family, more: false, rcvTimeoUs: 0, sndTimeoUs: 0, passive: new Map(), epoll: null })
}

/** Whether the number may be that of a new descriptor; it is then taken. */
export function fileCheckNumber(session: Session, fd: number): void {
  let lowest = 3
  while (session.files.has(lowest)) lowest++
  if (fd !== lowest && fd !== session.highestFd + 1) {
    throw new ScriptError('mismatch', `the new descriptor is ${lowest}, expected ${fd}`)
  }
  session.highestFd = Math.max(session.highestFd, fd)
}

export function flowNew(session: Session, localPort: number, remotePort: number): Flow {
  const flow = createFlow(localPort, remotePort)
  session.flows.push(flow)
  session.current = flow
  return flow
}

export function flowFind(session: Session, localPort: number, remotePort: number): Flow | null {
  return session.flows.findLast((f) => f.localPort === localPort && f.remotePort === remotePort) ?? null
}

/** The next port of the peer. */
export function peerPort(session: Session): number {
  return session.nextPort++
}

/** The flow between a socket's addresses, which becomes the current one. */
export function flowOfSocket(session: Session, id: number): Flow {
  const { vnet } = session.stack
  const local = createFrom()
  const peer = createFrom()
  soName(vnet, id, local)
  const remotePort = soPeer(vnet, id, peer) === 0 ? peer.port : -1
  const flow = flowFind(session, local.port, remotePort)
  if (flow === null) return flowNew(session, local.port, remotePort)
  session.current = flow
  return flow
}

export function createFrom(): SoFrom {
  return { addr: createAddr(), port: 0, truncated: false }
}

/** The TCP record of the current conversation: of the connection between its ports, or of the listener. */
export function currentTcb(session: Session): Tcb | null {
  const { current } = session
  if (current === null) return null
  for (const tcb of session.stack.vnet.state.tcp.tcbs.values()) {
    const { inp } = tcb
    if (inp.lport === current.localPort && inp.fport === Math.max(0, current.remotePort)) return tcbSeen(tcb)
  }
  return null
}

/** The TCP record of a descriptor; other sockets do not have what it is asked for. */
export function tcbOf(session: Session, id: number, what: string): Tcb {
  const record = session.stack.vnet.state.tcp.tcbs.get(id)
  if (record === undefined) throw unsupported((id & SO_KIND_MASK) === SO_TCP ? `${what} of a closed socket` : `${what} without TCP`)
  return tcbSeen(record)
}
