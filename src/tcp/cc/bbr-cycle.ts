/** BBR's states (draft-ietf-ccwg-bbr §5.3): startup, drain, the cycle that probes for bandwidth, and probe-RTT. */

import { randomBelow } from '../../kern/random.ts'
import type { Vn } from '../../kern/vn.ts'
import { sentAppLimited, sentPipe } from '../sent.ts'
import type { Tcb } from '../state.ts'
import {
  bbrBdp, bbrInflightTooHigh, bbrMinPipe, bbrRate, bbrResetCongestion, bbrResetShortTerm, bbrStartRound, bbrWithHeadroom,
} from './bbr-model.ts'
import {
  ACKS_INIT, ACKS_PROBE_FEEDBACK, ACKS_PROBE_STARTING, ACKS_PROBE_STOPPING, ACKS_REFILLING, BBR_CRUISE, BBR_DOWN, BBR_DRAIN,
  BBR_PROBE_RTT, BBR_REFILL, BBR_STARTUP, BBR_UP, BB_ACK_PHASE, BB_BW_BEFORE, BB_BW_NOW, BB_CWND, BB_CYCLE_AT, BB_FULL,
  BB_FULL_BW, BB_FULL_COUNT, BB_FULL_NOW, BB_INFLIGHT_LATEST, BB_INFLIGHT_LONG, BB_MARKED, BB_MARKED_ROUNDS, BB_MIN_RTT,
  BB_MIN_RTT_AT, BB_PRIOR_CWND, BB_PROBE_RTT_AT, BB_PROBE_RTT_DONE, BB_PROBE_RTT_MIN, BB_PROBE_RTT_ROUND, BB_PROBING,
  BB_ROUNDS_SINCE, BB_ROUND_DELIVERED, BB_ROUND_LOST, BB_ROUND_START, BB_STATE, BB_UP_ACKS, BB_UP_CNT, BB_UP_ROUNDS, BB_WAIT_US,
  BETA, FULL_BW_COUNT, FULL_BW_GROWTH, LOSS_THRESH, MIN_RTT_WINDOW_US, NONE, PROBE_RTT_INTERVAL_US, PROBE_RTT_US, RENO_ROUNDS,
  STARTUP_LOSSES, STARTUP_MARKED_ROUNDS,
} from './bbr-vars.ts'
import { tcpRate } from '../state-scratch.ts'

/** The model is up to date with this ACK: which state follows from it. `delivered` bytes are news of this ACK. */
export function bbrUpdateState(vn: Vn, tcb: Tcb, delivered: number): void {
  const v = tcb.ccVars
  checkFullBw(vn, tcb)
  if (v[BB_STATE] === BBR_STARTUP) checkStartup(tcb)
  if (v[BB_STATE] === BBR_DRAIN && sentPipe(tcb) <= bbrBdp(tcb, 1)) startDown(vn, tcb)
  if (v[BB_FULL] === 1) updateCycle(vn, tcb, delivered)
  checkProbeRtt(vn, tcb)
  if (v[BB_ROUND_START] === 0) return
  v[BB_ROUND_LOST] = tcb.sent.lostTotal
  v[BB_ROUND_DELIVERED] = tcb.sent.delivered
  v[BB_MARKED] = 0
}

/** A congestion mark: in a probe it is an answer; startup counts rounds with marks. */
export function bbrMarked(vn: Vn, tcb: Tcb): void {
  const v = tcb.ccVars
  if (v[BB_MARKED] === 0) v[BB_MARKED_ROUNDS]++
  v[BB_MARKED] = 1
  if (v[BB_STATE] !== BBR_STARTUP && v[BB_PROBING] === 1) inflightTooHigh(vn, tcb, sentPipe(tcb))
}

/**
 * The losses since `was` was the state were none: startup or a probe that they ended goes on, and fullness is looked
 * for anew.
 */
