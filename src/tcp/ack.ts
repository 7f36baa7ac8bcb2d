/** Acknowledgments (RFC 9293 §3.10.7.4, fifth; RFC 5961 §5): what they free, and the send window they carry. */

import { inetForwardProgress } from '../inet/advice.ts'
import { EV_READ, EV_WRITE, countDrop, eventPost } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { ringDrop } from '../lib/bytering.ts'
import type { Frame } from '../lib/frame.ts'
import { seqAdd, seqDiff, seqGeq, seqGt, seqLeq, seqLt, seqMax } from '../lib/seq.ts'
import { TH_FIN } from '../wire/tcp.ts'
import { TOF_SACK, TOF_TS } from '../wire/tcp-options.ts'
import { tcpSndTune } from './autotune.ts'
import { ccAckReceived, ccSampled } from './cc/cc.ts'
import { tcpTimerOn, tcpTimerSet, tcpTimerStop } from './deadline.ts'
import { tcpDrop, tcpEnd } from './drop.ts'
import { tcpEcnEcho, tcpEcnEchoes, tcpEcnHold } from './ecn.ts'
import { tcpEstablished } from './established.ts'
import { tcpSetState } from './fsm.ts'
import { tcpBufferDrained } from './idle.ts'
import { tcpTsNow } from './isn.ts'
import { tcpMtuAcked } from './plpmtud.ts'
import { tcpSndLimit } from './quota.ts'
import { tcpReassDrain } from './reass.ts'
import { tcpDupAck, tcpLossAck, tcpRecoveryAck } from './recovery.ts'
import { tcpChallenge, tcpReset } from './respond.ts'
import { tcpRtoBackedOff, tcpRttSample } from './rtt.ts'
import { tcpSackInput } from './sack.ts'
import { tcpSackAck } from './sackrecovery.ts'
import { sentAckBegin, sentAckEnd, sentAcked } from './sent.ts'
import {
  ECN_HOLD, TCPS_CLOSING, TCPS_FIN_WAIT_1, TCPS_FIN_WAIT_2, TCPS_LAST_ACK, TCPS_SYN_RECEIVED, TF_ACKNOW, TF_FASTRECOVERY,
  TF_NEEDOUTPUT, TF_ORPHAN, TF_SACK_PERMIT, TF_TSTMP, TF_WANTWRITE, TT_2MSL, TT_PERSIST, TT_PTO, TT_REXMT,
} from './state.ts'
import type { Seg, Tcb } from './state.ts'
import { tcpTimeWaitStart } from './timewait.ts'
import { tcpFinWait2Ms, tcpUnsentFull } from './useropt.ts'
import { tcpStats } from './stats.ts'

/** A sample beyond this is no round trip but a broken echo. */
const RTT_MAX_US = 600e6

/** Processes the ACK field of an acceptable segment; false ends the processing of the segment. */
export function tcpAckInput(vn: Vn, tcb: Tcb, f: Frame, seg: Seg): boolean {
  const stats = tcpStats(vn)
  if (tcb.state === TCPS_SYN_RECEIVED) {
    if (seqLeq(seg.ack, tcb.iss) || seqGt(seg.ack, tcb.sndMax)) {
      countDrop(vn, stats, 'tcp', 'rcvacktoomuch', f)
      tcpReset(vn, f, seg)
      return false
    }
    tcpEstablished(vn, tcb)
    tcb.sndWnd = seg.win
    tcb.maxSndWnd = Math.max(tcb.maxSndWnd, seg.win)
    tcb.sndWl1 = seg.seq
    tcb.sndWl2 = seg.ack
    // text that came with a crossing SYN waited for this (RFC 9293 §3.10.7.3)
    if (tcpReassDrain(tcb)) {
      tcb.flags |= TF_ACKNOW
      eventPost(vn, tcb.inp.id, EV_READ)
    }
  }
  if (seqGt(seg.ack, tcb.sndMax)) {
    countDrop(vn, stats, 'tcp', 'rcvacktoomuch', f)
    refuse(vn, tcb, seg)
    return false
  }
  if (seqLt(seg.ack, seqAdd(tcb.sndUna, -tcb.maxSndWnd))) {
    // RFC 5961 §5.2: older than anything the peer can have in mind
    countDrop(vn, stats, 'tcp', 'rcvackold', f)
    tcpChallenge(vn, tcb)
    return false
  }
  const acked = seqDiff(seg.ack, tcb.sndUna)
  if (acked >= 0 && tcpEcnEchoes(tcb, seg)) tcpEcnEcho(vn, tcb, seg)
  if (acked > 0) {
    if (!tcpAckNew(vn, tcb, seg, acked)) return false
  } else duplicate(vn, tcb, seg, acked)
  windowUpdate(vn, tcb, seg)
  if ((tcb.ecn & ECN_HOLD) !== 0) tcpEcnHold(vn, tcb)
  return true
}

