/**
 * The seam between TCP and congestion control: an algorithm is a table of functions over the connection's record,
 * chosen by number, so that the record stays plain data. It decides cwnd, ssthresh and the pacing rate, nothing else;
 * its own variables are numbers in `Tcb.ccVars`. A new one is a table here, a name in names.ts and a count in ../state-cc.ts.
 */

import type { Vn } from '../../kern/vn.ts'
import { ECN_CWR, ECN_ON, TF_SYNREXMT } from '../state.ts'
import type { Tcb } from '../state.ts'
import { BBR } from './bbr.ts'
import { tcpMtuProbeLost } from '../plpmtud.ts'
import { CUBIC } from './cubic.ts'
import { cwvAck, cwvCongestion, cwvLook, cwvOn, cwvRecovered, cwvReset } from './cwv.ts'
import { NEWRENO } from './newreno.ts'
import { CC_VARS } from '../state-cc.ts'
import { REC_OPEN } from '../state-sent.ts'
import { ccInitialWindow } from './window.ts'

export interface CcAlgorithm {
  /** Keeps its own window through fast recovery; else proportional rate reduction leads it to ssthresh. */
  readonly ownsWindow: boolean
  /** The algorithm takes over: `ccVars` are zeros. cwnd is set; it may be that of another algorithm. */
  init(vn: Vn, tcb: Tcb): void
  /** `acked` new bytes were acknowledged outside recovery; `flight` is what was in flight before. */
  ackReceived(vn: Vn, tcb: Tcb, acked: number, flight: number): void
  /** Loss told by ACKs, once for each window of data: sets ssthresh (RFC 5681 §3.2 step 2). */
  lossDetected(vn: Vn, tcb: Tcb, flight: number): void
  /** The peer echoes a congestion mark, once for each window of data: sets ssthresh and cwnd (RFC 3168 §6.1.2). */
  ecnMarked(vn: Vn, tcb: Tcb, flight: number): void
  /** A retransmission timeout; `first` when the segment had not timed out before (RFC 5681 §3.1 (4)). */
  timedOut(vn: Vn, tcb: Tcb, flight: number, first: boolean): void
  /** Recovery is over: everything sent before it is acknowledged. */
  recovered(vn: Vn, tcb: Tcb, flight: number): void
  /** The last lossDetected or timedOut was a mistake; cwnd and ssthresh are as before it, the rest has to follow. */
  undo(vn: Vn, tcb: Tcb): void
  /** Sending begins again after a pause of a timeout or more (RFC 5681 §4.1). */
  afterIdle(vn: Vn, tcb: Tcb): void
  /** An ACK has been processed, in recovery or not: `tcpRate(vn)` says what it told. */
  sampled(vn: Vn, tcb: Tcb): void
}

/** A connection begins: the initial window (RFC 5681 §3.1, RFC 6928), one segment after a lost SYN. */
export function ccInit(vn: Vn, tcb: Tcb): void {
  tcb.cwnd = (tcb.flags & TF_SYNREXMT) !== 0 ? tcb.mss : ccInitialWindow(vn, tcb)
  begin(vn, tcb)
}

/** Another algorithm from now on; a connection that lives keeps its window. */
export function ccChange(vn: Vn, tcb: Tcb, cc: number): void {
  if (tcb.cc === cc) return
  tcb.cc = cc
  if (tcb.cwnd > 0) begin(vn, tcb)
}

export function ccAckReceived(vn: Vn, tcb: Tcb, acked: number, flight: number): void {
  if (validates(vn, tcb)) cwvAck(vn, tcb, tcb.sndUna, acked)
  algorithm(tcb).ackReceived(vn, tcb, acked, flight)
}

/** `flight` is what was in flight when the loss was found out. Remembers what ccUndo brings back. */
export function ccLossDetected(vn: Vn, tcb: Tcb, flight: number): void {
  if (tcpMtuProbeLost(vn, tcb)) {
    tcb.ssthresh = tcb.cwnd
    tcb.undoCwnd = 0
    return
  }
  remember(tcb, flight)
  algorithm(tcb).lossDetected(vn, tcb, flight)
  if (validates(vn, tcb)) cwvCongestion(vn, tcb, flight)
  reduced(tcb)
}

