/**
 * The user's calls (RFC 9293 §3.10.1–§3.10.6): OPEN here as attach, bind, listen and accept; connect, SEND,
 * RECEIVE and CLOSE in their own files. Each returns an errno (0: done) or, where a count or an id is the result, its negative.
 */

import { inpBind, inpConflict } from '../inet/bind.ts'
import { INP_LISTENING } from '../inet/state.ts'
import { EV_ACCEPT, EV_ERROR, EV_GONE, EV_READ, EV_WRITE } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { EADDRINUSE, EAGAIN, EBADF, EINVAL } from '../lib/errno.ts'
import { tableIn } from '../lib/table.ts'
import { tcpIsUsed } from './connect.ts'
import { tcbOf, tcpIdleArm } from './dormant.ts'
import { isDormant, tcbSeen } from './state-dormant.ts'
import type { TcpSocketRecord } from './state-dormant.ts'
import { tcpFastDeferred } from './fastclient.ts'
import { tcpCanSend, tcpIsOpening, tcpSetState } from './fsm.ts'
import { tcpSndLimit } from './quota.ts'
import { TCPS_CLOSED, TCPS_LISTEN, TCPS_SYN_RECEIVED, TF_CANTRCVMORE, TF_CANTSENDMORE, TF_GOTFIN } from './state.ts'
import { createListener } from './state-small.ts'
import type { Tcb } from './state.ts'
import { tcpUnsentFull } from './useropt.ts'
import { tcpNewSocket } from './tcb.ts'
import { tcpReadable, tcpUrgentLeft, EV_URGENT } from './urgent.ts'

export { tcpAbort, tcpClose, tcpShutdown } from './close.ts'
export { tcpConnect, tcpFastConnect } from './connect.ts'
export { tcpRecv } from './recv.ts'
export { tcpSend } from './send.ts'

/** A new socket; returns its id. */
export function tcpAttach(vn: Vn, family: number): number {
  return tcpNewSocket(vn, family)
}

/** Sets the local address and port (MUST-43); port 0 takes an ephemeral one. */
export function tcpBind(vn: Vn, id: number, addr: Addr, port: number): number {
  const { tcp } = vn.state
  const record = tcp.tcbs.get(id)
  if (record === undefined) return EBADF
  if (!isUnused(record)) return EINVAL
  return inpBind(vn, record.inp, tcp.table, tcp.tcbs, addr, port)
}

/** Passive OPEN; on a listener it changes the backlog. Connections that exist are not touched (MUST-41). */
export function tcpListen(vn: Vn, id: number, backlog: number): number {
  const { tcp, sysctl } = vn.state
  const record = tcp.tcbs.get(id)
  if (record === undefined) return EBADF
  const { inp } = record
  const most = sysctl['kern.ipc.soacceptqueue']
  const limit = backlog < 0 ? most : Math.min(Math.max(1, backlog), most)
  const listener = tcp.listeners.get(id)
  if (listener !== undefined) {
    listener.backlog = limit
    return 0
  }
  if (!isUnused(record)) return EINVAL
  if (inp.lport === 0) {
    const errno = inpBind(vn, inp, tcp.table, tcp.tcbs, inp.laddr, 0)
    if (errno !== 0) return errno
  }
  // asked before it counts as a listener: connections of a server that was restarted are no reason to refuse
  if (inpConflict(inp, tcp.table, tcp.tcbs, inp.laddr, inp.lport)) return EADDRINUSE
  inp.options |= INP_LISTENING
  tcpSetState(record, TCPS_LISTEN)
  tableIn(tcp, 'listeners').set(id, createListener(limit))
  if (!isDormant(record)) tcpIdleArm(vn, record)
  return 0
}

/** Neither open nor closed again; what sleeps in CLOSED was not used yet. */
function isUnused(record: TcpSocketRecord): boolean {
  return record.state === TCPS_CLOSED && (isDormant(record) || !tcpIsUsed(record))
}

/** The id of the oldest connection that waits, or -EAGAIN. */
export function tcpAccept(vn: Vn, id: number): number {
  const { tcp } = vn.state
  if (!tcp.tcbs.has(id)) return -EBADF
  const listener = tcp.listeners.get(id)
  if (listener === undefined) return -EINVAL
  const child = listener.queue.shift()
  if (child === undefined) return -EAGAIN
  const tcb = tcbOf(vn, child) as Tcb
  tcb.listener = 0
  tcpIdleArm(vn, tcb)
  return child
}

/** What would not block now: EV_* bits, level-triggered; EV_GONE for an id that does not exist. */
export function tcpReady(vn: Vn, id: number): number {
  const { tcp } = vn.state
  const record = tcp.tcbs.get(id)
  if (record === undefined) return EV_GONE
  const listener = tcp.listeners.get(id)
  if (listener !== undefined) return listener.queue.length > 0 ? EV_ACCEPT : 0
  const tcb = tcbSeen(record)
  let what = tcb.inp.soError !== 0 ? EV_ERROR : 0
  if (tcb.state === TCPS_CLOSED && !tcpIsUsed(tcb)) return what
  if (tcpReadable(tcb) >= Math.max(1, Math.min(tcb.user.rcvLowat, tcb.rcvLimit)) && !tcpIsOpening(tcb)) what |= EV_READ
  if ((tcb.flags & (TF_GOTFIN | TF_CANTRCVMORE)) !== 0 || tcpIsUsed(tcb)) what |= EV_READ
  if ((tcb.flags & TF_CANTSENDMORE) !== 0 || (writable(tcb) && hasRoom(vn, tcb))) {
    what |= EV_WRITE
  }
  return tcpUrgentLeft(tcb) > 0 ? what | EV_URGENT : what
}

/** As much room as the user wants before it writes (SO_SNDLOWAT, TCP_NOTSENT_LOWAT). */
function hasRoom(vn: Vn, tcb: Tcb): boolean {
  const limit = tcpSndLimit(vn, tcb)
  return limit - tcb.sndBuf.len >= Math.max(1, Math.min(tcb.user.sndLowat, limit)) && !tcpUnsentFull(vn, tcb)
}

/** Data of the user can be taken now. */
function writable(tcb: Tcb): boolean {
  return tcpCanSend(tcb.state) || tcpFastDeferred(tcb) || (tcb.state === TCPS_SYN_RECEIVED && !tcpIsOpening(tcb))
}