/** `acked` > 0: frees what is acknowledged, and lets the state machine see our FIN acknowledged. */
export function tcpAckNew(vn: Vn, tcb: Tcb, seg: Seg, acked: number): boolean {
  const stats = tcpStats(vn)
  const flight = seqDiff(tcb.sndMax, tcb.sndUna)
  stats.rcvackpack++
  stats.rcvackbyte += acked
  sentAckBegin(vn, tcb)
  sentAcked(vn, tcb, seg.ack)
  tcb.sndUna = seg.ack
  inetForwardProgress(vn, tcb.inp.faddr)
  // SND.WND counts from SND.UNA: the right edge stays where it was promised until a newer segment says otherwise
  tcb.sndWnd = Math.max(0, tcb.sndWnd - acked)
  tcb.sndUp = seqMax(tcb.sndUp, tcb.sndUna)
  if ((tcb.pmtu.sent | tcb.pmtu.probe | tcb.pmtu.claim) !== 0) tcpMtuAcked(vn, tcb)
  tcb.sndNxt = seqMax(tcb.sndNxt, tcb.sndUna)
  tcpSackInput(vn, tcb, seg)
  sentAckEnd(vn, tcb)
  takeRttSample(vn, tcb, seg, flight)
  const scoreboard = (tcb.flags & TF_SACK_PERMIT) !== 0
  if (!scoreboard && (tcb.flags & TF_FASTRECOVERY) === 0 && !tcpEcnEchoes(tcb, seg)) ccAckReceived(vn, tcb, acked, flight)

  const bytes = Math.min(acked, tcb.sndBuf.len)
  const finAcked = acked > bytes
  ringDrop(tcb.sndBuf, bytes)
  tcpBufferDrained(vn, tcb, tcb.sndBuf)
  tcb.rxtCount = 0
  tcb.stallAt = -1
  tcb.softError = 0
  if (seg.ack === tcb.sndMax) {
    tcpTimerStop(tcb, TT_REXMT)
    tcpTimerStop(tcb, TT_PTO)
  } else if (!tcpTimerOn(tcb, TT_PERSIST)) tcpTimerSet(vn, tcb, TT_REXMT, tcpRtoBackedOff(vn, tcb))
  tcb.flags |= TF_NEEDOUTPUT
  if (scoreboard) tcpSackAck(vn, tcb, seg, acked, flight)
  else if ((tcb.flags & TF_FASTRECOVERY) !== 0) tcpRecoveryAck(vn, tcb, seg, acked)
  else tcpLossAck(vn, tcb, seg, acked)
  if ((tcb.flags & TF_WANTWRITE) !== 0) tcpSndTune(vn, tcb, seg.win)
  if ((tcb.flags & TF_WANTWRITE) !== 0 && roomToWrite(vn, tcb)) {
    tcb.flags &= ~TF_WANTWRITE
    eventPost(vn, tcb.inp.id, EV_WRITE)
  }
  ccSampled(vn, tcb)
  return finAcked ? ourFinAcked(vn, tcb) : true
}

/** A quarter of the send buffer is free: worth waking the writer. */
function roomToWrite(vn: Vn, tcb: Tcb): boolean {
  const limit = tcpSndLimit(vn, tcb)
  return limit - tcb.sndBuf.len >= Math.max(limit >> 2, Math.min(tcb.user.sndLowat, limit)) && !tcpUnsentFull(vn, tcb)
}

/** Our FIN is acknowledged; false when the connection ended with it. */
function ourFinAcked(vn: Vn, tcb: Tcb): boolean {
  switch (tcb.state) {
    case TCPS_FIN_WAIT_1:
      tcpSetState(tcb, TCPS_FIN_WAIT_2)
      return tcpFinWait2(vn, tcb)
    case TCPS_CLOSING:
      tcpTimeWaitStart(vn, tcb)
      return false
    case TCPS_LAST_ACK:
      tcpEnd(vn, tcb)
      return false
    default: return true
  }
}

