/**
 * The urgent mechanism (RFC 9293 §3.8.5, RFC 6093): the pointer names the octet behind the urgent data, the data itself
 * stays in line (or, with SO_OOBINLINE off, its last octet is read by MSG_OOB), and the user is told when the pointer advances.
 */

import { userOptionsIn } from './state-user.ts'
import { MSG_PEEK } from '../inet/sockopt.ts'
import { EV_READ, eventPost } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { ringDrop, ringPeek } from '../lib/bytering.ts'
import { EAGAIN, EINVAL } from '../lib/errno.ts'
import { seqAdd, seqDiff, seqGt } from '../lib/seq.ts'
import { tcpCanReceive } from './fsm.ts'
import { TF_GOTFIN, TF_URGENT } from './state.ts'
import type { Seg, Tcb } from './state.ts'

/** Posted with EV_READ when urgent data is announced or grows (MUST-32). */
export const EV_URGENT = 64

/** Sixth check: RCV.UP moves forward only. */
export function tcpUrgentInput(vn: Vn, tcb: Tcb, seg: Seg): void {
  if (!tcpCanReceive(tcb.state)) return
  const up = seqAdd(seg.seq, seg.urp)
  if (!seqGt(up, (tcb.flags & TF_URGENT) !== 0 ? tcb.rcvUp : tcb.rcvNxt)) return
  tcb.rcvUp = up
  const user = userOptionsIn(tcb)
  user.oobTaken = false
  user.oobOctet = -1
  tcb.flags |= TF_URGENT
  eventPost(vn, tcb.inp.id, EV_READ | EV_URGENT)
}

/** Octets from the read position to the end of the urgent data, 0 when none is pending (MUST-33). */
export function tcpUrgentLeft(tcb: Tcb): number {
  if ((tcb.flags & TF_URGENT) === 0) return 0
  // RCV.NXT counts a FIN, which is no octet of the buffer
  const fin = (tcb.flags & TF_GOTFIN) !== 0 ? 1 : 0
  return Math.max(0, seqDiff(tcb.rcvUp, tcb.rcvNxt) + fin + tcb.rcvBuf.len)
}

/** Everything before the (last) urgent octet is read, and that one is not: SIOCATMARK. */
export function tcpAtMark(tcb: Tcb): boolean {
  return tcpUrgentLeft(tcb) === 1
}

/** Octets that a read may take: not beyond the mark, where it ends for once, unless urgent data is in line. */
export function tcpReadable(tcb: Tcb): number {
  const left = tcb.user.oobInline ? 0 : tcpUrgentLeft(tcb)
  if (left === 0) return tcb.rcvBuf.len
  return left === 1 ? Math.max(0, tcb.rcvBuf.len - 1) : Math.min(tcb.rcvBuf.len, left - 1)
}

/** Octets to leave out in front of what a read takes: 1 where it begins at the mark, and the octet is not in line. */
export function tcpUrgentSkip(tcb: Tcb): number {
  return !tcb.user.oobInline && tcpAtMark(tcb) && tcb.rcvBuf.len > 0 ? 1 : 0
}

/** A read begins at the mark: the urgent octet leaves the stream, and is kept for MSG_OOB until the next one. */
export function tcpUrgentPass(tcb: Tcb): void {
  const user = userOptionsIn(tcb)
  if (!user.oobTaken) {
    const octet = new Uint8Array(1)
    ringPeek(tcb.rcvBuf, 0, octet, 0, 1)
    user.oobOctet = octet[0]
  }
  ringDrop(tcb.rcvBuf, 1, tcb.reass.length > 0)
  tcb.flags &= ~TF_URGENT
}

/** MSG_OOB: puts the urgent octet at `buf[at]`; 1, -EAGAIN while it has not come, -EINVAL where there is none, or it is in line. */
export function tcpRecvOob(tcb: Tcb, buf: Uint8Array, at: number, len: number, flags: number): number {
  if (tcb.user.oobInline || len === 0) return -EINVAL
  const user = userOptionsIn(tcb)
  const left = tcpUrgentLeft(tcb)
  if (left === 0) {
    if (user.oobOctet < 0) return -EINVAL
    buf[at] = user.oobOctet
    if ((flags & MSG_PEEK) === 0) user.oobOctet = -1
    return 1
  }
  if (user.oobTaken) return -EINVAL
  if (left > tcb.rcvBuf.len) return -EAGAIN
  ringPeek(tcb.rcvBuf, left - 1, buf, at, 1)
  if ((flags & MSG_PEEK) === 0) user.oobTaken = true
  return 1
}

/** The user has read: back to normal mode when the mark is passed. */
export function tcpUrgentRead(tcb: Tcb): void {
  if (tcpUrgentLeft(tcb) === 0) tcb.flags &= ~TF_URGENT
}
