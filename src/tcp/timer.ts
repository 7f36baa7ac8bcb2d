/** Timers that went off (RFC 9293 §3.10.8): the alarm of a record came, and its deadlines say which. */

import { inetNegativeAdvice } from '../inet/advice.ts'
import { TIMER_SYNCACHE, TIMER_TCP, alarmDue, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import { ETIMEDOUT } from '../lib/errno.ts'
import { seqAdd, seqDiff } from '../lib/seq.ts'
import { TH_ACK } from '../wire/tcp.ts'
import { tcpBlackholeTimeout } from './blackhole.ts'
import { tcpTransmit } from './build.ts'
import { ccTimedOut } from './cc/cc.ts'
import { tcpTimerNext, tcpTimerOn, tcpTimerSet, tcpTimerStop } from './deadline.ts'
import { tcbAwake, tcpIdleArm, tcpIsIdle, tcpSleep, tcpSleeps } from './dormant.ts'
import { tcpDrop, tcpEnd } from './drop.ts'
import { tcpBuffersIdle } from './idle.ts'
import { tcpKeepCnt, tcpKeepIdleUs, tcpKeepIntvlUs, tcpKeepOn } from './keep.ts'
import { tcpMeterTimeout } from './meter.ts'
import { tcpOutput, tcpPersistSet } from './output.ts'
import { tcpMtuTimeout } from './plpmtud.ts'
import { tcpRecoveryAbort } from './recovery.ts'
import { tcpReorderTimer, tcpSackTimeout } from './sackrecovery.ts'
import { spuriousTimeout } from './spurious.ts'
import { FO_PASSIVE } from './state-open.ts'
import {
  ECN_HOLD, TCPS_CLOSED, TCPS_CLOSE_WAIT, TCPS_ESTABLISHED, TCPS_SYN_RECEIVED, TCPS_SYN_SENT, TF_ACKNOW, TF_DELACK, TF_FORCE,
  TF_ORPHAN, TF_SACK_PERMIT, TF_SYNREXMT, TT_2MSL, TT_COUNT, TT_DELACK, TT_IDLEBUF, TT_KEEP, TT_PACE, TT_PERSIST, TT_PTO,
  TT_REORDER, TT_REXMT,
} from './state.ts'
import type { Tcb } from './state.ts'
import { tcpSyncacheTimer } from './syncache.ts'
import { tlpTimer } from './tlp.ts'
import { tcpTimeWaitEnd } from './timewait.ts'
import { tcpUserTimeoutMs } from './uto.ts'
import { tcpTraceBegin, tcpTraceEnd, tcpTraceRecordTimer, tcpTraceTimer } from './trace.ts'
import { TT_SYNACK, TT_TIMEWAIT } from './trace-words.ts'
import { tcpStats } from './stats.ts'

/**
 * R1 (RFC 9293 §3.8.3, SHLD-10), in retransmissions: here the first hop is put to the proof, and a connection attempt
 * that has an ICMP error ends.
 */
const R1 = 3
/** Sum of the backoff factors 1, 2, 4 … 512, 512 …: how many timeouts unanswered data lasts until R2. */
const TOTAL_BACKOFF = 2559

/** A heap entry of TIMER_TCP, TIMER_SYNCACHE or TIMER_TIMEWAIT popped at `at`; `owner` may be gone. */
export function tcpTimer(vn: Vn, kind: number, owner: number, at: number): void {
  const { tcp, timers, now } = vn.state
  tcpTraceBegin(vn)
  if (kind === TIMER_TCP) {
    const record = tcp.tcbs.get(owner)
    // an alarm that was replaced wakes nobody
    if (record === undefined || record.alarmAt !== at) return
    const tcb = tcbAwake(vn, record)
    if (alarmDue(timers, kind, owner, tcb, at, tcpTimerNext(tcb), now)) {
      fire(vn, tcb)
      tcpTraceEnd(vn, null)
    }
  } else if (kind === TIMER_SYNCACHE) {
    const sc = tcp.syncache.get(owner)
    if (sc !== undefined && alarmDue(timers, kind, owner, sc, at, sc.deadline, now)) {
      tcpTraceRecordTimer(vn, sc.inp, sc.listener, TT_SYNACK)
      tcpSyncacheTimer(vn, sc)
    }
  } else {
    const tw = tcp.timewait.get(owner)
    if (tw !== undefined && alarmDue(timers, kind, owner, tw, at, tw.deadline, now)) {
      tcpTraceRecordTimer(vn, tw.inp, 0, TT_TIMEWAIT)
      tcpTimeWaitEnd(vn, tw)
    }
  }
}

/** Runs every timer of the connection that is due, and arms the alarm for the next one. */
function fire(vn: Vn, tcb: Tcb): void {
  let idle = false
  for (let timer = TT_REXMT; timer < TT_COUNT && tcb.state !== TCPS_CLOSED; timer++) {
    const deadline = tcb.timers[timer]
    if (deadline > vn.state.now) continue
    tcpTimerStop(tcb, timer)
    if (timer !== TT_IDLEBUF) tcpTraceTimer(vn, tcb, timer)
    switch (timer) {
      case TT_REXMT:
        // a loss probe of the same time goes first, and sets the timer anew (RFC 8985 §7.2)
        if (tcb.timers[TT_PTO] > vn.state.now) rexmt(vn, tcb)
        break
      case TT_PERSIST:
        persist(vn, tcb)
        break
      case TT_KEEP:
        keep(vn, tcb)
        break
      case TT_2MSL:
        tcpStats(vn).finwait2drops++
        tcpEnd(vn, tcb)
        break
      case TT_DELACK:
        delack(vn, tcb)
        break
      case TT_IDLEBUF:
        idle = !tcpSleeps(vn) || tcpIsIdle(vn, tcb)
        if (idle) tcpBuffersIdle(tcb)
        else tcpIdleArm(vn, tcb)
        break
      case TT_PACE:
        tcpOutput(vn, tcb)
        break
      case TT_REORDER:
        tcpReorderTimer(vn, tcb)
        tcpOutput(vn, tcb)
        break
      default:
        tlpTimer(vn, tcb)
    }
  }
  alarmSet(vn.state.timers, TIMER_TCP, tcb.inp.id, tcb, tcpTimerNext(tcb))
  if (idle) tcpSleep(vn, tcb)
}

/** RETRANSMISSION TIMEOUT (RFC 6298 §5.4–5.7, RFC 5681 §3.1). */
function rexmt(vn: Vn, tcb: Tcb): void {
  const stats = tcpStats(vn)
  if ((tcb.ecn & ECN_HOLD) !== 0) {
    tcb.ecn &= ~ECN_HOLD
    // nothing is missing: new data had to wait this long (RFC 3168 §6.1.2)
    if (tcb.sndMax === tcb.sndUna) {
      tcpOutput(vn, tcb)
      return
    }
  }
  stats.rexmttimeo++
  if (tcb.stallAt < 0) tcb.stallAt = tcb.sndAt
  tcb.rxtCount++
  tcpMeterTimeout(vn, tcb, tcb.rxtCount === R1)
  if (userTimedOut(vn, tcb)) return
  if (tcb.rxtCount > mostTimeouts(vn, tcb)) {
    stats.timeoutdrop++
    return tcpDrop(vn, tcb, tcb.softError !== 0 ? tcb.softError : ETIMEDOUT)
  }
  tcb.rxtShift++
  tcb.rttAt = -1
  // MUST-20 (a): at R1 the way there is questioned
  if (tcb.rxtCount === R1) inetNegativeAdvice(vn, tcb.inp.faddr)
  if (tcb.state === TCPS_SYN_SENT || tcb.state === TCPS_SYN_RECEIVED) {
    tcb.flags |= TF_SYNREXMT
    // an unreachable peer that stays so is given up early (RFC 5461 §4.2)
    if (tcb.state === TCPS_SYN_SENT && tcb.softError !== 0 && tcb.rxtCount > R1) {
      return tcpDrop(vn, tcb, tcb.softError)
    }
    tcb.sndNxt = tcb.iss
  } else {
    spuriousTimeout(vn, tcb)
    ccTimedOut(vn, tcb, seqDiff(tcb.sndMax, tcb.sndUna), tcb.rxtCount === 1)
    tcpMtuTimeout(vn, tcb)
    tcpBlackholeTimeout(vn, tcb)
    if ((tcb.flags & TF_SACK_PERMIT) !== 0 && !tcpTimerOn(tcb, TT_PERSIST)) tcpSackTimeout(vn, tcb)
    else {
      tcpRecoveryAbort(tcb)
      tcb.sndNxt = tcb.sndUna
    }
  }
  // arms the timer again, or the one for probes where the window has closed meanwhile
  tcpOutput(vn, tcb)
}

/** A connection that a SYN with a Fast Open cookie has opened waits as long as a half-open one. */
function mostTimeouts(vn: Vn, tcb: Tcb): number {
  const { sysctl } = vn.state
  // where the peer has its say the time decides, which may be longer (RFC 5482 §3.1)
  if (tcb.userTimeoutMs === 0 && tcpUserTimeoutMs(vn, tcb) > 0) return Infinity
  return (tcb.fastFlags & FO_PASSIVE) !== 0
    ? sysctl['net.inet.tcp.syncache.rexmtlimit'] : sysctl['net.inet.tcp.retries']
}

/** The peer's window is closed (or too small to be worth it): one octet, whatever the window says (MUST-36). */
function persist(vn: Vn, tcb: Tcb): void {
  const stats = tcpStats(vn)
  const { now, sysctl } = vn.state
  stats.persisttimeo++
  if (tcb.stallAt < 0 && tcb.rcvAt < tcb.sndAt) tcb.stallAt = tcb.sndAt
  // MUST-37: as long as it answers the probes the connection stays; a silent one goes as data would
  const silent = now - tcb.rcvAt
  if (tcb.rxtShift > sysctl['net.inet.tcp.retries'] &&
    silent >= Math.min(sysctl['net.inet.tcp.keepidle'] * 1000, tcb.rto * TOTAL_BACKOFF)) {
    stats.persistdrop++
    return tcpDrop(vn, tcb, ETIMEDOUT)
  }
  // nobody is left to wait for a peer that does not read (RFC 9293 §3.8.6.1: resource management)
  if ((tcb.flags & TF_ORPHAN) !== 0 && tcb.state > TCPS_CLOSE_WAIT && silent >= sysctl['net.inet.tcp.persmax'] * 1000) {
    stats.persistdrop++
    return tcpDrop(vn, tcb, ETIMEDOUT)
  }
  if (userTimedOut(vn, tcb)) return
  tcb.meter.probesOut++
  tcpPersistSet(vn, tcb)
  tcb.flags |= TF_FORCE
  tcpOutput(vn, tcb)
  tcb.flags &= ~TF_FORCE
}

/** Before ESTABLISHED the limit of the handshake, afterwards keep-alive (RFC 9293 §3.8.4). */
function keep(vn: Vn, tcb: Tcb): void {
  const stats = tcpStats(vn)
  if (tcb.state < TCPS_ESTABLISHED) {
    stats.timeoutdrop++
    return tcpDrop(vn, tcb, tcb.softError !== 0 ? tcb.softError : ETIMEDOUT)
  }
  const idleUs = tcpKeepIdleUs(vn, tcb)
  const idle = vn.state.now - tcb.rcvAt
  if (!tcpKeepOn(vn, tcb)) return
  // MUST-26: nothing arrived for the whole interval, and nothing of ours is outstanding
  if (tcb.sndMax !== tcb.sndUna) return tcpTimerSet(vn, tcb, TT_KEEP, idleUs)
  if (idle < idleUs) return tcpTimerSet(vn, tcb, TT_KEEP, idleUs - idle)
  stats.keeptimeo++
  if (tcb.keepProbes >= tcpKeepCnt(vn, tcb)) {
    stats.keepdrops++
    return tcpDrop(vn, tcb, ETIMEDOUT)
  }
  tcb.keepProbes++
  stats.keepprobe++
  tcpTransmit(vn, tcb, seqAdd(tcb.sndUna, -1), TH_ACK, 0, 0)
  tcpTimerSet(vn, tcb, TT_KEEP, tcpKeepIntvlUs(vn, tcb))
}

/** The ACK has waited long enough (MUST-40). */
function delack(vn: Vn, tcb: Tcb): void {
  tcpStats(vn).delack++
  tcb.flags = tcb.flags & ~TF_DELACK | TF_ACKNOW
  tcpOutput(vn, tcb)
}

/** USER TIMEOUT (RFC 9293 §3.10.8, MUST-21): no progress for as long as the user allows. */
function userTimedOut(vn: Vn, tcb: Tcb): boolean {
  if (tcb.stallAt < 0) return false
  const limit = tcpUserTimeoutMs(vn, tcb)
  if (limit === 0 || vn.state.now - tcb.stallAt < limit * 1000) return false
  tcpStats(vn).usrtimeo++
  tcpDrop(vn, tcb, ETIMEDOUT)
  return true
}