export function ccEcnMarked(vn: Vn, tcb: Tcb, flight: number): void {
  algorithm(tcb).ecnMarked(vn, tcb, flight)
  if (validates(vn, tcb) && tcb.cwv.nonValidated) {
    cwvCongestion(vn, tcb, flight)
    tcb.cwnd = tcb.ssthresh
    cwvRecovered(vn, tcb)
  }
  reduced(tcb)
}

export function ccTimedOut(vn: Vn, tcb: Tcb, flight: number, first: boolean): void {
  // a timeout in the middle of recovery: what was before both
  if (first && tcb.rec.phase === REC_OPEN) remember(tcb, flight)
  algorithm(tcb).timedOut(vn, tcb, flight, first)
  // RFC 7661 §4.4: the non-validated phase is over, the standard mechanism goes on
  tcb.cwv.lossBase = 0
  cwvReset(vn, tcb)
  reduced(tcb)
}

/** What ccUndo brings back stays known: reports of duplicates come late (RFC 3708 §3). */
export function ccRecovered(vn: Vn, tcb: Tcb, flight: number): void {
  algorithm(tcb).recovered(vn, tcb, flight)
  if (validates(vn, tcb)) cwvRecovered(vn, tcb)
}

/**
 * Nothing was lost after all: window and threshold are what they were before the last
 * ccLossDetected or ccTimedOut. Leaving recovery is the caller's, and keeping bursts small (RFC 4015 §3.2 step 10).
 */
export function ccUndo(vn: Vn, tcb: Tcb): void {
  if (tcb.undoCwnd === 0) return
  tcb.cwnd = Math.max(tcb.cwnd, tcb.undoCwnd)
  tcb.ssthresh = Math.max(tcb.ssthresh, tcb.undoSsthresh)
  tcb.undoCwnd = 0
  algorithm(tcb).undo(vn, tcb)
  tcb.cwv.lossBase = 0
}

export function ccAfterIdle(vn: Vn, tcb: Tcb): void {
  if (validates(vn, tcb)) cwvLook(vn, tcb)
  else algorithm(tcb).afterIdle(vn, tcb)
}

/** cwnd is the algorithm's in fast recovery too. */
export function ccOwnsWindow(tcb: Tcb): boolean {
  return algorithm(tcb).ownsWindow
}

/** To be called once for each ACK of a connection, when the scoreboard and recovery have dealt with it. */
export function ccSampled(vn: Vn, tcb: Tcb): void {
  algorithm(tcb).sampled(vn, tcb)
}

/** In the order of names.ts. */
const ALGORITHMS: readonly CcAlgorithm[] = Object.freeze([NEWRENO, CUBIC, BBR])

function algorithm(tcb: Tcb): CcAlgorithm {
  return ALGORITHMS[tcb.cc] ?? NEWRENO
}

/** RFC 7661 is about the usual window; an algorithm with one of its own knows itself what it is worth. */
function validates(vn: Vn, tcb: Tcb): boolean {
  return cwvOn(vn) && !algorithm(tcb).ownsWindow
}

function begin(vn: Vn, tcb: Tcb): void {
  tcb.bytesAcked = 0
  tcb.undoCwnd = 0
  tcb.paceRate = 0
  tcb.cwv.lossBase = 0
  cwvReset(vn, tcb)
  tcb.ccVars.length = 0
  for (let i = 0; i < CC_VARS[tcb.cc]; i++) tcb.ccVars.push(0)
  algorithm(tcb).init(vn, tcb)
}

/** RFC 4015 §3.2 step 0: pipe_prev becomes the threshold again. */
function remember(tcb: Tcb, flight: number): void {
  tcb.undoCwnd = tcb.cwnd
  tcb.undoSsthresh = Math.max(flight, tcb.ssthresh)
}

/** The peer is told of every reduction, and its echoes of what was sent before are no news (RFC 3168 §6.1.2). */
function reduced(tcb: Tcb): void {
  if ((tcb.ecn & ECN_ON) === 0) return
  tcb.ecn |= ECN_CWR
  tcb.ecnRecover = tcb.sndMax
}
