/**
 * What to send now (RFC 9293 §3.8.6.2, §3.7.4): data as far as the windows, Nagle and silly-window avoidance allow,
 * our SYN and FIN, ACKs that are owed, window updates and probes. Called at the end of every event of a connection.
 */

import { EV_WRITE, eventPost } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { EMSGSIZE, ENOBUFS } from '../lib/errno.ts'
import { seqAdd, seqDiff, seqGt, seqLt } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { TH_ACK, TH_FIN, TH_PUSH, TH_SYN } from '../wire/tcp.ts'
import { tcpAckMerge } from './ackmerge.ts'
import { tcpAckSent, tcpSynDataLen, tcpTransmit } from './build.ts'
import { ccAfterIdle } from './cc/cc.ts'
import { tcpTimerOn, tcpTimerSet, tcpTimerStop } from './deadline.ts'
import { tcpCanReceive, tcpIsOpening, tcpSendsFin } from './fsm.ts'
import { tcpMeterHeld } from './meter.ts'
import { tcpMssUpdate } from './mss.ts'
import { tcpPaceSent, tcpPaceWaits } from './pace.ts'
import { tcpMtuAge, tcpMtuProbe, tcpMtuProbeRefused, tcpMtuSent } from './plpmtud.ts'
import { tcpSndLimit } from './quota.ts'
import { tcpHasScoreboard, tcpRetransmitLost, tcpRetransmitUnsure } from './retransmit.ts'
import { tcpRtoBackedOff } from './rtt.ts'
import { tcpSackLen } from './sackgen.ts'
import { sentAppLimited, sentLoseAll, sentPipe, sentTransmit } from './sent.ts'
import {
  ECN_HOLD, TCPS_SYN_RECEIVED, TCPS_TIME_WAIT, TF_ACKNOW, TF_CORK, TF_DELACK, TF_FORCE, TF_NEEDOUTPUT,
  TF_NODELAY, TF_SACK_PERMIT, TF_SENTFIN, TF_WANTWRITE, TT_DELACK, TT_PERSIST, TT_REXMT,
} from './state.ts'
import type { Tcb } from './state.ts'
import { REC_FAST } from './state-sent.ts'
import { tlpArm } from './tlp.ts'
import { tcpTsoLen, tcpTsoWaits } from './tso.ts'
import { tcpUnsentFull } from './useropt.ts'
import { tcpUtoLen } from './uto.ts'
import { tcpWindowWorthTelling } from './window.ts'
import { tcpStats } from './stats.ts'

/** Sends everything that may go now. Returns 0 or the errno of the segment that could not go. */
export function tcpOutput(vn: Vn, tcb: Tcb): number {
  tcb.flags &= ~TF_NEEDOUTPUT
  if (tcpIsOpening(tcb) || (tcb.state === TCPS_SYN_RECEIVED && tcb.sndNxt === tcb.iss)) return outputSyn(vn, tcb)
  if (tcb.state < TCPS_SYN_RECEIVED || tcb.state === TCPS_TIME_WAIT) return 0
  const idle = tcb.sndMax === tcb.sndUna
  if (tcb.pathMtu !== 0 && tcb.pmtu.next === 0 && vn.state.now >= tcb.pmtu.raiseAt) tcpMtuAge(vn, tcb)
  // RFC 5681 §4.1: a window that was not used for a timeout says nothing about the path any more
  if (idle && vn.state.now - tcb.sndAt >= tcb.rto) ccAfterIdle(vn, tcb)
  const { sndMax } = tcb
  if (tcb.sent.lost > 0 && tcpHasScoreboard(tcb)) {
    const errno = tcpRetransmitLost(vn, tcb)
    if (errno !== 0) return outputFailed(vn, tcb, errno, tcb.mss)
  }
  for (;;) {
    const errno = outputOne(vn, tcb, idle)
    if (errno === AGAIN) continue
    if ((tcb.flags & TF_SACK_PERMIT) !== 0) afterData(vn, tcb, sndMax)
    const pipe = sentPipe(tcb)
    tcpMeterHeld(vn, tcb, pipe)
    if (starved(tcb, pipe)) sentAppLimited(tcb)
    if ((tcb.flags & TF_WANTWRITE) !== 0) unsentAgain(vn, tcb)
    return errno
  }
}