/**
 * A peer that never closes must not keep a connection that has no user any more; false when the user did not want to wait
 * at all (TCP_LINGER2), and the connection is gone.
 */
export function tcpFinWait2(vn: Vn, tcb: Tcb): boolean {
  if (tcb.state !== TCPS_FIN_WAIT_2 || (tcb.flags & TF_ORPHAN) === 0) return true
  const ms = tcpFinWait2Ms(vn, tcb)
  if (ms < 0) {
    tcpDrop(vn, tcb, 0)
    return false
  }
  tcpTimerSet(vn, tcb, TT_2MSL, ms * 1000)
  return true
}

/** An ACK that acknowledges nothing new: a duplicate by RFC 5681 §2's definition, or just old. */
function duplicate(vn: Vn, tcb: Tcb, seg: Seg, acked: number): void {
  if ((tcb.flags & TF_SACK_PERMIT) !== 0) return duplicateSack(vn, tcb, seg, acked)
  // one with data or another window does not count, but does not end the run either: the reader on the other side may
  // open its window between two duplicates
  if (seg.len !== 0 || (seg.flags & TH_FIN) !== 0 || seg.win !== tcb.sndWnd) return
  tcpStats(vn).rcvdupack++
  if (acked === 0 && tcb.sndMax !== tcb.sndUna && tcpTimerOn(tcb, TT_REXMT)) tcpDupAck(vn, tcb, seg)
}

/** With SACK it is the blocks that count, whatever else the segment brings; even an old one tells what has arrived. */
function duplicateSack(vn: Vn, tcb: Tcb, seg: Seg, acked: number): void {
  if (seg.len === 0 && (seg.flags & TH_FIN) === 0 && seg.win === tcb.sndWnd) tcpStats(vn).rcvdupack++
  if (tcb.sent.count === 0 && (seg.opt.flags & TOF_SACK) === 0) return
  sentAckBegin(vn, tcb)
  tcpSackInput(vn, tcb, seg)
  sentAckEnd(vn, tcb)
  if (acked === 0) tcpSackAck(vn, tcb, seg, 0, seqDiff(tcb.sndMax, tcb.sndUna))
  ccSampled(vn, tcb)
}

/** SND.WND follows the newest segment only (SND.WL1, SND.WL2), be it smaller or larger (MUST-34). */
function windowUpdate(vn: Vn, tcb: Tcb, seg: Seg): void {
  // its window counts from an older SND.UNA (§3.10.7.4: only with SND.UNA =< SEG.ACK)
  if (seqLt(seg.ack, tcb.sndUna)) return
  if (!(seqLt(tcb.sndWl1, seg.seq) || (tcb.sndWl1 === seg.seq && seqGeq(seg.ack, tcb.sndWl2)))) return
  if (seg.len === 0 && tcb.sndWl2 === seg.ack && seg.win > tcb.sndWnd) tcpStats(vn).rcvwinupd++
  if (seg.win !== tcb.sndWnd) tcb.flags |= TF_NEEDOUTPUT
  tcb.sndWnd = seg.win
  tcb.sndWl1 = seg.seq
  tcb.sndWl2 = seg.ack
  if (seg.win > tcb.maxSndWnd) tcb.maxSndWnd = seg.win
}

/** RFC 7323 §4.1: the echoed timestamp tells which transmission was acknowledged; else only what was sent once. */
function takeRttSample(vn: Vn, tcb: Tcb, seg: Seg, flight: number): void {
  if ((tcb.flags & TF_TSTMP) !== 0 && (seg.opt.flags & TOF_TS) !== 0 && seg.opt.tsEcr !== 0) {
    const rtt = (tcpTsNow(vn, tcb.tsOffset) - seg.opt.tsEcr | 0) * 1000
    if (rtt >= 0 && rtt <= RTT_MAX_US) tcpRttSample(vn, tcb, rtt, flight)
    if (tcb.rttAt >= 0 && seqGeq(seg.ack, tcb.rttSeq)) tcb.rttAt = -1
  } else if (tcb.rttAt >= 0 && seqGeq(seg.ack, tcb.rttSeq)) {
    tcpRttSample(vn, tcb, vn.state.now - tcb.rttAt, tcb.mss)
    tcb.rttAt = -1
  }
}

function refuse(vn: Vn, tcb: Tcb, seg: Seg): void {
  if (seg.len > 0) tcb.flags |= TF_ACKNOW
  else tcpChallenge(vn, tcb)
}
