/**
 * Slow start and congestion avoidance (RFC 5681) with appropriate byte counting (RFC 3465), as NewReno uses them
 * (RFC 6582). What is retransmitted when is in ../recovery.ts.
 */

import type { Vn } from '../../kern/vn.ts'
import { seqLt } from '../../lib/seq.ts'
import { TF_SYNREXMT } from '../state.ts'
import type { Tcb } from '../state.ts'
import type { CcAlgorithm } from './cc.ts'

/** RFC 6928 §2: ten segments, but not more than 14,600 bytes where segments are larger than usual. */
const INITIAL_BYTES = 14_600
/** Windows beyond this make no sense with 30 bits of advertised window (RFC 7323 §2.3). */
const CWND_MAX = 0x3fffffff

export const NEWRENO: CcAlgorithm = Object.freeze({ init, ackReceived, lossDetected, ecnMarked, timedOut, recovered, afterIdle })

function init(vn: Vn, tcb: Tcb): void {
  // RFC 5681 §3.1: after a lost SYN start with one segment
  tcb.cwnd = (tcb.flags & TF_SYNREXMT) !== 0 ? tcb.mss : initialWindow(vn, tcb)
  tcb.bytesAcked = 0
}

function ackReceived(vn: Vn, tcb: Tcb, acked: number, flight: number): void {
  const { mss } = tcb
  if (tcb.cwnd < tcb.ssthresh) {
    // a window that is not used must not grow (RFC 7661 §1.1); doubling tells use from a short pause
    if (tcb.cwnd >= 2 * flight) return
    // RFC 3465 §2.3: after a timeout the ACKs of old segments count for one segment each
    const limit = seqLt(tcb.sndNxt, tcb.sndMax) ? 1 : vn.state.sysctl['net.inet.tcp.abc_l_var']
    tcb.cwnd = Math.min(CWND_MAX, tcb.cwnd + Math.min(acked, limit * mss))
    return
  }
  if (flight + mss <= tcb.cwnd) return
  tcb.bytesAcked += acked
  if (tcb.bytesAcked < tcb.cwnd) return
  tcb.bytesAcked -= tcb.cwnd
  tcb.cwnd = Math.min(CWND_MAX, tcb.cwnd + mss)
}

function lossDetected(_vn: Vn, tcb: Tcb, flight: number): void {
  tcb.ssthresh = halfOf(tcb, flight)
  tcb.bytesAcked = 0
}

/** RFC 3168 §6.1.2: as if a segment had been dropped, but nothing goes again. */
function ecnMarked(_vn: Vn, tcb: Tcb, flight: number): void {
  tcb.ssthresh = halfOf(tcb, flight)
  tcb.cwnd = tcb.ssthresh
  tcb.bytesAcked = 0
}

function timedOut(_vn: Vn, tcb: Tcb, flight: number, first: boolean): void {
  if (first) tcb.ssthresh = halfOf(tcb, flight)
  tcb.cwnd = tcb.mss
  tcb.bytesAcked = 0
}

function recovered(_vn: Vn, tcb: Tcb, flight: number): void {
  // RFC 6582 §3.2 step 3, option (1): no burst when little is in flight
  tcb.cwnd = Math.min(tcb.ssthresh, Math.max(flight, tcb.mss) + tcb.mss)
  tcb.bytesAcked = 0
}

function afterIdle(vn: Vn, tcb: Tcb): void {
  tcb.cwnd = Math.min(tcb.cwnd, initialWindow(vn, tcb))
}

/** ssthresh after a loss (RFC 5681 equation 4), in whole segments. */
function halfOf(tcb: Tcb, flight: number): number {
  return Math.max(2, Math.floor(flight / 2 / tcb.mss)) * tcb.mss
}

function initialWindow(vn: Vn, tcb: Tcb): number {
  const segments = vn.state.sysctl['net.inet.tcp.initcwnd_segments'] * tcb.mss
  return Math.min(segments, Math.max(2 * tcb.mss, INITIAL_BYTES))
}
