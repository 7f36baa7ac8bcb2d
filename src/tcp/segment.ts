/**
 * A segment on a connection beyond SYN-SENT: the checks of RFC 9293 §3.10.7.4 in their order: sequence number, RST,
 * SYN, ACK, URG, text, FIN (security compartments do not exist here). RFC 5961's and RFC 7323's checks are among them.
 */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { ECONNREFUSED, ECONNRESET } from '../lib/errno.ts'
import type { Frame } from '../lib/frame.ts'
import { seqAdd, seqDiff, seqGeq, seqGt, seqLeq, seqLt } from '../lib/seq.ts'
import { TH_ACK, TH_FIN, TH_PUSH, TH_RST, TH_SYN, TH_URG } from '../wire/tcp.ts'
import { TOF_TS, TOF_UTO } from '../wire/tcp-options.ts'
import { tcpAckInput } from './ack.ts'
import { tcpDrop, tcpDropSilently, tcpIsDone } from './drop.ts'
import { tcpEcnInput } from './ecn.ts'
import { tcpFastOpenSettled } from './fastopen.ts'
import { tcpFinDeliver, tcpFinInput } from './fin.ts'
import { tcpKeepArm } from './keep.ts'
import { tcpMeterIn, tcpMeterMoved } from './meter.ts'
import { tcpOutput } from './output.ts'
import { tcpPredicted } from './predict.ts'
import { tcpCharge } from './quota.ts'
import { tcpChallenge } from './respond.ts'
import { tcpDsackOld } from './sackgen.ts'
import { FO_PASSIVE } from './state-open.ts'
import {
  TCPS_CLOSE_WAIT, TCPS_CLOSING, TCPS_LAST_ACK, TCPS_SYN_RECEIVED, TF_ACKNOW, TF_DELACK, TF_NEEDOUTPUT, TF_ORPHAN,
  TF_TSTMP, TT_DELACK,
} from './state.ts'
import type { Seg, Tcb } from './state.ts'
import { tcpTextInput } from './text.ts'
import { tcpTimerOn, tcpTimerSet } from './deadline.ts'
import { tcpUrgentInput } from './urgent.ts'
import { tcpUtoInput } from './uto.ts'
import { tcpRcvWnd } from './window.ts'
import { tcpPawsReject, tcpTsUpdate } from './options.ts'
import { tcpStats } from './stats.ts'

/** Processes one segment and sends what follows from it. Borrows the frame. */
export function tcpSegmentInput(vn: Vn, tcb: Tcb, f: Frame, seg: Seg): void {
  const { rcvNxt, sndUna } = tcb
  const { delivered } = tcb.meter
  tcpMeterIn(vn, tcb, seg)
  tcb.rcvAt = vn.state.now
  // an answered probe starts the idle time anew (RFC 9293 §3.8.4), which may be shorter than the time between probes
  if (tcb.keepProbes > 0) tcpKeepArm(vn, tcb)
  if (!tcpPredicted(vn, tcb, f, seg)) tcpCheckSegment(vn, tcb, f, seg)
  tcpMeterMoved(vn, tcb, seg, rcvNxt, sndUna, delivered)
  tcpSegmentDone(vn, tcb)
}

/** The end of an input event: ACKs owed and data that may go leave now, in one go (MUST-58). */
export function tcpSegmentDone(vn: Vn, tcb: Tcb): void {
  tcpCharge(vn, tcb)
  if (tcpIsDone(tcb)) return
  if ((tcb.flags & (TF_ACKNOW | TF_NEEDOUTPUT)) !== 0) tcpOutput(vn, tcb)
  if ((tcb.flags & TF_DELACK) !== 0 && !tcpTimerOn(tcb, TT_DELACK)) {
    tcpTimerSet(vn, tcb, TT_DELACK, vn.state.sysctl['net.inet.tcp.delacktime'] * 1000)
  }
}

