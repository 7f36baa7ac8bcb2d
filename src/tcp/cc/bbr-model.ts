/** What BBR knows of the path (draft-ietf-ccwg-bbr §5.5): bandwidth, round trip, rounds, bursts of ACKs, bounds. */

import type { Vn } from '../../kern/vn.ts'
import { tcpPaceQuantum } from '../pace.ts'
import type { Tcb } from '../state.ts'
import {
  BBR_CRUISE, BBR_DOWN, BBR_DRAIN, BBR_PROBE_RTT, BBR_STARTUP, BBR_UP, BB_BW_BEFORE, BB_BW_LATEST, BB_BW_NOW, BB_BW_SHORT, BB_CWND,
  BB_EXTRA_AT, BB_EXTRA_BEFORE, BB_EXTRA_BYTES, BB_EXTRA_NOW, BB_EXTRA_ROUNDS, BB_FULL, BB_INFLIGHT_LATEST,
  BB_INFLIGHT_LONG, BB_INFLIGHT_SHORT, BB_LOSS_IN_ROUND, BB_LOSS_ROUND, BB_LOSS_ROUND_DELIVERED, BB_LOSS_ROUND_LOST,
  BB_LOSS_ROUND_START, BB_MIN_RTT, BB_NEXT_ROUND,
  BB_ROUNDS_SINCE, BB_ROUND_START, BB_STATE, BETA, CWND_GAIN, EXTRA_ROUNDS, HEADROOM, LOSS_DEVIATIONS, LOSS_THRESH, MIN_PIPE_SEGMENTS, NONE,
} from './bbr-vars.ts'
import { tcpRate } from '../state-scratch.ts'

/** The sample's bandwidth in bytes per second; 0 where there is none. */
export function bbrRate(vn: Vn): number {
  const rate = tcpRate(vn)
  return rate.intervalUs > 0 ? rate.delivered * 1e6 / rate.intervalUs : 0
}

/** max_bw: the largest bandwidth of this probing cycle and the one before. */
export function bbrMaxBw(tcb: Tcb): number {
  return Math.max(tcb.ccVars[BB_BW_BEFORE], tcb.ccVars[BB_BW_NOW])
}

/** What is sent at: max_bw, bounded in the short term. */
export function bbrBw(tcb: Tcb): number {
  return Math.min(bbrMaxBw(tcb), tcb.ccVars[BB_BW_SHORT])
}

/** Bandwidth times smallest round trip, times `gain`; the initial window before there is a round trip (§5.6.4.2). */
export function bbrBdp(tcb: Tcb, gain: number): number {
  const rtt = tcb.ccVars[BB_MIN_RTT]
  return rtt === NONE ? tcb.ccVars[BB_CWND] : gain * bbrBw(tcb) * rtt / 1e6
}

/** Four segments: what keeps ACKs coming. */
export function bbrMinPipe(tcb: Tcb): number {
  return MIN_PIPE_SEGMENTS * tcb.mss
}

/** max_inflight (§5.6.4.2): the BDP with its gain, room for bursts each way. */
export function bbrMaxInflight(tcb: Tcb): number {
  const v = tcb.ccVars
  const gained = bbrBdp(tcb, CWND_GAIN[v[BB_STATE]]) + Math.max(v[BB_EXTRA_NOW], v[BB_EXTRA_BEFORE])
  const inflight = Math.max(gained, 3 * tcpPaceQuantum(tcb, tcb.paceRate), bbrMinPipe(tcb))
  return v[BB_STATE] === BBR_UP ? inflight + 2 * tcb.mss : inflight
}

/** What is left of inflight_hi when others get their headroom (§5.3.3.2). */
export function bbrWithHeadroom(tcb: Tcb): number {
  const long = tcb.ccVars[BB_INFLIGHT_LONG]
  if (long === NONE) return NONE
  return Math.max(long - Math.max(tcb.mss, HEADROOM * long), bbrMinPipe(tcb))
}

/** A new round begins (§5.5.1). */
export function bbrStartRound(tcb: Tcb): void {
  tcb.ccVars[BB_NEXT_ROUND] = tcb.sent.delivered
}

/** §5.5.1: the round is over when what was sent after its beginning is delivered. */
export function bbrUpdateRound(vn: Vn, tcb: Tcb): void {
  const v = tcb.ccVars
  v[BB_ROUND_START] = 0
  if (tcpRate(vn).priorDelivered < v[BB_NEXT_ROUND]) return
  bbrStartRound(tcb)
  v[BB_ROUND_START] = 1
  v[BB_ROUNDS_SINCE]++
}

/** §5.5.10.2, §5.5.5: signals of this ACK, the largest bandwidth, and what a loss round did to the short-term bounds. */
export function bbrUpdateCongestion(vn: Vn, tcb: Tcb): void {
  const v = tcb.ccVars
  const rate = tcpRate(vn)
  const bw = bbrRate(vn)
  v[BB_LOSS_ROUND_START] = 0
  v[BB_BW_LATEST] = Math.max(v[BB_BW_LATEST], bw)
  v[BB_INFLIGHT_LATEST] = Math.max(v[BB_INFLIGHT_LATEST], rate.delivered)
  if (rate.priorDelivered >= v[BB_LOSS_ROUND]) {
    v[BB_LOSS_ROUND] = tcb.sent.delivered
    v[BB_LOSS_ROUND_START] = 1
  }
  if (bw >= bbrMaxBw(tcb) || !rate.appLimited) v[BB_BW_NOW] = Math.max(v[BB_BW_NOW], bw)
  if (v[BB_LOSS_ROUND_START] === 0) return
  if (!probing(v[BB_STATE]) && (v[BB_LOSS_IN_ROUND] === 1 || lostTooMuch(tcb))) lowerShortTerm(tcb)
  bbrStartLossRound(tcb)
}

