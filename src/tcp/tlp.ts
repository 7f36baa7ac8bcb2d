/** Tail loss probes (RFC 8985 §7): when the ACKs of a flight's end are overdue, one segment asks for them. */

import type { Vn } from '../kern/vn.ts'
import { seqAdd, seqDiff, seqGeq, seqGt } from '../lib/seq.ts'
import { TOF_SACK } from '../wire/tcp-options.ts'
import { ccLossDetected, ccRecovered } from './cc/cc.ts'
import { tcpTimerOn, tcpTimerSet, tcpTimerStop } from './deadline.ts'
import { tcpHasScoreboard, tcpRetransmitAt, tcpSendRange } from './retransmit.ts'
import { tcpRtoBackedOff } from './rtt.ts'
import { TT_PERSIST, TT_PTO, TT_REXMT } from './state.ts'
import type { Seg, Tcb } from './state.ts'
import { REC_OPEN } from './state-sent.ts'
import { tcpTraceWhy } from './trace.ts'
import { WHY_TLP } from './trace-words.ts'
import { tcpStats } from './stats.ts'
import { tcpRate } from './state-scratch.ts'

/** PTO without a round-trip sample (§7.2). */
const PTO_INITIAL_US = 1e6

/** New data went out, or some was acknowledged: the probe timer starts over (§7.2). */
export function tlpArm(vn: Vn, tcb: Tcb): void {
  const { now, sysctl } = vn.state
  if (tcb.rec.phase !== REC_OPEN || tcb.sent.sackedCount > 0 || !tcpHasScoreboard(tcb) ||
    !tcpTimerOn(tcb, TT_REXMT) || sysctl['net.inet.tcp.rack.enable'] === 0) return tcpTimerStop(tcb, TT_PTO)
  let pto = PTO_INITIAL_US
  if (tcb.srtt > 0) {
    pto = 2 * tcb.srtt
    if (tcb.sent.count === 1) pto += sysctl['net.inet.tcp.rack.max_ack_delay'] * 1000
  }
  tcpTimerSet(vn, tcb, TT_PTO, Math.min(pto, Math.max(0, tcb.timers[TT_REXMT] - now)))
}

/** The timer went off: a new segment if there is one, else the last one again (§7.3). */
export function tlpTimer(vn: Vn, tcb: Tcb): void {
  const { rec, sent } = tcb
  if (sent.count === 0 || tcpTimerOn(tcb, TT_PERSIST)) return
  if (!rec.tlpOut && rec.tlpReady && tcpHasScoreboard(tcb)) {
    tcpStats(vn).tlpProbes++
    const unsent = tcb.sndBuf.len - seqDiff(tcb.sndMax, tcb.sndUna)
    const room = tcb.sndWnd - seqDiff(tcb.sndMax, tcb.sndUna)
    rec.tlpRetrans = unsent <= 0 || room <= 0
    if (rec.tlpRetrans) tcpRetransmitAt(vn, tcb, sent.count - 1, WHY_TLP)
    else {
      tcpTraceWhy(vn, WHY_TLP)
      tcpSendRange(vn, tcb, tcb.sndMax, seqAdd(tcb.sndMax, Math.min(unsent, room, tcb.mss)))
    }
    rec.tlpOut = true
    rec.tlpReady = false
    rec.tlpEnd = tcb.sndMax
  }
  tcpTimerSet(vn, tcb, TT_REXMT, tcpRtoBackedOff(vn, tcb))
}

/** §7.4.2: what an ACK says of the probe. One that repaired a loss all by itself hid it from congestion control. */
export function tlpAck(vn: Vn, tcb: Tcb, seg: Seg, acked: number): void {
  const { rec } = tcb
  if (!rec.tlpOut || !seqGeq(seg.ack, rec.tlpEnd)) return
  const rate = tcpRate(vn)
  const stats = tcpStats(vn)
  if (!rec.tlpRetrans || (rate.dsack && rate.dsackEnd === rec.tlpEnd)) rec.tlpOut = false
  else if (seqGt(seg.ack, rec.tlpEnd)) {
    rec.tlpOut = false
    stats.tlpRecovered++
    ccLossDetected(vn, tcb, Math.min(tcb.cwnd, rate.priorInFlight))
    tcb.cwnd = Math.min(tcb.cwnd, tcb.ssthresh)
    ccRecovered(vn, tcb, Math.max(tcb.ssthresh, seqDiff(tcb.sndMax, tcb.sndUna)))
    tcb.undoCwnd = 0
  } else if (acked === 0 && seg.len === 0 && (seg.opt.flags & TOF_SACK) === 0) rec.tlpOut = false
}

/** Recovery begins: a probe that is out means nothing any more (§7.1). */
export function tlpReset(tcb: Tcb): void {
  tcb.rec.tlpOut = false
  tcpTimerStop(tcb, TT_PTO)
}
