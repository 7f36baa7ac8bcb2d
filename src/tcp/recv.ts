/** RECEIVE (RFC 9293 §3.10.3). */

import { MSG_OOB, MSG_PEEK, MSG_TRUNC } from '../inet/sockopt.ts'
import { inpTakeError } from '../inet/inpopt.ts'
import type { Vn } from '../kern/vn.ts'
import { ringDrop, ringPeek } from '../lib/bytering.ts'
import { EAGAIN, EBADF, ENOTCONN } from '../lib/errno.ts'
import { tcbOf } from './dormant.ts'
import { tcpIsOpening } from './fsm.ts'
import { tcpBufferDrained } from './idle.ts'
import { tcpWindowUpdate } from './output.ts'
import { tcpCharge } from './quota.ts'
import {
  TCPS_CLOSED, TCPS_LISTEN, TF_CANTRCVMORE, TF_CANTSENDMORE, TF_GOTFIN,
} from './state.ts'
import { tcpReadable, tcpRecvOob, tcpUrgentPass, tcpUrgentRead, tcpUrgentSkip } from './urgent.ts'

/**
 * Moves up to `len` received bytes to `buf` at `at`. Returns their number, 0 at the end of the stream, -EAGAIN when
 * there is nothing yet, or the pending error once everything is read. May send a window update.
 */
export function tcpRecv(vn: Vn, id: number, buf: Uint8Array, at: number, len: number, flags: number): number {
  const tcb = tcbOf(vn, id)
  if (tcb === undefined) return -EBADF
  if ((flags & MSG_OOB) !== 0) return tcpRecvOob(tcb, buf, at, len, flags)
  const skip = tcpUrgentSkip(tcb)
  const n = tcpIsOpening(tcb) ? 0 : Math.min(len, tcpReadable(tcb))
  if (skip > 0 && (flags & MSG_PEEK) === 0) {
    tcpUrgentPass(tcb)
    if (n === 0) tcpCharge(vn, tcb)
  }
  if (n > 0) {
    // MSG_TRUNC: the user wants to be rid of it, not to see it
    if ((flags & MSG_TRUNC) === 0) ringPeek(tcb.rcvBuf, (flags & MSG_PEEK) !== 0 ? skip : 0, buf, at, n)
    if ((flags & MSG_PEEK) !== 0) return n
    ringDrop(tcb.rcvBuf, n, tcb.reass.length > 0)
    tcpCharge(vn, tcb)
    tcpBufferDrained(vn, tcb, tcb.rcvBuf)
    tcpUrgentRead(tcb)
    tcpWindowUpdate(vn, tcb)
    return n
  }
  if (len === 0 && tcb.rcvBuf.len > 0) return 0
  if (tcb.inp.soError !== 0) return -inpTakeError(tcb.inp)
  if ((tcb.flags & (TF_GOTFIN | TF_CANTRCVMORE)) !== 0) return 0
  if (tcb.state === TCPS_CLOSED) return (tcb.flags & TF_CANTSENDMORE) !== 0 ? 0 : -ENOTCONN
  return tcb.state === TCPS_LISTEN ? -ENOTCONN : -EAGAIN
}