function tcpCheckSegment(vn: Vn, tcb: Tcb, f: Frame, seg: Seg): void {
  const stats = tcpStats(vn)
  if ((seg.flags & TH_RST) !== 0) return resetInput(vn, tcb, f, seg)
  if ((seg.flags & TH_SYN) !== 0 && !synInput(vn, tcb, f, seg)) return
  if ((tcb.flags & TF_TSTMP) !== 0 && (seg.opt.flags & TOF_TS) === 0 &&
    vn.state.sysctl['net.inet.tcp.tolerate_missing_ts'] === 0) return countDrop(vn, stats, 'tcp', 'rcvnots', f)
  if (tcpPawsReject(vn, tcb, seg)) {
    countDrop(vn, stats, 'tcp', 'pawsdrop', f)
    // RFC 2883 §4.3: whatever PAWS thinks of it, the sender learns that it came twice
    tcpDsackOld(vn, tcb, seg)
    return refuse(vn, tcb, seg)
  }
  if (!trimToWindow(vn, tcb, f, seg)) return
  // RFC 7323 §4.3 (3)
  if ((seg.opt.flags & TOF_TS) !== 0 && (tcb.flags & TF_TSTMP) !== 0 && seqLeq(seg.seq, tcb.lastAckSent)) {
    tcpTsUpdate(vn, tcb, seg.opt.tsVal)
  }
  if ((seg.flags & TH_ACK) === 0) return countDrop(vn, stats, 'tcp', 'rcvnoack', f)
  if ((seg.opt.flags & TOF_UTO) !== 0) tcpUtoInput(vn, tcb, seg.opt)
  if (!tcpAckInput(vn, tcb, f, seg)) return
  if (tcb.ecn !== 0) tcpEcnInput(vn, tcb, f.tos, seg)
  if ((seg.flags & TH_URG) !== 0) tcpUrgentInput(vn, tcb, seg)
  if (seg.len > 0) tcpTextInput(vn, tcb, f, seg)
  if ((seg.flags & TH_FIN) !== 0) tcpFinInput(vn, tcb, seqAdd(seg.seq, seg.len))
  else tcpFinDeliver(vn, tcb)
}

/**
 * First check: acceptability (table 6), and trimming to the part that is new and in the window. What is wholly old or
 * wholly beyond the window is answered with an ACK and discarded; an old segment that acknowledges something new still
 * has that looked at, as in BSD.
 */
function trimToWindow(vn: Vn, tcb: Tcb, f: Frame, seg: Seg): boolean {
  const stats = tcpStats(vn)
  const old = seqDiff(tcb.rcvNxt, seg.seq)
  if (old > 0) {
    tcpDsackOld(vn, tcb, seg)
    if (old > seg.len || (old === seg.len && (seg.flags & TH_FIN) === 0)) {
      // a retransmission whose ACK was lost, a keep-alive or an old duplicate: tell where we are
      stats.rcvdupbyte += seg.len
      if (seg.len === 0 && (seg.flags & TH_FIN) === 0) tcpChallenge(vn, tcb)
      else tcb.flags |= TF_ACKNOW
      if ((seg.flags & TH_ACK) === 0 || !seqGt(seg.ack, tcb.sndUna)) {
        countDrop(vn, stats, 'tcp', 'rcvduppack', f)
        return false
      }
      stats.rcvduppack++
      seg.flags &= ~(TH_FIN | TH_URG)
      seg.seq = seqAdd(seg.seq, seg.len)
      seg.len = 0
      return true
    }
    stats.rcvpartduppack++
    stats.rcvpartdupbyte += old
    seg.seq = tcb.rcvNxt
    seg.at += old
    seg.len -= old
    if (seg.urp > old) seg.urp -= old
    else {
      seg.urp = 0
      seg.flags &= ~TH_URG
    }
    // a retransmission that brings something new is acknowledged at once
    tcb.flags |= TF_ACKNOW
  }
  // the user is gone: nobody will ever read this (RFC 9293 §3.6.1, RFC 1122 §4.2.2.13)
  if (seg.len > 0 && (tcb.flags & TF_ORPHAN) !== 0 && tcb.state > TCPS_CLOSE_WAIT) {
    countDrop(vn, stats, 'tcp', 'rcvafterclose', f)
    tcpDrop(vn, tcb, ECONNRESET)
    return false
  }
  const wnd = tcpRcvWnd(tcb)
  const beyond = seqDiff(seqAdd(seg.seq, seg.len), seqAdd(tcb.rcvNxt, wnd))
  if (beyond <= 0) return true
  stats.rcvpackafterwin++
  if (beyond >= seg.len) {
    stats.rcvbyteafterwin += seg.len
    if (wnd !== 0 || seg.seq !== tcb.rcvNxt) {
      countDrop(vn, stats, 'tcp', 'rcvoutwin', f)
      refuse(vn, tcb, seg)
      return false
    }
    // a probe of our closed window: its ACK and urgent pointer count (RFC 9293 §3.4, MUST-66), its text does not
    stats.rcvwinprobe++
    // the octet does not get in, but its mark counts (RFC 3168 §6.1.6)
    if (tcb.ecn !== 0) tcpEcnInput(vn, tcb, f.tos, seg)
    tcb.flags |= TF_ACKNOW
  } else stats.rcvbyteafterwin += beyond
  seg.len -= beyond
  seg.flags &= ~(TH_PUSH | TH_FIN)
  tcb.flags |= TF_ACKNOW
  return true
}

