/**
 * Header prediction: in an established connection nearly every segment is the next in order or acknowledges new data,
 * and nothing else about it is news. Those two take this short way; it must do exactly what the long one would.
 */

import { EV_READ, eventPost } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { ringAppend } from '../lib/bytering.ts'
import type { Frame } from '../lib/frame.ts'
import { seqAdd, seqDiff, seqGt, seqLeq, seqLt } from '../lib/seq.ts'
import { TH_ACK, TH_FLAGS, TH_PUSH } from '../wire/tcp.ts'
import { TOF_TS } from '../wire/tcp-options.ts'
import { tcpAckNew } from './ack.ts'
import { tcpEcnInput } from './ecn.ts'
import { tcpRcvTune } from './autotune.ts'
import { tcpTsUpdate } from './options.ts'
import {
  TCPS_ESTABLISHED, TF_CANTRCVMORE, TF_FASTRECOVERY, TF_FINPARKED, TF_TSTMP,
} from './state.ts'
import type { Seg, Tcb } from './state.ts'
import { tcpDelayAck } from './text.ts'
import { tcpRcvWnd } from './window.ts'
import { tcpStats } from './stats.ts'

/** True when the segment was one of the two and has been dealt with. */
export function tcpPredicted(vn: Vn, tcb: Tcb, f: Frame, seg: Seg): boolean {
  if (tcb.state !== TCPS_ESTABLISHED || (seg.flags & TH_FLAGS & ~TH_PUSH) !== TH_ACK || seg.seq !== tcb.rcvNxt ||
    seg.win === 0 || tcb.sndNxt !== tcb.sndMax ||
    (tcb.flags & (TF_FASTRECOVERY | TF_FINPARKED | TF_CANTRCVMORE)) !== 0 || tcb.dupAcks !== 0 ||
    seqGt(seg.ack, tcb.sndMax)) return false
  if ((tcb.flags & TF_TSTMP) !== 0) {
    if (seg.opt.flags !== TOF_TS || (seg.opt.tsVal - tcb.tsRecent | 0) < 0) return false
  } else if (seg.opt.flags !== 0) return false

  const stats = tcpStats(vn)
  if (seg.len === 0) {
    // one that acknowledges more than any before it brings the newest window, too
    if (!seqGt(seg.ack, tcb.sndUna) || seqLt(seg.seq, tcb.sndWl1)) return false
    stats.predack++
    if ((tcb.flags & TF_TSTMP) !== 0 && seqLeq(seg.seq, tcb.lastAckSent)) tcpTsUpdate(vn, tcb, seg.opt.tsVal)
    tcpAckNew(vn, tcb, seg, seqDiff(seg.ack, tcb.sndUna))
    tcb.sndWl1 = seg.seq
    tcb.sndWl2 = seg.ack
    tcb.sndWnd = seg.win
    if (seg.win > tcb.maxSndWnd) tcb.maxSndWnd = seg.win
    return true
  }
  if (seg.win !== tcb.sndWnd) return false
  if (seg.ack !== tcb.sndUna || tcb.reass.length !== 0 || seg.len > tcpRcvWnd(tcb) ||
    vn.state.tcp.held + seg.len > vn.state.sysctl['net.inet.tcp.maxmem']) return false
  stats.preddat++
  if (tcb.ecn !== 0) tcpEcnInput(vn, tcb, f.tos, seg)
  stats.rcvpack++
  stats.rcvbyte += seg.len
  if ((tcb.flags & TF_TSTMP) !== 0 && seqLeq(seg.seq, tcb.lastAckSent)) tcpTsUpdate(vn, tcb, seg.opt.tsVal)
  tcb.sndWl1 = seg.seq
  ringAppend(tcb.rcvBuf, f.slab, seg.at, seg.len)
  tcb.rcvNxt = seqAdd(tcb.rcvNxt, seg.len)
  if (vn.state.now - tcb.rcvTuneAt >= tcb.srtt / 2) tcpRcvTune(vn, tcb)
  tcpDelayAck(vn, tcb, seg.len)
  eventPost(vn, tcb.inp.id, EV_READ)
  return true
}
