/**
 * Slow start and congestion avoidance (RFC 5681) with appropriate byte counting (RFC 3465), as NewReno uses them
 * (RFC 6582). What is retransmitted when is in ../recovery.ts.
 */

import type { Vn } from '../../kern/vn.ts'
import { CWND_MAX } from '../state-cc.ts'
import type { Tcb } from '../state.ts'
import type { CcAlgorithm } from './cc.ts'
import { hystartInit } from './hystart.ts'
import { slowStart, windowUsed } from './slowstart.ts'
import { ccNothing, ccRestart } from './window.ts'

/** RFC 5681 equation 4, and RFC 8511 §3.1: a mark comes from a short queue, so it is answered by less. */
const BETA = 0.5
const BETA_ECN = 0.8

export const NEWRENO: CcAlgorithm = Object.freeze({
  ownsWindow: false,
  init, ackReceived, lossDetected, ecnMarked, timedOut, recovered, undo: ccNothing, afterIdle: ccRestart,
  sampled: ccNothing,
})

function init(_vn: Vn, tcb: Tcb): void {
  hystartInit(tcb)
}

function ackReceived(vn: Vn, tcb: Tcb, acked: number, flight: number): void {
  if (!windowUsed(vn, tcb, flight)) return
  if (tcb.cwnd < tcb.ssthresh) return slowStart(vn, tcb, acked)
  tcb.bytesAcked += acked
  if (tcb.bytesAcked < tcb.cwnd) return
  tcb.bytesAcked -= tcb.cwnd
  tcb.cwnd = Math.min(CWND_MAX, tcb.cwnd + tcb.mss)
}

function lossDetected(_vn: Vn, tcb: Tcb, flight: number): void {
  tcb.ssthresh = reduced(tcb, flight, BETA)
  tcb.bytesAcked = 0
}

/** RFC 3168 §6.1.2: as if a segment had been dropped, but nothing goes again. */
function ecnMarked(vn: Vn, tcb: Tcb, flight: number): void {
  tcb.ssthresh = reduced(tcb, flight, vn.state.sysctl['net.inet.tcp.cc.abe'] === 1 ? BETA_ECN : BETA)
  tcb.cwnd = tcb.ssthresh
  tcb.bytesAcked = 0
}

function timedOut(_vn: Vn, tcb: Tcb, flight: number, first: boolean): void {
  if (first) tcb.ssthresh = reduced(tcb, flight, BETA)
  tcb.cwnd = tcb.mss
  tcb.bytesAcked = 0
}

function recovered(_vn: Vn, tcb: Tcb, flight: number): void {
  // RFC 6582 §3.2 step 3, option (1): no burst when little is in flight
  tcb.cwnd = Math.min(tcb.ssthresh, Math.max(flight, tcb.mss) + tcb.mss)
  tcb.bytesAcked = 0
}

/** ssthresh in whole segments, two at least. */
function reduced(tcb: Tcb, flight: number, beta: number): number {
  return Math.max(2, Math.floor(flight * beta / tcb.mss)) * tcb.mss
}
