/**
 * Recovery that was begun without need, and what it did taken back: found by timestamps (Eifel, RFC 3522), by reports of
 * duplicates (RFC 3708), after a timeout by the order of ACKs (F-RTO, RFC 5682); the response is RFC 4015's.
 */

import type { Vn } from '../kern/vn.ts'
import { seqAdd, seqDiff, seqGeq, seqGt, seqLt } from '../lib/seq.ts'
import { TOF_TS } from '../wire/tcp-options.ts'
import { ccOwnsWindow, ccUndo } from './cc/cc.ts'
import { ccInitialWindow } from './cc/window.ts'
import { dsackBegin, dsackGiveUp, dsackReported } from './dsack.ts'
import { tcpEcnEchoes } from './ecn.ts'
import { tcpTsAt } from './isn.ts'
import { tcpSendRange } from './retransmit.ts'
import { GRANULARITY_US } from './rtt.ts'
import { sentPipe, sentUnlose } from './sent.ts'
import { TF_FASTRECOVERY, TF_NEEDOUTPUT, TF_SACK_PERMIT, TF_TSTMP } from './state.ts'
import type { Seg, Tcb } from './state.ts'
import { FRTO_FIRST, FRTO_OFF, FRTO_SECOND, REC_FAST, REC_LOSS, REC_OPEN } from './state-sent.ts'
import { tcpTraceUndo, tcpTraceWhy } from './trace.ts'
import { WHY_FRTO, WHY_UNDO_DSACK, WHY_UNDO_EIFEL, WHY_UNDO_FRTO } from './trace-words.ts'
import { tcpStats } from './stats.ts'
import { tcpRate } from './state-scratch.ts'

/** Fast recovery begins, its first retransmission goes now (RFC 3522 §3.2 steps 1 and 2). */
export function spuriousBegin(vn: Vn, tcb: Tcb): void {
  const { rec } = tcb
  dsackBegin(tcb)
  rec.undoAt = vn.state.now
  rec.eifelWaits = vn.state.sysctl['net.inet.tcp.eifel'] === 1
  rec.srttPrev = 0
  rec.frto = FRTO_OFF
}

/** The retransmission timer went off; to be called before anything is changed for it. */
export function spuriousTimeout(vn: Vn, tcb: Tcb): void {
  const { rec } = tcb
  if (rec.phase === REC_OPEN) {
    spuriousBegin(vn, tcb)
    // RFC 4015 §3.2 step 0
    rec.srttPrev = tcb.srtt > 0 ? tcb.srtt + 2 * GRANULARITY_US : 0
    rec.rttvarPrev = tcb.rttvar
    if (vn.state.sysctl['net.inet.tcp.frto'] === 1) rec.frto = FRTO_FIRST
  } else if (rec.frto !== FRTO_FIRST) rec.frto = FRTO_OFF
  rec.frtoEnd = tcb.sndUna
}

/**
 * An ACK during recovery, `acked` bytes of it new, has been taken into the records; one without news must be a
 * duplicate. True where it shows that recovery was begun without need: it is over then.
 */
export function spuriousAck(vn: Vn, tcb: Tcb, seg: Seg, acked: number): boolean {
  const { rec } = tcb
  if (rec.eifelWaits && acked > 0) {
    // only the first acceptable ACK decides (RFC 3522 §3.2 step 3)
    rec.eifelWaits = false
    const says = eifel(vn, tcb, seg)
    if (says === ORIGINAL) return undo(vn, tcb, seg, acked, WHY_UNDO_EIFEL)
    if (says === RETRANSMISSION) rec.frto = FRTO_OFF
  }
  if (rec.frto === FRTO_OFF) return false
  return rec.frto === FRTO_FIRST ? frtoFirst(vn, tcb, seg, acked) : frtoSecond(vn, tcb, seg, acked)
}

/** The ACK reports a duplicate (RateSample.dsack). True where every retransmission of the recovery has been one. */
export function spuriousDsack(vn: Vn, tcb: Tcb, seg: Seg, acked: number): boolean {
  const { rec } = tcb
  const rate = tcpRate(vn)
  // RFC 3708 §3 (A.1): a whole window of ACKs was lost, which is congestion, too
  if (rec.phase === REC_LOSS && tcb.sent.sackedCount === 0 && rate.dsackStart === seqAdd(tcb.sndUna, -acked)) {
    dsackGiveUp(tcb)
  }
  if (!dsackReported(tcb, rate.dsackStart, rate.dsackEnd)) return false
  if (tcb.undoCwnd === 0 || (rec.phase === REC_OPEN && seqGt(tcb.sndUna, rec.undoEnd))) return false
  return undo(vn, tcb, seg, acked, WHY_UNDO_DSACK)
}

/** Recovery is over by itself. Reports of duplicates that are still under way may yet take it back. */
export function spuriousEnd(tcb: Tcb): void {
  const { rec } = tcb
  rec.eifelWaits = false
  rec.frto = FRTO_OFF
  rec.undoEnd = tcb.sndMax
}

const UNKNOWN = 0
const ORIGINAL = 1
const RETRANSMISSION = 2