export function bbrResume(vn: Vn, tcb: Tcb, was: number): void {
  const v = tcb.ccVars
  resetFullBw(tcb, 0)
  if (v[BB_STATE] === BBR_PROBE_RTT || v[BB_STATE] === was) return
  if (was === BBR_STARTUP) {
    v[BB_FULL] = 0
    v[BB_STATE] = BBR_STARTUP
  } else if (was === BBR_UP) startUp(vn, tcb)
}

/** §5.3.1.2: three rounds without a quarter more bandwidth: the pipe is full. */
function checkFullBw(vn: Vn, tcb: Tcb): void {
  const v = tcb.ccVars
  if (v[BB_FULL_NOW] === 1 || v[BB_ROUND_START] === 0 || tcpRate(vn).appLimited) return
  const bw = bbrRate(vn)
  if (bw >= v[BB_FULL_BW] * FULL_BW_GROWTH) {
    resetFullBw(tcb, bw)
    return
  }
  v[BB_FULL_COUNT]++
  if (v[BB_FULL_COUNT] < FULL_BW_COUNT) return
  v[BB_FULL_NOW] = 1
  v[BB_FULL] = 1
}

function resetFullBw(tcb: Tcb, bw: number): void {
  tcb.ccVars[BB_FULL_BW] = bw
  tcb.ccVars[BB_FULL_COUNT] = 0
  tcb.ccVars[BB_FULL_NOW] = 0
}

/** §5.3.1.1, §5.3.1.3: startup ends with a full pipe, with too much loss in a round, or with marks in two. */
function checkStartup(tcb: Tcb): void {
  const v = tcb.ccVars
  if (v[BB_FULL] === 0 && v[BB_ROUND_START] === 1) {
    const lost = tcb.sent.lostTotal - v[BB_ROUND_LOST]
    const arrived = tcb.sent.delivered - v[BB_ROUND_DELIVERED]
    const lossy = lost >= STARTUP_LOSSES * tcb.mss && lost > (lost + arrived) * LOSS_THRESH
    if (v[BB_MARKED] === 0) v[BB_MARKED_ROUNDS] = 0
    if (lossy || v[BB_MARKED_ROUNDS] >= STARTUP_MARKED_ROUNDS) {
      v[BB_FULL] = 1
      v[BB_INFLIGHT_LONG] = Math.max(bbrBdp(tcb, 1), v[BB_INFLIGHT_LATEST])
    }
  }
  if (v[BB_FULL] === 1) v[BB_STATE] = BBR_DRAIN
}

/** §5.3.3: DOWN, CRUISE, REFILL, UP. */
function updateCycle(vn: Vn, tcb: Tcb, delivered: number): void {
  const v = tcb.ccVars
  adaptLongTerm(vn, tcb, delivered)
  switch (v[BB_STATE]) {
    case BBR_DOWN:
      if (timeToProbe(vn, tcb)) startRefill(tcb)
      else if (sentPipe(tcb) <= Math.min(bbrWithHeadroom(tcb), bbrBdp(tcb, 1))) v[BB_STATE] = BBR_CRUISE
      break
    case BBR_CRUISE:
      if (timeToProbe(vn, tcb)) startRefill(tcb)
      break
    case BBR_REFILL:
      // the pipe is full again: from here on losses are the probe's
      if (v[BB_ROUND_START] === 1) startUp(vn, tcb)
      break
    case BBR_UP:
      if (timeToGoDown(vn, tcb)) startDown(vn, tcb)
      break
    default:
  }
}

/** §5.3.3.6: what a probe tells about inflight_hi. */
function adaptLongTerm(vn: Vn, tcb: Tcb, delivered: number): void {
  const v = tcb.ccVars
  const rate = tcpRate(vn)
  if (v[BB_ROUND_START] === 1) {
    if (v[BB_ACK_PHASE] === ACKS_PROBE_STARTING) v[BB_ACK_PHASE] = ACKS_PROBE_FEEDBACK
    else if (v[BB_ACK_PHASE] === ACKS_PROBE_STOPPING) {
      v[BB_PROBING] = 0
      v[BB_ACK_PHASE] = ACKS_INIT
      if (inCycle(v[BB_STATE]) && !rate.appLimited) advanceMaxBw(tcb)
    }
  }
  if (bbrInflightTooHigh(vn, tcb)) {
    if (v[BB_PROBING] === 1) inflightTooHigh(vn, tcb, rate.txInFlight)
    return
  }
  if (v[BB_INFLIGHT_LONG] === NONE || rate.priorDelivered < 0) return
  v[BB_INFLIGHT_LONG] = Math.max(v[BB_INFLIGHT_LONG], rate.txInFlight)
  if (v[BB_STATE] === BBR_UP) raiseLongTerm(vn, tcb, delivered)
}