/**
 * An unacceptable segment is answered with an ACK; those without text only within limits, so that no ACK war starts.
 */
function refuse(vn: Vn, tcb: Tcb, seg: Seg): void {
  if (seg.len > 0) tcb.flags |= TF_ACKNOW
  else tcpChallenge(vn, tcb)
}

/** Second check: RST, which must hit RCV.NXT exactly (RFC 5961 §3.2). */
function resetInput(vn: Vn, tcb: Tcb, f: Frame, seg: Seg): void {
  const stats = tcpStats(vn)
  if (seg.seq === tcb.rcvNxt) {
    stats.rcvrst++
    stats.drops++
    const errno = resetErrno(tcb)
    tcpFastOpenSettled(vn, tcb, true)
    return tcpDropSilently(vn, tcb, errno)
  }
  countDrop(vn, stats, 'tcp', 'badrst', f)
  if (seqGeq(seg.seq, tcb.rcvNxt) && seqLt(seg.seq, seqAdd(tcb.rcvNxt, tcpRcvWnd(tcb)))) tcpChallenge(vn, tcb)
}

/** What the user hears of a reset: nothing where both sides have closed anyway (§3.10.7.4, CLOSING and LAST-ACK). */
function resetErrno({ state, fastFlags }: Tcb): number {
  // a block in SYN-RECEIVED was opened actively (MUST-11): the others are in the syncache
  if (state === TCPS_SYN_RECEIVED && (fastFlags & FO_PASSIVE) === 0) return ECONNREFUSED
  return state === TCPS_CLOSING || state === TCPS_LAST_ACK ? 0 : ECONNRESET
}

/** Fourth check: SYN. Only the repeated SYN of a simultaneous open goes on (as the ACK that it carries). */
function synInput(vn: Vn, tcb: Tcb, f: Frame, seg: Seg): boolean {
  if (tcb.state === TCPS_SYN_RECEIVED && seg.seq === tcb.irs) {
    seg.flags &= ~TH_SYN
    seg.seq = seqAdd(seg.seq, 1)
    if ((seg.flags & TH_ACK) !== 0) return true
    // the peer has not seen our SYN,ACK
    if ((tcb.fastFlags & FO_PASSIVE) === 0) tcb.flags |= TF_ACKNOW
    else {
      tcb.sndNxt = tcb.iss
      tcb.flags |= TF_NEEDOUTPUT
    }
    countDrop(vn, tcpStats(vn), 'tcp', 'badsyn', f)
    return false
  }
  // RFC 5961 §4.2: irrespective of the sequence number
  countDrop(vn, tcpStats(vn), 'tcp', 'badsyn', f)
  tcpChallenge(vn, tcb)
  return false
}