/** Room was made in the receive buffer: tells the sender where it is worth a segment. */
export function tcpWindowUpdate(vn: Vn, tcb: Tcb): void {
  if (!tcpCanReceive(tcb.state) || !tcpWindowWorthTelling(vn, tcb)) return
  tcpStats(vn).sndwinup++
  tcb.flags |= TF_ACKNOW
  tcpOutput(vn, tcb)
}

/** Waits for the window to open (RFC 9293 §3.8.6.1): first after one timeout, then ever longer (SHLD-29, SHLD-30). */
export function tcpPersistSet(vn: Vn, tcb: Tcb): void {
  const { sysctl } = vn.state
  const delay = Math.min(
    Math.max(tcb.rto * 2 ** Math.min(tcb.rxtShift, 16), sysctl['net.inet.tcp.persmin'] * 1000),
    sysctl['net.inet.tcp.persmax'] * 1000)
  tcpTimerSet(vn, tcb, TT_PERSIST, delay)
  tcb.rxtShift++
}

const AGAIN = -1

/** Sends one segment if there is a reason to; AGAIN when there may be another. */
function outputOne(vn: Vn, tcb: Tcb, idle: boolean): number {
  const force = (tcb.flags & TF_FORCE) !== 0
  const queued = tcb.sndBuf.len
  let pos = seqDiff(tcb.sndNxt, tcb.sndUna)
  let wnd = sendWindow(tcb, pos)
  if (force) {
    if (wnd === 0) wnd = 1
    else {
      tcpTimerStop(tcb, TT_PERSIST)
      tcb.rxtShift = 0
    }
  }
  let len = Math.min(queued, wnd) - pos
  if (len < 0) {
    len = 0
    // the peer closed its window over data in flight: probe it like any closed window (MUST-35)
    if (wnd === 0 && pos <= queued) {
      tcpTimerStop(tcb, TT_REXMT)
      tcb.rxtShift = 0
      if ((tcb.flags & TF_SACK_PERMIT) !== 0) sentLoseAll(vn, tcb)
      tcb.sndNxt = tcb.sndUna
      pos = 0
      if (!tcpTimerOn(tcb, TT_PERSIST)) tcpPersistSet(vn, tcb)
    }
  }
  // after an echo at the smallest window new data waits (RFC 3168 §6.1.2)
  if ((tcb.ecn & ECN_HOLD) !== 0) len = Math.max(0, Math.min(len, seqDiff(tcb.sndMax, tcb.sndNxt)))
  const paced = len > 0 && !force && tcb.sndNxt === tcb.sndMax && tcpPaceWaits(vn, tcb)
  if (paced) len = 0
  let more = false
  let gso = 0
  const room = tcb.mss - tcpSackLen(vn, tcb) - tcpUtoLen(tcb)
  if (len > 0 && pos + len === queued && !tcpSendsFin(tcb.state) && tcpTsoWaits(vn, tcb, len, room)) return 0
  if (len > room) {
    const one = tcb.pmtu.next !== 0 && room === tcb.mss ? tcpMtuProbe(vn, tcb, len) : room
    len = one === room ? tcpTsoLen(vn, tcb, len, room) : one
    if (len > one) gso = room
    more = true
  }
  const fin = tcpSendsFin(tcb.state) && pos + len === queued && !(force && wnd === 1 && queued > 0)
  if (!fin && !worthSending(tcb, idle, force, pos, len, queued, room)) {
    if (!paced) persistIfWaiting(vn, tcb, queued)
    return 0
  }
  // without data the number must be one that the peer accepts: the highest sent (MAY differ while probing)
  const sends = len > 0 || fin || tcpTimerOn(tcb, TT_PERSIST)
  const seq = sends ? tcb.sndNxt : tcb.sndMax
  // MUST-61: what empties the queue is pushed
  const flags = TH_ACK | (fin ? TH_FIN : 0) | (len > 0 && pos + len === queued ? TH_PUSH : 0)
  const mss = tcb.mss
  if (len === 0 && !fin && !force && vn.merge.frame !== null) {
    const field = tcpAckMerge(vn, tcb)
    if (field >= 0) {
      tcpAckSent(tcb, field, false)
      persistIfWaiting(vn, tcb, queued)
      return 0
    }
  }
  countSegment(vn, tcb, seq, len, fin)
  const errno = tcpTransmit(vn, tcb, seq, flags, pos, len, gso)
  if (errno !== 0) return outputFailed(vn, tcb, errno, mss)
  advance(vn, tcb, len, gso, fin, force)
  // an ACK alone may have been all that the closed window let through
  if (len === 0 && !paced) persistIfWaiting(vn, tcb, queued)
  return more ? AGAIN : 0
}

