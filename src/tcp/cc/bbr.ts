/**
 * BBR (version 3, draft-ietf-ccwg-bbr): sends at the bandwidth that was measured and keeps about what fills the path in
 * flight; loss and marks bound both. Here: ACKs come in, cwnd and pacing rate come out.
 */

import type { Vn } from '../../kern/vn.ts'
import { sentPipe } from '../sent.ts'
import { CWND_MAX } from '../state-cc.ts'
import type { Tcb } from '../state.ts'
import { bbrMarked, bbrProbeRttCwnd, bbrResume, bbrUpdateState } from './bbr-cycle.ts'
import {
  bbrAdvanceSignals, bbrBw, bbrMaxInflight, bbrMinPipe, bbrResetShortTerm, bbrStartLossRound, bbrUpdateCongestion,
  bbrUpdateExtraAcked, bbrUpdateRound, bbrWithHeadroom,
} from './bbr-model.ts'
import {
  BBR_CRUISE, BBR_DOWN, BBR_PROBE_RTT, BBR_STARTUP, BB_CWND, BB_DELIVERED, BB_EXTRA_AT, BB_FULL,
  BB_INFLIGHT_LONG, BB_BW_SHORT,
  BB_INFLIGHT_SHORT, BB_LOSS_IN_ROUND, BB_MIN_RTT, BB_MIN_RTT_AT, BB_PRIOR_CWND, BB_PROBE_RTT_AT, BB_PROBE_RTT_MIN,
  BB_ROUND_DELIVERED, BB_ROUND_LOST, BB_STATE, BB_UNDO_BW_SHORT,
  BB_UNDO_INFLIGHT_LONG, BB_UNDO_INFLIGHT_SHORT, BB_UNDO_STATE, NONE, PACING_GAIN, PACING_MARGIN,
} from './bbr-vars.ts'
import type { CcAlgorithm } from './cc.ts'

import { ccInitialWindow, ccNothing } from './window.ts'

export const BBR: CcAlgorithm = Object.freeze({
  ownsWindow: true,
  init, ackReceived: ccNothing, lossDetected, ecnMarked, timedOut, recovered, undo, afterIdle, sampled,
})

/** §5.2.1, §5.6.2: without a round trip the first window is taken to go in a millisecond. */
const FIRST_RTT_US = 1000

function init(vn: Vn, tcb: Tcb): void {
  const v = tcb.ccVars
  const { now } = vn.state
  v[BB_STATE] = BBR_STARTUP
  v[BB_CWND] = tcb.cwnd
  v[BB_DELIVERED] = tcb.sent.delivered
  v[BB_ROUND_LOST] = tcb.sent.lostTotal
  v[BB_ROUND_DELIVERED] = tcb.sent.delivered
  v[BB_MIN_RTT] = tcb.srtt > 0 ? tcb.srtt : NONE
  v[BB_PROBE_RTT_MIN] = v[BB_MIN_RTT]
  v[BB_MIN_RTT_AT] = now
  v[BB_PROBE_RTT_AT] = now
  v[BB_INFLIGHT_LONG] = NONE
  v[BB_EXTRA_AT] = now
  bbrResetShortTerm(tcb)
  bbrStartLossRound(tcb)
  tcb.paceRate = PACING_GAIN[BBR_STARTUP] * tcb.cwnd * 1e6 / (tcb.srtt > 0 ? tcb.srtt : FIRST_RTT_US)
}

/** §5.2.3: the model, the state, then what follows from them. */
function sampled(vn: Vn, tcb: Tcb): void {
  const v = tcb.ccVars
  const delivered = tcb.sent.delivered - v[BB_DELIVERED]
  v[BB_DELIVERED] = tcb.sent.delivered
  bbrUpdateRound(vn, tcb)
  bbrUpdateCongestion(vn, tcb)
  bbrUpdateExtraAcked(vn, tcb, delivered)
  bbrUpdateState(vn, tcb, delivered)
  bbrAdvanceSignals(vn, tcb)
  setPacing(tcb)
  setCwnd(vn, tcb, delivered)
}

/** §5.6.2: before the pipe was full the rate only grows. */
function setPacing(tcb: Tcb): void {
  const v = tcb.ccVars
  const rate = PACING_GAIN[v[BB_STATE]] * bbrBw(tcb) * PACING_MARGIN
  if (rate > 0 && (v[BB_FULL] === 1 || rate > tcb.paceRate)) tcb.paceRate = rate
}

