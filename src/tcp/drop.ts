/** The end of a connection: its record is taken out of the tables, its user told, its memory given back. */

import { inpRemove } from '../inet/inptable.ts'
import { INP_LISTENING } from '../inet/state.ts'
import { EV_ERROR, EV_GONE, EV_READ, EV_WRITE, eventPost } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { ringClear } from '../lib/bytering.ts'
import { tcpTimerStopAll } from './deadline.ts'
import { tcpFastUnanswered } from './fastclient.ts'
import { tcpFastOpenSettled } from './fastopen.ts'
import { tcpSetState } from './fsm.ts'
import { tcpCharge } from './quota.ts'
import { tcpReassForget } from './reass.ts'
import { tcpSendReset } from './respond.ts'
import { sentClear } from './sent.ts'
import { isDormant } from './state-dormant.ts'
import type { TcpSocketRecord } from './state-dormant.ts'
import {
  TCPS_CLOSED, TCPS_LISTEN, TCPS_SYN_RECEIVED, TCPS_TIME_WAIT, TF_CANTSENDMORE, TF_ORPHAN,
} from './state.ts'
import type { Tcb } from './state.ts'
import { tcpTraceFree, tcpTraceState } from './trace.ts'
import { tcpStats } from './stats.ts'

/**
 * Ends a connection with an error for its user (MUST-12: an abort is told from a close), after a reset to the peer
 * where the peer knows the connection. The record stays for the user to learn of it, unless the user is gone.
 */
export function tcpDrop(vn: Vn, tcb: Tcb, errno: number): void {
  const stats = tcpStats(vn)
  if (tcb.state >= TCPS_SYN_RECEIVED) {
    stats.drops++
    tcpSendReset(vn, tcb)
  } else stats.conndrops++
  tcpDropSilently(vn, tcb, errno)
}

/** As tcpDrop, but the peer is not told (it told us, or is out of reach). */
export function tcpDropSilently(vn: Vn, tcb: Tcb, errno: number): void {
  tcb.inp.soError = errno
  if (errno !== 0) eventPost(vn, tcb.inp.id, EV_ERROR)
  tcpEnd(vn, tcb)
}

/** CLOSED: out of the tables, timers off. What was received can still be read while the user holds the socket. */
export function tcpEnd(vn: Vn, tcb: Tcb): void {
  tcpStats(vn).closed++
  tcpSetState(tcb, TCPS_CLOSED)
  tcpDetach(vn, tcb)
}

/** Nothing more will come or go on this connection; the user still has the socket, or the record goes too. */
export function tcpDetach(vn: Vn, tcb: Tcb): void {
  tcpTimerStopAll(tcb)
  tcpTraceState(vn, tcb)
  if (tcb.fastFlags !== 0) {
    tcpFastOpenSettled(vn, tcb, false)
    tcpFastUnanswered(vn, tcb)
  }
  inpRemove(vn, vn.state.tcp.table, vn.state.tcp.tcbs, tcb.inp)
  ringClear(tcb.sndBuf)
  sentClear(tcb.sent)
  tcpReassForget(tcb)
  tcpCharge(vn, tcb)
  tcb.flags |= TF_CANTSENDMORE
  if ((tcb.flags & TF_ORPHAN) !== 0) tcpFree(vn, tcb)
  else eventPost(vn, tcb.inp.id, EV_READ | EV_WRITE)
}

/** The record and its id vanish. */
export function tcpFree(vn: Vn, tcb: Tcb): void {
  const { tcp } = vn.state
  const { id } = tcb.inp
  if ((tcb.flags & TF_ORPHAN) !== 0) tcp.orphans--
  tcpTimerStopAll(tcb)
  tcpTraceFree(vn, tcb)
  inpRemove(vn, tcp.table, tcp.tcbs, tcb.inp)
  tcp.tcbs.delete(id)
  ringClear(tcb.sndBuf)
  ringClear(tcb.rcvBuf)
  tcpReassForget(tcb)
  tcpCharge(vn, tcb)
  eventPost(vn, id, EV_GONE)
}

/** A user has the socket's id: it was not closed, and if it came in by a listener it was accepted. */
export function tcpIsUsers(tcb: TcpSocketRecord): boolean {
  return isDormant(tcb) || (tcb.flags & TF_ORPHAN) === 0 && tcb.listener === 0
}

/** The connection is over as far as its user's calls go. */
export function tcpIsDone(tcb: Tcb): boolean {
  return tcb.state === TCPS_CLOSED || tcb.state === TCPS_TIME_WAIT
}

export function tcpIsListener(tcb: Tcb): boolean {
  return tcb.state === TCPS_LISTEN && (tcb.inp.options & INP_LISTENING) !== 0
}
