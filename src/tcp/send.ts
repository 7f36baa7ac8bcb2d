/** SEND (RFC 9293 §3.10.2). */

import { MSG_OOB } from '../inet/sockopt.ts'
import { inpTakeError } from '../inet/inpopt.ts'
import type { Vn } from '../kern/vn.ts'
import { ringAppend } from '../lib/bytering.ts'
import { EAGAIN, EBADF, ENOTCONN, EPIPE } from '../lib/errno.ts'
import { seqAdd } from '../lib/seq.ts'
import { tcpBulkWaits } from './bulk.ts'
import { tcpConnectNow } from './connect.ts'
import { tcbOf } from './dormant.ts'
import { tcpFastDeferred } from './fastclient.ts'
import { tcpCanSend, tcpIsOpening } from './fsm.ts'
import { tcpOutput } from './output.ts'
import { tcpCharge, tcpSndLimit } from './quota.ts'
import { tcpUnsentFull } from './useropt.ts'
import { TCPS_SYN_RECEIVED, TF_ACKNOW, TF_CANTSENDMORE, TF_MORETOCOME, TF_WANTWRITE } from './state.ts'

/**
 * Queues up to `len` bytes of `buf` at `at` and sends what may go. Returns the bytes taken, or -EAGAIN when the buffer
 * is full (EV_WRITE follows), -EPIPE after shutdown, -ENOTCONN, or the pending error. Before ESTABLISHED data is
 * queued.
 */
export function tcpSend(vn: Vn, id: number, buf: Uint8Array, at: number, len: number, flags: number): number {
  const tcb = tcbOf(vn, id)
  if (tcb === undefined) return -EBADF
  if (tcb.inp.soError !== 0) return -inpTakeError(tcb.inp)
  if ((tcb.flags & TF_CANTSENDMORE) !== 0) return -EPIPE
  const opening = tcpIsOpening(tcb)
  if (!opening && !tcpCanSend(tcb.state) && tcb.state !== TCPS_SYN_RECEIVED) return -ENOTCONN
  if (len === 0) return 0
  const n = tcpUnsentFull(vn, tcb) ? 0 : Math.min(len, tcpSndLimit(vn, tcb) - tcb.sndBuf.len)
  tcb.flags = n < len ? tcb.flags | TF_WANTWRITE | TF_MORETOCOME : tcb.flags & ~TF_MORETOCOME
  if (n <= 0) return -EAGAIN
  ringAppend(tcb.sndBuf, buf, at, n)
  tcpCharge(vn, tcb)
  if ((flags & MSG_OOB) !== 0) {
    // SND.UP names the octet behind the urgent data (MUST-62); the peer should hear of it even if its window is closed
    tcb.sndUp = seqAdd(tcb.sndUna, tcb.sndBuf.len + (opening ? 1 : 0))
    if (!opening) tcb.flags |= TF_ACKNOW
  }
  if (opening) {
    // the first data of a connection whose SYN has waited for it (RFC 7413 §4.2.2)
    if (tcpFastDeferred(tcb)) tcpConnectNow(vn, tcb)
  } else if ((flags & MSG_OOB) !== 0 || !tcpBulkWaits(vn, tcb)) tcpOutput(vn, tcb)
  return n
}