/** What was sent may make room for more, where it is the data not sent that is bounded (TCP_NOTSENT_LOWAT). */
function unsentAgain(vn: Vn, tcb: Tcb): void {
  if (tcb.user.notsentLowat === 0 && vn.state.sysctl['net.inet.tcp.notsent_lowat'] === 0) return
  if (tcpUnsentFull(vn, tcb) || tcb.sndBuf.len >= tcpSndLimit(vn, tcb)) return
  tcb.flags &= ~TF_WANTWRITE
  eventPost(vn, tcb.inp.id, EV_WRITE)
}

/** With SACK: what else recovery may send, and the loss probe for what is new (RFC 8985 §7.2). */
function afterData(vn: Vn, tcb: Tcb, sndMax: Seq): void {
  if (tcb.rec.phase === REC_FAST && vn.state.sysctl['net.inet.tcp.rack.enable'] === 0) tcpRetransmitUnsure(vn, tcb)
  if (tcb.sndMax !== sndMax) tlpArm(vn, tcb)
}

/** What may be in flight or sent, counted from sndUna: both windows, the congestion window by what is really under way. */
function sendWindow(tcb: Tcb, pos: number): number {
  if (!tcpHasScoreboard(tcb)) return Math.min(tcb.sndWnd, tcb.cwnd)
  return Math.min(tcb.sndWnd, pos + Math.max(0, tcb.cwnd - sentPipe(tcb)))
}

/** The window would allow a segment that is not there to be sent (draft-cheng-iccrg-delivery-rate-estimation §3.4). */
function starved(tcb: Tcb, pipe: number): boolean {
  return tcb.sndBuf.len - seqDiff(tcb.sndNxt, tcb.sndUna) < tcb.mss && tcb.sndNxt === tcb.sndMax && pipe < tcb.cwnd
}

/** Data that waits for the window must have a timer, or a lost window update would be the end (§3.8.6.1, MUST-35). */
function persistIfWaiting(vn: Vn, tcb: Tcb, queued: number): void {
  if (queued === 0 || tcpTimerOn(tcb, TT_REXMT) || tcpTimerOn(tcb, TT_PERSIST)) return
  tcb.rxtShift = 0
  tcpPersistSet(vn, tcb)
}

/** SYN or SYN,ACK of a connection that has a control block (active opens). */
function outputSyn(vn: Vn, tcb: Tcb): number {
  const received = tcb.state === TCPS_SYN_RECEIVED
  if (tcb.sndNxt !== tcb.iss) {
    if (!received || (tcb.flags & TF_ACKNOW) === 0) return 0
    tcpStats(vn).sndacks++
    return tcpTransmit(vn, tcb, tcb.sndMax, TH_ACK, 0, 0)
  }
  tcpStats(vn).sndctrl++
  const len = received ? 0 : tcpSynDataLen(vn, tcb)
  if (len > 0) sentTransmit(vn, tcb, tcb.iss, seqAdd(tcb.iss, 1 + len))
  const errno = tcpTransmit(vn, tcb, tcb.iss, received ? TH_SYN | TH_ACK : TH_SYN, 0, len)
  if (errno !== 0 && errno !== ENOBUFS) tcb.softError = errno
  // a SYN that could not be sent is like one that got lost
  tcb.sndNxt = seqAdd(tcb.iss, 1 + len)
  sentUpTo(vn, tcb)
  return errno
}

/** The sender's silly-window rules (RFC 9293 §3.8.6.2.1) with Nagle's condition, and ACKs that are owed. */
function worthSending(
  tcb: Tcb, idle: boolean, force: boolean, pos: number, len: number, queued: number, room: number,
): boolean {
  if ((tcb.flags & TF_ACKNOW) !== 0) return true
  if (len === 0) return false
  if (len >= room || force) return true
  if (seqLt(tcb.sndNxt, tcb.sndMax)) return true
  // rule (2): all of it, and nothing unacknowledged (idle is taken before the call's first segment, so that the short
  // end of one write does not wait for the ACK of its own beginning: RFC 9293 appendix A.3)
  const nagle = idle || (tcb.flags & TF_NODELAY) !== 0
  if (nagle && (tcb.flags & TF_CORK) === 0 && pos + len >= queued) return true
  // rule (3): half of the largest window ever seen
  return tcb.maxSndWnd > 0 && len * 2 >= tcb.maxSndWnd
}