/** §5.3.3.6: the cycle's bandwidths are complete. */
function advanceMaxBw(tcb: Tcb): void {
  const v = tcb.ccVars
  if (v[BB_BW_NOW] === 0) return
  v[BB_BW_BEFORE] = v[BB_BW_NOW]
  v[BB_BW_NOW] = 0
}

/** §5.5.10.3: the probe went too far. */
function inflightTooHigh(vn: Vn, tcb: Tcb, inFlight: number): void {
  const v = tcb.ccVars
  v[BB_PROBING] = 0
  if (!tcpRate(vn).appLimited) v[BB_INFLIGHT_LONG] = Math.max(inFlight, targetInflight(tcb) * BETA)
  if (v[BB_STATE] === BBR_UP) startDown(vn, tcb)
}

/** §5.3.3.5: while it is used, inflight_hi grows by 1, 2, 4 … segments a round. */
function raiseLongTerm(vn: Vn, tcb: Tcb, delivered: number): void {
  const v = tcb.ccVars
  if (!cwndLimited(vn, tcb) || v[BB_CWND] < v[BB_INFLIGHT_LONG]) return
  v[BB_UP_ACKS] += delivered
  if (v[BB_UP_ACKS] >= v[BB_UP_CNT]) {
    const segments = Math.floor(v[BB_UP_ACKS] / v[BB_UP_CNT])
    v[BB_UP_ACKS] -= segments * v[BB_UP_CNT]
    v[BB_INFLIGHT_LONG] += segments * tcb.mss
  }
  if (v[BB_ROUND_START] === 1) raiseSlope(tcb)
}

function raiseSlope(tcb: Tcb): void {
  const v = tcb.ccVars
  const growth = 2 ** v[BB_UP_ROUNDS]
  v[BB_UP_ROUNDS] = Math.min(v[BB_UP_ROUNDS] + 1, 30)
  v[BB_UP_CNT] = Math.max(v[BB_CWND] / growth, tcb.mss)
}

/** §5.3.3.5.2: two to three seconds, or as many rounds as Reno would need to grow back. */
function timeToProbe(vn: Vn, tcb: Tcb): boolean {
  const v = tcb.ccVars
  if (vn.state.now > v[BB_CYCLE_AT] + v[BB_WAIT_US]) return true
  return v[BB_ROUNDS_SINCE] >= Math.min(targetInflight(tcb) / tcb.mss, RENO_ROUNDS)
}

/** §5.3.3.5.4: the pipe is full with all that may be in flight. */
function timeToGoDown(vn: Vn, tcb: Tcb): boolean {
  const v = tcb.ccVars
  if (cwndLimited(vn, tcb) && v[BB_CWND] >= v[BB_INFLIGHT_LONG]) {
    // it is inflight_hi that holds: no sign of a full pipe
    resetFullBw(tcb, bbrRate(vn))
    return false
  }
  return v[BB_FULL_NOW] === 1
}

function startDown(vn: Vn, tcb: Tcb): void {
  const v = tcb.ccVars
  const { random, now } = vn.state
  bbrResetCongestion(tcb)
  v[BB_UP_CNT] = NONE
  // connections of one path must not probe in step (§5.3.3.5.3)
  v[BB_ROUNDS_SINCE] = randomBelow(random, 2)
  v[BB_WAIT_US] = 2e6 + randomBelow(random, 1e6)
  v[BB_CYCLE_AT] = now
  v[BB_ACK_PHASE] = ACKS_PROBE_STOPPING
  bbrStartRound(tcb)
  v[BB_STATE] = BBR_DOWN
}

