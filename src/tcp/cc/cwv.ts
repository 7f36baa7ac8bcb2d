/**
 * Congestion window validation (RFC 7661), where net.inet.tcp.newcwv is on: a window that is not used is kept for five
 * minutes instead of being given up after an idle timeout; while it is kept it neither grows nor counts for more than was
 * used when something is lost, and what it lets out is paced. For algorithms whose window is the usual one, not for BBR.
 */

import type { Vn } from '../../kern/vn.ts'
import { seqGeq } from '../../lib/seq.ts'
import type { Seq } from '../../lib/seq.ts'
import { CWV_PERIODS } from '../state-cwv.ts'
import type { Tcb } from '../state.ts'
import { ccInitialWindow } from './window.ts'

/** RFC 7661 §4.4: the non-validated period. */
const NVP_US = 300e6
/** §4.2: the sampling period is three round trips, a second at least. */
const SAMPLING_RTTS = 3
const SAMPLING_MIN_US = 1e6

export function cwvOn(vn: Vn): boolean {
  return vn.state.sysctl['net.inet.tcp.newcwv'] === 1
}

/** A connection begins, or recovery is over: pipeACK is undefined (§4.1, §4.4.1). */
export function cwvReset(vn: Vn, tcb: Tcb): void {
  const { cwv } = tcb
  cwv.defined = false
  cwv.samples.fill(0)
  cwv.sampling = false
  cwv.sum = 0
  cwv.nonValidated = false
  cwv.validAt = vn.state.now
}

/** An ACK up to `ack` of `acked` new bytes, outside of recovery: a sample of pipeACK every round trip (§4.2). */
export function cwvAck(vn: Vn, tcb: Tcb, ack: Seq, acked: number): void {
  const { cwv } = tcb
  if (!cwv.sampling) {
    cwv.sampling = true
    cwv.sum = 0
    cwv.mark = tcb.sndMax
  }
  cwv.sum += acked
  if (seqGeq(ack, cwv.mark)) {
    turn(vn, tcb)
    cwv.samples[0] = Math.max(cwv.samples[0], cwv.sum)
    cwv.defined = true
    cwv.sum = 0
    cwv.mark = tcb.sndMax
    // with nothing under way the next round trip begins with the next data
    if (ack === tcb.sndMax) cwv.sampling = false
  }
  cwvLook(vn, tcb)
}

/** Which phase it is (§4.3), and what a time of more than the NVP in the non-validated one costs (§4.4.3). */
export function cwvLook(vn: Vn, tcb: Tcb): void {
  const { cwv } = tcb
  const { now } = vn.state
  cwv.nonValidated = cwv.defined && 2 * cwvPipeAck(vn, tcb) < tcb.cwnd
  if (!cwv.nonValidated) {
    cwv.validAt = now
    return
  }
  for (; now - cwv.validAt >= NVP_US; cwv.validAt += NVP_US) {
    tcb.ssthresh = Math.max(tcb.ssthresh, Math.floor(tcb.cwnd * 3 / 4))
    const least = Math.min(tcb.cwnd, ccInitialWindow(vn, tcb))
    tcb.cwnd = Math.max(Math.floor(tcb.cwnd / 2), least)
    // nothing is left to take away: centuries need no loop
    if (tcb.cwnd === least) {
      cwv.validAt = now
      return
    }
  }
}

/** pipeACK: the highest sample of the sampling period, in bytes. */
export function cwvPipeAck(vn: Vn, tcb: Tcb): number {
  turn(vn, tcb)
  let most = 0
  for (let i = 0; i < CWV_PERIODS; i++) most = Math.max(most, tcb.cwv.samples[i])
  return most
}

/**
 * Congestion: after the algorithm's own answer, which is for a window that was used. In the non-validated phase ssthresh
 * is half of what was in use (§4.4.1).
 */
export function cwvCongestion(vn: Vn, tcb: Tcb, flight: number): void {
  const { cwv } = tcb
  cwv.lossBase = 0
  if (!cwv.nonValidated) return
  cwv.lossBase = Math.max(cwvPipeAck(vn, tcb), flight)
  cwv.lossTwice = tcb.sent.twiceTotal
  tcb.ssthresh = Math.max(tcb.mss, Math.floor(cwv.lossBase / 2))
}

/** Recovery is over: what had to go again is taken off before the window is halved (§4.4.1). */
export function cwvRecovered(vn: Vn, tcb: Tcb): void {
  const { cwv } = tcb
  if (cwv.lossBase > 0) {
    const again = tcb.sent.twiceTotal - cwv.lossTwice
    tcb.cwnd = Math.max(tcb.mss, Math.floor((cwv.lossBase - again) / 2))
    tcb.ssthresh = tcb.cwnd
    cwv.lossBase = 0
  }
  cwvReset(vn, tcb)
}

/** Periods that are over make room for the present one. */
function turn(vn: Vn, tcb: Tcb): void {
  const { cwv } = tcb
  const { now } = vn.state
  const period = Math.max(SAMPLING_RTTS * tcb.srtt, SAMPLING_MIN_US) / CWV_PERIODS
  const over = Math.min(CWV_PERIODS, Math.floor((now - cwv.periodAt) / period))
  if (over <= 0) return
  for (let i = CWV_PERIODS - 1; i >= 0; i--) cwv.samples[i] = i >= over ? cwv.samples[i - over] : 0
  cwv.periodAt = now
}
