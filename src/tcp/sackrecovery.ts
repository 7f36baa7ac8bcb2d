/**
 * Loss recovery with selective acknowledgments: detection by RACK (RFC 8985) or by the scoreboard (RFC 6675), the window
 * by proportional rate reduction (RFC 6937). Without SACK it is NewReno's: recovery.ts.
 */

import type { Vn } from '../kern/vn.ts'
import { seqDiff, seqGeq } from '../lib/seq.ts'
import { ccAckReceived, ccLossDetected, ccOwnsWindow, ccRecovered } from './cc/cc.ts'
import { tcpEcnEchoes } from './ecn.ts'
import { prrEnter, prrUpdate } from './prr.ts'
import { rackRecovered } from './rack.ts'
import { rackDetectLoss, rackTimeout } from './racklost.ts'
import { tcpRetransmitAt } from './retransmit.ts'
import { sackDetectLoss } from './sackloss.ts'
import { sentForgetSacks, sentLoseAll } from './sent.ts'
import { spuriousAck, spuriousBegin, spuriousDsack, spuriousEnd } from './spurious.ts'
import { TF_FASTRECOVERY, TF_NEEDOUTPUT } from './state.ts'
import type { Seg, Tcb } from './state.ts'
import { REC_FAST, REC_LOSS, REC_OPEN } from './state-sent.ts'
import { WHY_RTO } from './trace-words.ts'
import { tlpAck, tlpArm, tlpReset } from './tlp.ts'
import { tcpStats } from './stats.ts'
import { tcpRate } from './state-scratch.ts'

/** An ACK was taken into the scoreboard; `acked` bytes of it cumulatively, of `flight` that were outstanding. */
export function tcpSackAck(vn: Vn, tcb: Tcb, seg: Seg, acked: number, flight: number): void {
  const { rec } = tcb
  const rate = tcpRate(vn)
  const { phase } = rec
  tlpAck(vn, tcb, seg, acked)
  const undone = (phase !== REC_OPEN || rate.dsack) && spurious(vn, tcb, seg, acked)
  if (rec.phase !== REC_OPEN && seqGeq(tcb.sndUna, tcb.recover)) leave(vn, tcb)
  const lost = detect(vn, tcb)
  const delivered = tcb.sent.delivered - rate.priorTotal
  if (rec.phase === REC_OPEN && lost > 0) enter(vn, tcb, delivered)
  if (rec.phase === REC_FAST) govern(tcb, delivered)
  else if (acked > 0 && phase !== REC_FAST && !undone && !tcpEcnEchoes(tcb, seg)) {
    // the ACK that ends the recovery from a timeout speaks of old segments like those before it (RFC 3465 §2.3: L = 1)
    const old = phase === REC_LOSS && rec.phase === REC_OPEN && tcb.cwnd < tcb.ssthresh
    ccAckReceived(vn, tcb, old ? Math.min(acked, tcb.mss) : acked, flight)
  }
  if (acked > 0 || rate.newlySacked > 0 || lost > 0) tcb.flags |= TF_NEEDOUTPUT
  if (acked > 0 || tcb.sent.sackedCount > 0) tlpArm(vn, tcb)
}

/** Whether the ACK shows that the recovery under way, or the one before, was not needed. */
function spurious(vn: Vn, tcb: Tcb, seg: Seg, acked: number): boolean {
  const rate = tcpRate(vn)
  const news = acked > 0 || rate.newlySacked > 0
  // other ACKs without news than duplicates say nothing (RFC 5682 §3.1 step 3)
  const counts = tcb.rec.phase !== REC_OPEN && (news || (seg.len === 0 && seg.win === tcb.sndWnd))
  if (counts && spuriousAck(vn, tcb, seg, acked)) return true
  return rate.dsack && spuriousDsack(vn, tcb, seg, acked)
}

/** TT_REORDER: what the reordering window was open for has not come. */
export function tcpReorderTimer(vn: Vn, tcb: Tcb): void {
  tcpStats(vn).rackTimeo++
  if (detect(vn, tcb) === 0) return
  if (tcb.rec.phase === REC_OPEN) enter(vn, tcb, 0)
  if (tcb.rec.phase === REC_FAST) govern(tcb, 0)
  tcb.flags |= TF_NEEDOUTPUT
}

/** The retransmission timer went off and cwnd is one segment: the first segment goes again (RFC 6675 §5.1). */
export function tcpSackTimeout(vn: Vn, tcb: Tcb): void {
  const { rec } = tcb
  tlpReset(tcb)
  rec.phase = REC_LOSS
  tcb.flags &= ~TF_FASTRECOVERY
  tcb.recover = tcb.sndMax
  tcb.sndNxt = tcb.sndMax
  sentForgetSacks(tcb)
  if (byTime(vn)) rackTimeout(vn, tcb)
  else sentLoseAll(vn, tcb)
  if (tcb.sent.count > 0) tcpRetransmitAt(vn, tcb, 0, WHY_RTO)
}

function detect(vn: Vn, tcb: Tcb): number {
  return byTime(vn) ? rackDetectLoss(vn, tcb) : sackDetectLoss(vn, tcb)
}

function byTime(vn: Vn): boolean {
  return vn.state.sysctl['net.inet.tcp.rack.enable'] === 1
}

/** The window during fast recovery: proportional rate reduction, unless the algorithm has one of its own. */
function govern(tcb: Tcb, delivered: number): void {
  if (!ccOwnsWindow(tcb)) prrUpdate(tcb, delivered)
}

function enter(vn: Vn, tcb: Tcb, delivered: number): void {
  const { rec } = tcb
  const stats = tcpStats(vn)
  stats.fastrexmit++
  stats.sackRecoveryEpisode++
  tlpReset(tcb)
  rec.phase = REC_FAST
  rec.rescued = false
  tcb.flags |= TF_FASTRECOVERY
  tcb.recover = tcb.sndMax
  prrEnter(tcb, delivered)
  spuriousBegin(vn, tcb)
  // RFC 6675 §5 step 4.2: what limited transmit added does not count
  ccLossDetected(vn, tcb, Math.min(tcb.cwnd, seqDiff(tcb.sndMax, tcb.sndUna)))
}

/** Everything that was out when the loss was found has arrived. */
function leave(vn: Vn, tcb: Tcb): void {
  const { rec } = tcb
  const owns = ccOwnsWindow(tcb)
  if (rec.phase === REC_FAST && !owns) tcb.cwnd = tcb.ssthresh
  // RFC 6937 §3: the window is ssthresh then, however little is in flight; NewReno's step back from a burst is not needed
  if (rec.phase === REC_FAST || owns) ccRecovered(vn, tcb, Math.max(tcb.ssthresh, seqDiff(tcb.sndMax, tcb.sndUna)))
  rec.phase = REC_OPEN
  tcb.flags &= ~TF_FASTRECOVERY
  spuriousEnd(tcb)
  rackRecovered(tcb)
}
