/** Segment text (RFC 9293 §3.10.7.4, seventh): into the receive buffer, in order or parked; and when to acknowledge. */

import { EV_READ, countDrop, eventPost } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { ringAppend } from '../lib/bytering.ts'
import type { Frame } from '../lib/frame.ts'
import { seqAdd, seqDiff } from '../lib/seq.ts'
import { tcpRcvTune } from './autotune.ts'
import { tcpCanReceive, tcpIsOpening } from './fsm.ts'
import { tcpAdmit } from './quota.ts'
import { tcpRcvMss } from './meter.ts'
import { tcpQuickAck, tcpQuickAckStart } from './quickack.ts'
import { tcpReassDrain, tcpReassPark } from './reass.ts'
import {
  TCPS_SYN_RECEIVED, TF_ACKNOW, TF_CANTRCVMORE, TF_DELACK, TT_DELACK,
} from './state.ts'
import type { Seg, Tcb } from './state.ts'
import { tcpTimerOn } from './deadline.ts'
import { tcpRcvWnd } from './window.ts'
import { tcpStats } from './stats.ts'

/** Takes the text of a segment that has been trimmed to the window. */
export function tcpTextInput(vn: Vn, tcb: Tcb, f: Frame, seg: Seg): void {
  const stats = tcpStats(vn)
  // after the peer's FIN there is no more text (RFC 9293 §3.10.7.4: "this should not occur … ignore")
  if (!tcpCanReceive(tcb.state) && tcb.state !== TCPS_SYN_RECEIVED) {
    return countDrop(vn, stats, 'tcp', 'rcvafterfin', f)
  }
  // not a word: an ACK now would be taken for a duplicate, and what is refused comes again by itself
  if (!tcpAdmit(vn, tcb, seg)) return countDrop(vn, stats, 'tcp', 'rcvquota', f)
  if (seg.seq === tcb.rcvNxt && tcb.reass.length === 0 && !tcpIsOpening(tcb)) {
    stats.rcvpack++
    stats.rcvbyte += seg.len
    if ((tcb.flags & TF_CANTRCVMORE) === 0) ringAppend(tcb.rcvBuf, f.slab, seg.at, seg.len)
    tcb.rcvNxt = seqAdd(tcb.rcvNxt, seg.len)
    if (vn.state.now - tcb.rcvTuneAt >= tcb.srtt / 2) tcpRcvTune(vn, tcb)
    tcpDelayAck(vn, tcb, seg.len)
    eventPost(vn, tcb.inp.id, EV_READ)
    return
  }
  // above a gap, or filling one: the sender must know at once (RFC 5681 §4.2, SHLD-31, MAY-13)
  tcb.flags |= TF_ACKNOW
  tcpQuickAckStart(vn, tcb, 0)
  stats.rcvoopack++
  tcb.meter.oooSegs++
  stats.rcvoobyte += seg.len
  if (!tcpReassPark(vn, tcb, seg.seq, f.slab, seg.at, seg.len)) {
    return countDrop(vn, stats, 'tcp', 'rcvmemdrop', f)
  }
  if (!tcpIsOpening(tcb) && tcpReassDrain(tcb)) eventPost(vn, tcb.inp.id, EV_READ)
}

/**
 * In-order data is acknowledged with every second segment at the latest, else after the delay (RFC 9293 §3.8.6.3,
 * SHLD-18, SHLD-19): the running timer says that one segment waits already. One that is longer than the peer's may be
 * (RFC 5681 §4.2: the receiver's own MSS) is several in one. With delack_full it takes more than a full-sized segment's
 * data, which is all that RFC 5681 §4.2 asks for.
 */
export function tcpDelayAck(vn: Vn, tcb: Tcb, len: number): void {
  const { sysctl } = vn.state
  // the field of our last window said 0, so this is a probe, though it found room: it is answered at once (RFC 9293
  // §3.8.6.1), or the prober could not tell where we are
  const probe = tcpRcvWnd(tcb) + len < 1 << tcb.rcvWscale
  if (probe || tcpQuickAck(tcb) || sysctl['net.inet.tcp.delayed_ack'] === 0) tcb.flags |= TF_ACKNOW
  else if (sysctl['net.inet.tcp.delack_full'] === 1) {
    tcb.flags |= seqDiff(tcb.rcvNxt, tcb.lastAckSent) > tcpRcvMss(tcb) ? TF_ACKNOW : TF_DELACK
  } else if (!tcpTimerOn(tcb, TT_DELACK) && len <= Math.max(tcb.mss, tcb.offerMss) && (tcb.flags & TF_DELACK) === 0) {
    tcb.flags |= TF_DELACK
  } else tcb.flags |= TF_ACKNOW
}