function advance(vn: Vn, tcb: Tcb, len: number, gso: number, fin: boolean, force: boolean): void {
  const used = fin ? len + 1 : len
  if (used === 0) return
  const size = gso === 0 ? len : gso
  if (size > tcb.pmtu.acked) tcpMtuSent(tcb, size)
  tcb.sndAt = vn.state.now
  if (tcb.rec.phase === REC_FAST) tcb.rec.prrOut += len
  sentTransmit(vn, tcb, tcb.sndNxt, seqAdd(tcb.sndNxt, used), gso)
  tcpPaceSent(vn, tcb, len)
  if (gso !== 0) vn.bulk = tcb.inp.id
  if (force && tcpTimerOn(tcb, TT_PERSIST)) {
    // a probe is not in flight: sndNxt stays, so that it goes again
    const end = seqAdd(tcb.sndNxt, used)
    if (seqGt(end, tcb.sndMax)) tcb.sndMax = end
    return
  }
  tcb.sndNxt = seqAdd(tcb.sndNxt, used)
  if (fin) tcb.flags |= TF_SENTFIN
  sentUpTo(vn, tcb)
}

/** sndNxt has moved: new ground is timed (Karn: only new ground, MUST-18), and the retransmission timer runs. */
function sentUpTo(vn: Vn, tcb: Tcb): void {
  if (seqGt(tcb.sndNxt, tcb.sndMax)) {
    tcb.sndMax = tcb.sndNxt
    if (tcb.rttAt < 0) {
      tcb.rttAt = vn.state.now
      tcb.rttSeq = tcb.sndMax
    }
  }
  if (tcpTimerOn(tcb, TT_REXMT)) return
  if (tcpTimerOn(tcb, TT_PERSIST)) {
    tcpTimerStop(tcb, TT_PERSIST)
    tcb.rxtShift = 0
  }
  tcpTimerSet(vn, tcb, TT_REXMT, tcpRtoBackedOff(vn, tcb))
}

/** A segment that could not go: the timers try again, sequence variables stay. */
function outputFailed(vn: Vn, tcb: Tcb, errno: number, mss: number): number {
  if (tcpMtuProbeRefused(vn, tcb)) return AGAIN
  if (errno === EMSGSIZE) {
    // the interface's MTU went down under us (SHLD-6)
    tcpMssUpdate(vn, tcb)
    if (tcb.mss < mss) return AGAIN
  }
  if (errno !== ENOBUFS) {
    tcpStats(vn).snderr++
    tcb.softError = errno
  }
  if (tcb.sndBuf.len > 0 || tcpSendsFin(tcb.state)) {
    if (!tcpTimerOn(tcb, TT_REXMT) && !tcpTimerOn(tcb, TT_PERSIST)) {
      tcpTimerSet(vn, tcb, TT_REXMT, tcpRtoBackedOff(vn, tcb))
    }
  } else if (errno === ENOBUFS) {
    if (!tcpTimerOn(tcb, TT_DELACK)) {
      tcpTimerSet(vn, tcb, TT_DELACK, vn.state.sysctl['net.inet.tcp.delacktime'] * 1000)
    }
    // without a way to the peer an ACK is simply lost; the peer asks again
  } else tcb.flags &= ~(TF_ACKNOW | TF_DELACK)
  return errno
}

function countSegment(vn: Vn, tcb: Tcb, seq: Seq, len: number, fin: boolean): void {
  const stats = tcpStats(vn)
  if (len > 0) {
    if ((tcb.flags & TF_FORCE) !== 0 && len === 1) stats.sndprobe++
    else if (seqLt(seq, tcb.sndMax)) {
      stats.sndrexmitpack++
      stats.sndrexmitbyte += len
    } else {
      stats.sndpack++
      stats.sndbyte += len
    }
  } else if (fin) stats.sndctrl++
  else if (seqGt(tcb.sndUp, tcb.sndUna)) stats.sndurg++
  else stats.sndacks++
}