/** §5.5.10.2: the next loss round begins with this ACK's sample. */
export function bbrAdvanceSignals(vn: Vn, tcb: Tcb): void {
  const v = tcb.ccVars
  if (v[BB_LOSS_ROUND_START] === 0) return
  v[BB_BW_LATEST] = bbrRate(vn)
  v[BB_INFLIGHT_LATEST] = tcpRate(vn).delivered
}

/** §5.5.10.3: loss beyond what is tolerated at this much in flight. */
export function bbrInflightTooHigh(vn: Vn, tcb: Tcb): boolean {
  const rate = tcpRate(vn)
  return rate.priorDelivered >= 0 && bbrLossTooHigh(tcb, tcb.sent.lostTotal - rate.txLost, rate.txInFlight)
}

/**
 * Whether `lost` bytes of `total` say that more than LossThresh is lost. Few packets cannot tell: of thirty, one is 3 %
 * at any loss rate. So it must be more than that share by more than chance makes of it, which is two standard
 * deviations of a count of losses (docs/deviations.md).
 */
export function bbrLossTooHigh(tcb: Tcb, lost: number, total: number): boolean {
  if (lost === 0) return false
  const tolerated = total * LOSS_THRESH
  return lost > tolerated + LOSS_DEVIATIONS * Math.sqrt(tolerated * tcb.mss)
}

/** §5.5.9: how much more came at once than the bandwidth explains; the largest of ten rounds. */
export function bbrUpdateExtraAcked(vn: Vn, tcb: Tcb, delivered: number): void {
  const v = tcb.ccVars
  const { now } = vn.state
  if (v[BB_ROUND_START] === 1) {
    v[BB_EXTRA_ROUNDS]++
    if (v[BB_EXTRA_ROUNDS] >= (v[BB_FULL] === 1 ? EXTRA_ROUNDS / 2 : 1)) {
      v[BB_EXTRA_ROUNDS] = 0
      v[BB_EXTRA_BEFORE] = v[BB_EXTRA_NOW]
      v[BB_EXTRA_NOW] = 0
    }
  }
  let expected = bbrBw(tcb) * (now - v[BB_EXTRA_AT]) / 1e6
  if (v[BB_EXTRA_BYTES] <= expected) {
    v[BB_EXTRA_BYTES] = 0
    v[BB_EXTRA_AT] = now
    expected = 0
  }
  v[BB_EXTRA_BYTES] += delivered
  v[BB_EXTRA_NOW] = Math.max(v[BB_EXTRA_NOW], Math.min(v[BB_EXTRA_BYTES] - expected, v[BB_CWND]))
}

/** §5.5.10.1: nothing is known of the short term. */
export function bbrResetShortTerm(tcb: Tcb): void {
  tcb.ccVars[BB_BW_SHORT] = NONE
  tcb.ccVars[BB_INFLIGHT_SHORT] = NONE
}

/** §5.5.10: no loss and no sample in this round yet. */
export function bbrResetCongestion(tcb: Tcb): void {
  const v = tcb.ccVars
  bbrStartLossRound(tcb)
  v[BB_BW_LATEST] = 0
  v[BB_INFLIGHT_LATEST] = 0
}

/** Losses are counted from here on. */
export function bbrStartLossRound(tcb: Tcb): void {
  const v = tcb.ccVars
  v[BB_LOSS_IN_ROUND] = 0
  v[BB_LOSS_ROUND_LOST] = tcb.sent.lostTotal
  v[BB_LOSS_ROUND_DELIVERED] = tcb.sent.delivered
}

/** In this loss round more was lost than is tolerated while probing: below that the path is taken to be as it was. */
function lostTooMuch(tcb: Tcb): boolean {
  const v = tcb.ccVars
  const lost = tcb.sent.lostTotal - v[BB_LOSS_ROUND_LOST]
  return bbrLossTooHigh(tcb, lost, lost + tcb.sent.delivered - v[BB_LOSS_ROUND_DELIVERED])
}

/** Whether more than usual is sent on purpose, so that its loss is no news about the path's state. */
function probing(state: number): boolean {
  return state !== BBR_DRAIN && state !== BBR_DOWN && state !== BBR_CRUISE && state !== BBR_PROBE_RTT &&
    state >= BBR_STARTUP
}

function lowerShortTerm(tcb: Tcb): void {
  const v = tcb.ccVars
  if (v[BB_BW_SHORT] === NONE) v[BB_BW_SHORT] = bbrMaxBw(tcb)
  if (v[BB_INFLIGHT_SHORT] === NONE) v[BB_INFLIGHT_SHORT] = v[BB_CWND]
  v[BB_BW_SHORT] = Math.max(v[BB_BW_LATEST], BETA * v[BB_BW_SHORT])
  v[BB_INFLIGHT_SHORT] = Math.max(v[BB_INFLIGHT_LATEST], BETA * v[BB_INFLIGHT_SHORT])
}