function startRefill(tcb: Tcb): void {
  const v = tcb.ccVars
  bbrResetShortTerm(tcb)
  v[BB_UP_ROUNDS] = 0
  v[BB_UP_ACKS] = 0
  v[BB_ACK_PHASE] = ACKS_REFILLING
  bbrStartRound(tcb)
  v[BB_STATE] = BBR_REFILL
}

function startUp(vn: Vn, tcb: Tcb): void {
  const v = tcb.ccVars
  v[BB_PROBING] = 1
  v[BB_ACK_PHASE] = ACKS_PROBE_STARTING
  bbrStartRound(tcb)
  resetFullBw(tcb, bbrRate(vn))
  v[BB_CYCLE_AT] = vn.state.now
  v[BB_STATE] = BBR_UP
  raiseSlope(tcb)
}

/** §5.3.4, §5.5.7: the smallest round trips, and every five seconds without one a look for it with little in flight. */
function checkProbeRtt(vn: Vn, tcb: Tcb): void {
  const v = tcb.ccVars
  const { now } = vn.state
  const { rttUs } = tcpRate(vn)
  const expired = now > v[BB_PROBE_RTT_AT] + PROBE_RTT_INTERVAL_US
  // a windowed minimum is as old as the last sample of its size: a path whose queue runs empty needs no probe
  if (rttUs >= 0 && (rttUs <= v[BB_PROBE_RTT_MIN] || expired)) {
    v[BB_PROBE_RTT_MIN] = Math.max(1, rttUs)
    v[BB_PROBE_RTT_AT] = now
  }
  if (v[BB_PROBE_RTT_MIN] < v[BB_MIN_RTT] || now > v[BB_MIN_RTT_AT] + MIN_RTT_WINDOW_US) {
    v[BB_MIN_RTT] = v[BB_PROBE_RTT_MIN]
    v[BB_MIN_RTT_AT] = v[BB_PROBE_RTT_AT]
  }
  if (v[BB_STATE] !== BBR_PROBE_RTT) {
    if (!expired) return
    v[BB_PRIOR_CWND] = v[BB_CWND]
    v[BB_PROBE_RTT_DONE] = 0
    v[BB_ACK_PHASE] = ACKS_PROBE_STOPPING
    bbrStartRound(tcb)
    v[BB_STATE] = BBR_PROBE_RTT
  }
  // what is measured now is not what the path could carry
  sentAppLimited(tcb)
  if (v[BB_PROBE_RTT_DONE] === 0) {
    if (sentPipe(tcb) > bbrProbeRttCwnd(tcb)) return
    v[BB_PROBE_RTT_DONE] = now + PROBE_RTT_US
    v[BB_PROBE_RTT_ROUND] = 0
    bbrStartRound(tcb)
    return
  }
  if (v[BB_ROUND_START] === 1) v[BB_PROBE_RTT_ROUND] = 1
  if (v[BB_PROBE_RTT_ROUND] === 0 || now <= v[BB_PROBE_RTT_DONE]) return
  v[BB_PROBE_RTT_AT] = now
  v[BB_CWND] = Math.max(v[BB_CWND], v[BB_PRIOR_CWND])
  bbrResetShortTerm(tcb)
  if (v[BB_FULL] === 0) {
    v[BB_STATE] = BBR_STARTUP
    return
  }
  startDown(vn, tcb)
  v[BB_STATE] = BBR_CRUISE
}

/** What is in flight at most while the round trip is probed: half a BDP. */
export function bbrProbeRttCwnd(tcb: Tcb): number {
  return Math.max(bbrBdp(tcb, 0.5), bbrMinPipe(tcb))
}

function targetInflight(tcb: Tcb): number {
  return Math.min(bbrBdp(tcb, 1), tcb.ccVars[BB_CWND])
}

function cwndLimited(vn: Vn, tcb: Tcb): boolean {
  return tcpRate(vn).priorInFlight + tcb.mss > tcb.ccVars[BB_CWND]
}

function inCycle(state: number): boolean {
  return state >= BBR_DOWN && state <= BBR_UP
}
