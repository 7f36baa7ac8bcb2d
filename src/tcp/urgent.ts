/**
 * The urgent mechanism (RFC 9293 §3.8.5, RFC 6093): the pointer names the octet behind the urgent data, the data itself
 * stays in line, and the user is told when the pointer advances.
 */

import { EV_READ, eventPost } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { seqAdd, seqDiff, seqGt } from '../lib/seq.ts'
import { tcpCanReceive } from './fsm.ts'
import { TF_URGENT } from './state.ts'
import type { Seg, Tcb } from './state.ts'

/** Posted with EV_READ when urgent data is announced or grows (MUST-32). */
export const EV_URGENT = 64

/** Sixth check: RCV.UP moves forward only. */
export function tcpUrgentInput(vn: Vn, tcb: Tcb, seg: Seg): void {
  if (!tcpCanReceive(tcb.state)) return
  const up = seqAdd(seg.seq, seg.urp)
  if (!seqGt(up, (tcb.flags & TF_URGENT) !== 0 ? tcb.rcvUp : tcb.rcvNxt)) return
  tcb.rcvUp = up
  tcb.flags |= TF_URGENT
  eventPost(vn, tcb.inp.id, EV_READ | EV_URGENT)
}

/** Octets from the read position to the end of the urgent data, 0 when none is pending (MUST-33). */
export function tcpUrgentLeft(tcb: Tcb): number {
  if ((tcb.flags & TF_URGENT) === 0) return 0
  return Math.max(0, seqDiff(tcb.rcvUp, tcb.rcvNxt) + tcb.rcvBuf.len)
}

/** Everything before the (last) urgent octet is read, and that one is not: SIOCATMARK. */
export function tcpAtMark(tcb: Tcb): boolean {
  return tcpUrgentLeft(tcb) === 1
}

/** The user has read: back to normal mode when the mark is passed. */
export function tcpUrgentRead(tcb: Tcb): void {
  if (tcpUrgentLeft(tcb) === 0) tcb.flags &= ~TF_URGENT
}