/** §5.6.4.6. */
function setCwnd(vn: Vn, tcb: Tcb, delivered: number): void {
  const v = tcb.ccVars
  const most = bbrMaxInflight(tcb)
  let cwnd = v[BB_CWND]
  if (v[BB_FULL] === 1) cwnd = Math.min(cwnd + delivered, most)
  else if (cwnd < most || tcb.sent.delivered < ccInitialWindow(vn, tcb)) cwnd += delivered
  cwnd = Math.max(cwnd, bbrMinPipe(tcb))
  if (v[BB_STATE] === BBR_PROBE_RTT) cwnd = Math.min(cwnd, bbrProbeRttCwnd(tcb))
  // §5.6.4.7: what the model bounds
  let cap = v[BB_INFLIGHT_SHORT]
  if (v[BB_STATE] === BBR_CRUISE || v[BB_STATE] === BBR_PROBE_RTT) cap = Math.min(cap, bbrWithHeadroom(tcb))
  else if (v[BB_STATE] >= BBR_DOWN) cap = Math.min(cap, v[BB_INFLIGHT_LONG])
  v[BB_CWND] = Math.min(CWND_MAX, Math.floor(Math.min(cwnd, Math.max(cap, bbrMinPipe(tcb)))))
  tcb.cwnd = v[BB_CWND]
}

/** §5.6.4.4: loss is answered by the model; the window is remembered. */
function lossDetected(_vn: Vn, tcb: Tcb): void {
  const v = tcb.ccVars
  if (v[BB_STATE] !== BBR_PROBE_RTT) v[BB_PRIOR_CWND] = v[BB_CWND]
  remember(tcb)
  tcb.ssthresh = Math.max(tcb.cwnd, bbrMinPipe(tcb))
}

function ecnMarked(vn: Vn, tcb: Tcb): void {
  tcb.ccVars[BB_LOSS_IN_ROUND] = 1
  bbrMarked(vn, tcb)
}

/** §5.6.4.4: after a timeout one segment more than what is still thought to be in flight. */
function timedOut(_vn: Vn, tcb: Tcb): void {
  const v = tcb.ccVars
  v[BB_PRIOR_CWND] = Math.max(v[BB_PRIOR_CWND], v[BB_CWND])
  remember(tcb)
  v[BB_CWND] = tcb.mss
  v[BB_LOSS_IN_ROUND] = 1
  tcb.cwnd = tcb.mss
}

function recovered(_vn: Vn, tcb: Tcb): void {
  const v = tcb.ccVars
  v[BB_CWND] = Math.max(v[BB_CWND], v[BB_PRIOR_CWND])
  tcb.cwnd = v[BB_CWND]
}

/** §5.5.10: the bounds that the loss has drawn go, and what it ended goes on. */
function undo(vn: Vn, tcb: Tcb): void {
  const v = tcb.ccVars
  recovered(vn, tcb)
  v[BB_LOSS_IN_ROUND] = 0
  v[BB_BW_SHORT] = Math.max(v[BB_BW_SHORT], v[BB_UNDO_BW_SHORT])
  v[BB_INFLIGHT_SHORT] = Math.max(v[BB_INFLIGHT_SHORT], v[BB_UNDO_INFLIGHT_SHORT])
  v[BB_INFLIGHT_LONG] = Math.max(v[BB_INFLIGHT_LONG], v[BB_UNDO_INFLIGHT_LONG])
  bbrResume(vn, tcb, v[BB_UNDO_STATE])
}

function remember(tcb: Tcb): void {
  const v = tcb.ccVars
  v[BB_UNDO_STATE] = v[BB_STATE]
  v[BB_UNDO_BW_SHORT] = v[BB_BW_SHORT]
  v[BB_UNDO_INFLIGHT_SHORT] = v[BB_INFLIGHT_SHORT]
  v[BB_UNDO_INFLIGHT_LONG] = v[BB_INFLIGHT_LONG]
}

/** §5.4.1: after silence the path is taken to be as it was: at its bandwidth, without a gain. */
function afterIdle(vn: Vn, tcb: Tcb): void {
  const v = tcb.ccVars
  v[BB_EXTRA_AT] = vn.state.now
  v[BB_CWND] = Math.max(v[BB_CWND], sentPipe(tcb) + bbrMinPipe(tcb))
  if (v[BB_FULL] === 1 && bbrBw(tcb) > 0) tcb.paceRate = bbrBw(tcb) * PACING_MARGIN
}
