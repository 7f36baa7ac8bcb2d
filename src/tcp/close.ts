/** CLOSE and ABORT (RFC 9293 §3.6, §3.10.4, §3.10.5), and the half-close between them. */

import { inpRemove } from '../inet/inptable.ts'
import { SHUT_RD, SHUT_WR } from '../inet/sockopt.ts'
import { EV_READ, EV_WRITE, eventPost } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { ringClear } from '../lib/bytering.ts'
import { EBADF, ECONNABORTED, ECONNRESET, EINVAL, ENOTCONN } from '../lib/errno.ts'
import { tcpFinWait2 } from './ack.ts'
import { tcpConnectNow } from './connect.ts'
import { tcbOf } from './dormant.ts'
import { tcpDrop, tcpDropSilently, tcpFree, tcpIsDone, tcpIsUsers } from './drop.ts'
import { tcpFastDeferred } from './fastclient.ts'
import { tcpCanReceive, tcpSetState } from './fsm.ts'
import { tcpOutput } from './output.ts'
import { tcpCharge } from './quota.ts'
import {
  TCPS_CLOSED, TCPS_CLOSE_WAIT, TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, TCPS_LAST_ACK, TCPS_LISTEN, TCPS_SYN_RECEIVED,
  TCPS_SYN_SENT, TF_CANTRCVMORE, TF_CANTSENDMORE, TF_ORPHAN,
} from './state.ts'
import type { Tcb } from './state.ts'
import { tcpSyncacheRemoveAll } from './syncache.ts'
import { tcpStats } from './stats.ts'

/**
 * The user is done with the socket: the id is invalid afterwards (EV_GONE when the connection has ended too). What is
 * queued is still sent; unread data means that the user aborts (RFC 1122 §4.2.2.13, SHLD-3), as does a linger of 0.
 */
export function tcpClose(vn: Vn, id: number): number {
  const { tcp, sysctl } = vn.state
  const tcb = tcbOf(vn, id)
  if (tcb === undefined || !tcpIsUsers(tcb)) return EBADF
  if (tcb.state === TCPS_LISTEN) closeListener(vn, tcb)
  tcb.flags |= TF_ORPHAN
  tcp.orphans++
  if (tcpIsDone(tcb)) {
    tcpFree(vn, tcb)
    return 0
  }
  if (tcb.state === TCPS_SYN_SENT) {
    tcpDropSilently(vn, tcb, 0)
    return 0
  }
  if (tcb.rcvBuf.len > 0 || tcb.linger === 0) {
    tcpDrop(vn, tcb, ECONNABORTED)
    return 0
  }
  tcb.flags |= TF_CANTRCVMORE
  // what is parked will not be read: it counts no more
  tcpCharge(vn, tcb)
  if (tcp.orphans > sysctl['net.inet.tcp.maxorphans']) {
    tcpStats(vn).orphandrop++
    tcpDrop(vn, tcb, ECONNABORTED)
    return 0
  }
  sendFin(vn, tcb)
  tcpFinWait2(vn, tcb)
  return 0
}

/** Ends the connection with a reset and forgets what is queued; the id is invalid afterwards. */
export function tcpAbort(vn: Vn, id: number): number {
  const { tcp } = vn.state
  const tcb = tcbOf(vn, id)
  if (tcb === undefined || !tcpIsUsers(tcb)) return EBADF
  if (tcb.state === TCPS_LISTEN) closeListener(vn, tcb)
  tcb.flags |= TF_ORPHAN
  tcp.orphans++
  if (tcpIsDone(tcb)) tcpFree(vn, tcb)
  // RFC 9293 §3.10.5: where both FINs have gone there is nothing to reset
  else if (tcb.state === TCPS_SYN_SENT || tcb.state > TCPS_FIN_WAIT_1 && !tcpCanReceive(tcb.state)) {
    tcpDropSilently(vn, tcb, 0)
  } else tcpDrop(vn, tcb, ECONNRESET)
  return 0
}

/**
 * Half-close: SHUT_WR sends FIN behind what is queued (MAY-1), SHUT_RD throws away what comes. ENOTCONN without a peer.
 */
export function tcpShutdown(vn: Vn, id: number, how: number): number {
  const tcb = tcbOf(vn, id)
  if (tcb === undefined) return EBADF
  if (how < SHUT_RD || how > SHUT_RD + 2) return EINVAL
  if (tcb.state === TCPS_CLOSED || tcb.state === TCPS_LISTEN) return ENOTCONN
  if (how !== SHUT_WR) {
    tcb.flags |= TF_CANTRCVMORE
    ringClear(tcb.rcvBuf)
    tcpCharge(vn, tcb)
    eventPost(vn, id, EV_READ)
  }
  if (how !== SHUT_RD && (tcb.flags & TF_CANTSENDMORE) === 0) {
    sendFin(vn, tcb)
    eventPost(vn, id, EV_WRITE)
  }
  return 0
}

/** No more data from the user: FIN goes when everything before it is sent (RFC 9293 §3.10.4). */
function sendFin(vn: Vn, tcb: Tcb): void {
  tcb.flags |= TF_CANTSENDMORE
  switch (tcb.state) {
    case TCPS_ESTABLISHED:
      tcpSetState(tcb, TCPS_FIN_WAIT_1)
      break
    case TCPS_CLOSE_WAIT:
      tcpSetState(tcb, TCPS_LAST_ACK)
      break
    // before ESTABLISHED the flag says what is to follow (established.ts)
    case TCPS_SYN_SENT:
    case TCPS_SYN_RECEIVED:
      // nothing is left that the SYN could wait for
      if (tcpFastDeferred(tcb)) tcpConnectNow(vn, tcb)
      return
    default: return
  }
  tcpOutput(vn, tcb)
}

/** A listener goes, and with it what nobody has accepted. */
function closeListener(vn: Vn, tcb: Tcb): void {
  const { tcp } = vn.state
  const listener = tcp.listeners.get(tcb.inp.id)
  if (listener === undefined) return
  tcpSyncacheRemoveAll(vn, listener)
  for (const id of listener.queue) {
    const child = tcbOf(vn, id) as Tcb
    child.listener = 0
    tcpAbort(vn, id)
  }
  tcp.listeners.delete(tcb.inp.id)
  inpRemove(vn, tcp.table, tcp.tcbs, tcb.inp)
  tcpSetState(tcb, TCPS_CLOSED)
}