/** What the first acceptable ACK acknowledges (RFC 3522 §3.2 steps 4 and 5). */
function eifel(vn: Vn, tcb: Tcb, seg: Seg): number {
  const { rec } = tcb
  const { opt } = seg
  if ((tcb.flags & TF_TSTMP) === 0 || (opt.flags & TOF_TS) === 0) return UNKNOWN
  if ((opt.tsEcr - tcpTsAt(rec.undoAt, tcb.tsOffset) | 0) >= 0) return RETRANSMISSION
  // an echo of old may also mean that all ACKs were lost
  if (tcpRate(vn).dsack || (rec.dsackDups === 0 && tcb.sndUna === tcb.sndMax)) return RETRANSMISSION
  return ORIGINAL
}

/** RFC 5682 §2.1, §3.1 step 2: what the timeout sent again is acknowledged, so now something new is tried. */
function frtoFirst(vn: Vn, tcb: Tcb, seg: Seg, acked: number): boolean {
  const { rec } = tcb
  const scoreboard = (tcb.flags & TF_SACK_PERMIT) !== 0
  if (acked === 0 && scoreboard) return false
  const goesOn = acked > 0 && seqGeq(tcb.sndUna, rec.frtoEnd) && seqLt(tcb.sndUna, tcb.recover) && sendNew(vn, tcb, seg.win)
  rec.frto = goesOn ? FRTO_SECOND : FRTO_OFF
  return false
}

/** Step 3: an ACK of something that went before the timeout and never again says that nothing was lost. */
function frtoSecond(vn: Vn, tcb: Tcb, seg: Seg, acked: number): boolean {
  const { rec } = tcb
  const rate = tcpRate(vn)
  const before = rate.priorDelivered >= 0 && rate.sentAt < rec.undoAt
  if (before && !seqGt(tcb.sndUna, tcb.recover)) return undo(vn, tcb, seg, acked, WHY_UNDO_FRTO)
  rec.frto = FRTO_OFF
  if (!ccOwnsWindow(tcb)) tcb.cwnd = 3 * tcb.mss
  if ((tcb.flags & TF_SACK_PERMIT) === 0) tcb.sndNxt = tcb.sndUna
  tcb.flags |= TF_NEEDOUTPUT
  return false
}

/** Step 2b: up to two segments that are new, as far as there are such and the window has room. */
function sendNew(vn: Vn, tcb: Tcb, win: number): boolean {
  const { sndMax } = tcb
  for (let i = 0; i < 2; i++) {
    const len = Math.min(tcb.mss, Math.min(tcb.sndBuf.len, win) - seqDiff(tcb.sndMax, tcb.sndUna))
    if (len <= 0) break
    tcpTraceWhy(vn, WHY_FRTO)
    if (tcpSendRange(vn, tcb, tcb.sndMax, seqAdd(tcb.sndMax, len)) !== 0) break
    if (tcb.rttAt < 0) {
      tcb.rttAt = vn.state.now
      tcb.rttSeq = tcb.sndMax
    }
  }
  return seqGt(tcb.sndMax, sndMax)
}

/** RFC 4015 §3.2 steps 8 to 12: on with new data, and with the window as far as that makes no burst. */
function undo(vn: Vn, tcb: Tcb, seg: Seg, acked: number, why: number): boolean {
  // step 10: the path did tell of congestion
  if (tcb.undoCwnd === 0 || tcpEcnEchoes(tcb, seg)) return false
  const { rec, cwnd } = tcb
  const { phase } = rec
  count(vn, why)
  if (rec.srttPrev > 0) {
    rec.adapts = true
    rec.adaptSeq = tcb.recover
    // what came late was late, or out of order: RACK shall wait for such (RFC 8985 §6.2 step 3)
  } else rec.reorderSeen = true
  tcb.flags = tcb.flags & ~TF_FASTRECOVERY | TF_NEEDOUTPUT
  tcb.dupAcks = 0
  tcb.limited = 0
  if (phase !== REC_OPEN) {
    // RFC 5682 §2.1 step 3b: duplicate ACKs from here on tell of losses
    tcb.recover = seqAdd(tcb.sndUna, -1)
    tcb.sndNxt = tcb.sndMax
    if ((tcb.flags & TF_SACK_PERMIT) !== 0) sentUnlose(tcb)
  }
  rec.phase = REC_OPEN
  spuriousEnd(tcb)
  dsackGiveUp(tcb)
  ccUndo(vn, tcb)
  if (!ccOwnsWindow(tcb)) {
    const careful = Math.max(tcb.mss, sentPipe(tcb) + Math.min(acked, ccInitialWindow(vn, tcb)))
    tcb.cwnd = Math.min(tcb.cwnd, phase === REC_FAST ? careful : Math.max(careful, cwnd))
  }
  tcpTraceUndo(vn, tcb, why)
  return true
}

function count(vn: Vn, why: number): void {
  const stats = tcpStats(vn)
  stats.sndrexmitbad++
  if (why === WHY_UNDO_EIFEL) stats.undoEifel++
  else if (why === WHY_UNDO_DSACK) stats.undoDsack++
  else stats.undoFrto++
}
