/**
 * The seam between TCP and congestion control: an algorithm is a table of functions over the connection's record,
 * chosen by number, so that the record stays plain data. It decides cwnd and ssthresh, nothing else.
 */

import type { Vn } from '../../kern/vn.ts'
import { ECN_CWR, ECN_ON } from '../state.ts'
import type { Tcb } from '../state.ts'
import { NEWRENO } from './newreno.ts'

export interface CcAlgorithm {
  /** A connection begins: the initial window (RFC 5681 §3.1, RFC 6928). */
  init(vn: Vn, tcb: Tcb): void
  /** `acked` new bytes were acknowledged outside recovery; `flight` is what was in flight before. */
  ackReceived(vn: Vn, tcb: Tcb, acked: number, flight: number): void
  /** Loss told by duplicate ACKs: sets ssthresh (RFC 5681 §3.2 step 2). */
  lossDetected(vn: Vn, tcb: Tcb, flight: number): void
  /** The peer echoes a congestion mark, once for each window of data: sets ssthresh and cwnd (RFC 3168 §6.1.2). */
  ecnMarked(vn: Vn, tcb: Tcb, flight: number): void
  /** A retransmission timeout; `first` when the segment had not timed out before (RFC 5681 §3.1 (4)). */
  timedOut(vn: Vn, tcb: Tcb, flight: number, first: boolean): void
  /** Recovery is over: everything sent before it is acknowledged. */
  recovered(vn: Vn, tcb: Tcb, flight: number): void
  /** Sending begins again after a pause of a timeout or more (RFC 5681 §4.1). */
  afterIdle(vn: Vn, tcb: Tcb): void
}

export function ccInit(vn: Vn, tcb: Tcb): void {
  algorithm(tcb).init(vn, tcb)
}

export function ccAckReceived(vn: Vn, tcb: Tcb, acked: number, flight: number): void {
  algorithm(tcb).ackReceived(vn, tcb, acked, flight)
}

export function ccLossDetected(vn: Vn, tcb: Tcb, flight: number): void {
  algorithm(tcb).lossDetected(vn, tcb, flight)
  reduced(tcb)
}

export function ccEcnMarked(vn: Vn, tcb: Tcb, flight: number): void {
  algorithm(tcb).ecnMarked(vn, tcb, flight)
  reduced(tcb)
}

export function ccTimedOut(vn: Vn, tcb: Tcb, flight: number, first: boolean): void {
  algorithm(tcb).timedOut(vn, tcb, flight, first)
  reduced(tcb)
}

export function ccRecovered(vn: Vn, tcb: Tcb, flight: number): void {
  algorithm(tcb).recovered(vn, tcb, flight)
}

export function ccAfterIdle(vn: Vn, tcb: Tcb): void {
  algorithm(tcb).afterIdle(vn, tcb)
}

/** In the order of cc/names.ts. */
const ALGORITHMS: readonly CcAlgorithm[] = Object.freeze([NEWRENO])

/** The peer is told of every reduction, and its echoes of what was sent before are no news (RFC 3168 §6.1.2). */
function reduced(tcb: Tcb): void {
  if ((tcb.ecn & ECN_ON) === 0) return
  tcb.ecn |= ECN_CWR
  tcb.ecnRecover = tcb.sndMax
}

function algorithm(tcb: Tcb): CcAlgorithm {
  return ALGORITHMS[tcb.cc] ?? NEWRENO
}
