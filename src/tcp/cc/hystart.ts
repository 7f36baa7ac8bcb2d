/**
 * The initial slow start left before it overshoots: HyStart++ (RFC 9406). A round trip that grows over a round is a queue
 * that builds up; then the window grows at a quarter of the pace (Conservative Slow Start) until five rounds have shown
 * that it was one, or smaller round trips that it was none.
 */

import type { Vn } from '../../kern/vn.ts'
import { seqGt, toSeq } from '../../lib/seq.ts'
import type { Seq } from '../../lib/seq.ts'
import { CWND_MAX } from '../state-cc.ts'
import type { Tcb } from '../state.ts'
import { tcpRate } from '../state-scratch.ts'

/** Places in ccVars: end of the round; smallest round trip of the last round and of this (µs, 0: none); samples in it. */
export const HS_END = 0
export const HS_LAST = 1
export const HS_NOW = 2
export const HS_COUNT = 3
/** Round trip that CSS began with (µs), and the round of CSS that this is (0: in slow start). */
export const HS_BASE = 4
export const HS_CSS = 5
export const HS_VARS = 6

/** RFC 9406 §4.3. */
const MIN_RTT_THRESH_US = 4000
const MAX_RTT_THRESH_US = 16_000
const MIN_RTT_DIVISOR = 8
const N_RTT_SAMPLE = 8
const CSS_GROWTH_DIVISOR = 4
const CSS_ROUNDS = 5

/** Slow start begins: the first round ends with what is sent now. */
export function hystartInit(tcb: Tcb): void {
  tcb.ccVars[HS_END] = tcb.sndMax
}

/**
 * An ACK up to `ack` in the initial slow start (ssthresh still without a limit). Returns what the window's growth is to
 * be divided by; sets ssthresh where slow start ends here.
 */
export function hystartAck(vn: Vn, tcb: Tcb, ack: Seq): number {
  const v = tcb.ccVars
  if (seqGt(ack, toSeq(v[HS_END]))) nextRound(tcb)
  const { rttUs } = tcpRate(vn)
  if (rttUs >= 0) {
    v[HS_COUNT]++
    const rtt = Math.max(1, rttUs)
    if (v[HS_NOW] === 0 || rtt < v[HS_NOW]) v[HS_NOW] = rtt
  }
  if (v[HS_COUNT] >= N_RTT_SAMPLE && v[HS_NOW] > 0) {
    if (v[HS_CSS] > 0) {
      // the round trip went down again: it was no queue (§4.2)
      if (v[HS_NOW] < v[HS_BASE]) v[HS_CSS] = 0
    } else if (v[HS_LAST] > 0 && v[HS_NOW] >= v[HS_LAST] + threshold(v[HS_LAST])) {
      v[HS_BASE] = v[HS_NOW]
      v[HS_CSS] = 1
    }
  }
  return v[HS_CSS] > 0 ? CSS_GROWTH_DIVISOR : 1
}

/** Whether the slow start is the first one, the only one that HyStart++ is for (§4.3). */
export function hystartApplies(vn: Vn, tcb: Tcb): boolean {
  return tcb.ssthresh >= CWND_MAX && vn.state.sysctl['net.inet.tcp.cc.hystartplusplus'] === 1
}

/** RttThresh: an eighth of the round trip, but 4 ms to 16 ms. */
function threshold(rtt: number): number {
  return Math.max(MIN_RTT_THRESH_US, Math.min(rtt / MIN_RTT_DIVISOR, MAX_RTT_THRESH_US))
}

function nextRound(tcb: Tcb): void {
  const v = tcb.ccVars
  v[HS_END] = tcb.sndMax
  v[HS_LAST] = v[HS_NOW]
  v[HS_NOW] = 0
  v[HS_COUNT] = 0
  if (v[HS_CSS] === 0) return
  v[HS_CSS]++
  if (v[HS_CSS] > CSS_ROUNDS) tcb.ssthresh = tcb.cwnd
}
