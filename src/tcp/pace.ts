/**
 * Pacing: data leaves at a rate instead of in bursts as ACKs allow it. The rate is set by the algorithm (`paceRate`), by
 * the user (SO_MAX_PACING_RATE), or follows from the window (net.inet.tcp.pacing). What is sent is booked at the rate;
 * while the booking reaches further ahead than one quantum takes, data waits for TT_PACE.
 */

import type { Vn } from '../kern/vn.ts'
import { tcpTimerOn, tcpTimerSet } from './deadline.ts'
import { TT_PACE } from './state.ts'
import type { Tcb } from './state.ts'

/** A timer may go off so late without costing anything of the rate. */
const CREDIT_US = 1000
/** A quantum is a millisecond's worth, two segments at least below this many bytes and one on slow links. */
const QUANTUM_US = 1000
const MAX_QUANTUM = 65_536
/** 1.2 Mb/s in bytes per second: below it segments go one by one. */
const SLOW_RATE = 150_000
/** Of the window's rate, in slow start and later: below 1 the window could not be used, and it must be able to grow. */
const SLOW_START_GAIN = 2
const AVOIDANCE_GAIN = 1.2

/** True when new data has to wait for its time; TT_PACE then goes off. Costs two comparisons where nothing is paced. */
export function tcpPaceWaits(vn: Vn, tcb: Tcb): boolean {
  if (tcb.paceAt <= vn.state.now) return false
  const rate = tcpPaceRate(vn, tcb)
  if (rate === 0) return false
  const booked = (tcb.paceAt - vn.state.now) * rate / 1e6
  // half a segment of tolerance: times are whole neither here nor in timers
  if (booked + tcb.mss / 2 < tcpPaceQuantum(tcb, rate)) return false
  if (!tcpTimerOn(tcb, TT_PACE)) tcpTimerSet(vn, tcb, TT_PACE, tcb.paceAt - vn.state.now)
  return true
}

/** `len` bytes have just gone: books the time that they take. */
export function tcpPaceSent(vn: Vn, tcb: Tcb, len: number): void {
  const rate = tcpPaceRate(vn, tcb)
  if (rate === 0) return
  const { now } = vn.state
  tcb.paceAt = (tcb.paceAt + CREDIT_US >= now ? tcb.paceAt : now) + len * 1e6 / rate
}

/** The rate that holds now in bytes per second, 0 for none. */
export function tcpPaceRate(vn: Vn, tcb: Tcb): number {
  let rate = tcb.paceRate
  if (rate === 0 && paced(vn, tcb) && tcb.srtt > 0) {
    rate = (tcb.cwnd < tcb.ssthresh ? SLOW_START_GAIN : AVOIDANCE_GAIN) * tcb.cwnd * 1e6 / tcb.srtt
  }
  if (tcb.maxPaceRate === 0) return rate
  return rate === 0 ? tcb.maxPaceRate : Math.min(rate, tcb.maxPaceRate)
}

/** What goes in one burst at this rate, in bytes: one or two segments, then a millisecond's worth. */
export function tcpPaceQuantum(tcb: Tcb, rate: number): number {
  if (rate < SLOW_RATE) return tcb.mss
  return Math.max(2 * tcb.mss, Math.min(rate * QUANTUM_US / 1e6, MAX_QUANTUM))
}

/** By the user's wish, or because a window that was kept for later must not go in one burst (RFC 7661 §4.4.2). */
function paced(vn: Vn, tcb: Tcb): boolean {
  const { sysctl } = vn.state
  return sysctl['net.inet.tcp.pacing'] === 1 || (tcb.cwv.nonValidated && sysctl['net.inet.tcp.newcwv'] === 1)
}
