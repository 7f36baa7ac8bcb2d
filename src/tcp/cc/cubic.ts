/**
 * CUBIC (RFC 9438): in congestion avoidance the window is a cubic function of the time since the last congestion event,
 * flat around the window at which that happened. Windows are in segments here where the RFC's formulas have them so.
 */

import type { Vn } from '../../kern/vn.ts'
import { CWND_MAX } from '../state-cc.ts'
import type { Tcb } from '../state.ts'
import type { CcAlgorithm } from './cc.ts'
import { HS_VARS, hystartInit } from './hystart.ts'
import { slowStart, windowUsed } from './slowstart.ts'
import { ccNothing, ccRestart } from './window.ts'

/** Places in ccVars. W_max (segments) before the last event; when the epoch began (µs, 0: there is none) and its K (s). */
export const CB_WMAX = HS_VARS
export const CB_EPOCH = HS_VARS + 1
export const CB_K = HS_VARS + 2
/** W_est (segments), and cwnd_prior (segments), from which on Reno's own slope is followed. */
export const CB_WEST = HS_VARS + 3
export const CB_PRIOR = HS_VARS + 4
/** Since when the window is not used (µs, 0: it is): this time is no part of the epoch. */
export const CB_UNUSED = HS_VARS + 5
/** The next epoch begins at the plateau: no congestion event came before it (§4.8, §4.10). */
export const CB_FLAT = HS_VARS + 6
/** W_max, epoch, K, W_est, cwnd_prior before the last event, for undo (§4.9). */
export const CB_SAVED = HS_VARS + 7
const SAVED = 5
/** Part of an octet that the window has not grown by yet. */
export const CB_REST = CB_SAVED + SAVED
export const CUBIC_VARS = CB_REST + 1

/** §4.1, §4.6: C in segments/s³, the multiplicative decrease, and RFC 8511 §3.1's for marks. */
export const CUBIC_C = 0.4
export const CUBIC_BETA = 0.7
const BETA_ECN = 0.85
/** §4.3: the slope at which a Reno-like window with this decrease has Reno's average. */
export const CUBIC_ALPHA = 3 * (1 - CUBIC_BETA) / (1 + CUBIC_BETA)

export const CUBIC: CcAlgorithm = Object.freeze({
  ownsWindow: false,
  init, ackReceived, lossDetected, ecnMarked, timedOut, recovered, undo, afterIdle: ccRestart, sampled: ccNothing,
})

/** W_cubic(t) in segments (§4.2 figure 1), `t` and `k` in seconds. */
export function cubicWindow(t: number, k: number, wMax: number): number {
  return CUBIC_C * (t - k) ** 3 + wMax
}

/** K in seconds (§4.2 figure 2): how long the window takes from `start` to `wMax`, both in segments. */
export function cubicK(wMax: number, start: number): number {
  return Math.cbrt(Math.max(0, wMax - start) / CUBIC_C)
}

function init(_vn: Vn, tcb: Tcb): void {
  hystartInit(tcb)
  tcb.ccVars[CB_FLAT] = 1
}

function ackReceived(vn: Vn, tcb: Tcb, acked: number, flight: number): void {
  const v = tcb.ccVars
  const { now } = vn.state
  if (!windowUsed(vn, tcb, flight)) {
    if (v[CB_UNUSED] === 0) v[CB_UNUSED] = now
    return
  }
  // §4.2: time without use does not count, or the window would leap when it is used again
  if (v[CB_UNUSED] !== 0) {
    if (v[CB_EPOCH] !== 0) v[CB_EPOCH] += now - v[CB_UNUSED]
    v[CB_UNUSED] = 0
  }
  if (tcb.cwnd < tcb.ssthresh) slowStart(vn, tcb, acked)
  else avoid(now, tcb, acked)
}

/** Congestion avoidance (§4.2 to §4.5). */
function avoid(now: number, tcb: Tcb, acked: number): void {
  const v = tcb.ccVars
  const { mss } = tcb
  const cwnd = tcb.cwnd / mss
  if (v[CB_EPOCH] === 0) beginEpoch(now, tcb, cwnd)
  const segments = acked / mss
  v[CB_WEST] += (v[CB_WEST] >= v[CB_PRIOR] ? 1 : CUBIC_ALPHA) * segments / cwnd
  const t = (now - v[CB_EPOCH]) / 1e6
  if (cubicWindow(t, v[CB_K], v[CB_WMAX]) < v[CB_WEST]) {
    tcb.cwnd = Math.min(CWND_MAX, Math.max(tcb.cwnd, Math.floor(v[CB_WEST] * mss)))
    return
  }
  // §4.2: never down, and no more than by a half in a round trip
  const target = Math.max(cwnd, Math.min(cubicWindow(t + tcb.srtt / 1e6, v[CB_K], v[CB_WMAX]), 1.5 * cwnd))
  const grow = (target - cwnd) / cwnd * acked + v[CB_REST]
  const octets = Math.floor(grow)
  v[CB_REST] = grow - octets
  tcb.cwnd = Math.min(CWND_MAX, tcb.cwnd + octets)
}

function beginEpoch(now: number, tcb: Tcb, cwnd: number): void {
  const v = tcb.ccVars
  v[CB_EPOCH] = Math.max(1, now)
  if (v[CB_FLAT] === 1 || v[CB_WMAX] < cwnd) {
    v[CB_FLAT] = 0
    v[CB_WMAX] = cwnd
    v[CB_K] = 0
  } else v[CB_K] = cubicK(v[CB_WMAX], cwnd)
  v[CB_WEST] = cwnd
  if (v[CB_PRIOR] < cwnd) v[CB_PRIOR] = cwnd
}

function lossDetected(_vn: Vn, tcb: Tcb, flight: number): void {
  congestion(tcb, flight, CUBIC_BETA)
}

function ecnMarked(vn: Vn, tcb: Tcb, flight: number): void {
  congestion(tcb, flight, vn.state.sysctl['net.inet.tcp.cc.abe'] === 1 ? BETA_ECN : CUBIC_BETA)
  tcb.cwnd = tcb.ssthresh
}

/** §4.6, with fast convergence (§4.7). */
function congestion(tcb: Tcb, flight: number, beta: number): void {
  const v = tcb.ccVars
  save(tcb)
  const cwnd = tcb.cwnd / tcb.mss
  v[CB_WMAX] = cwnd < v[CB_WMAX] ? cwnd * (1 + beta) / 2 : cwnd
  v[CB_PRIOR] = cwnd
  v[CB_EPOCH] = 0
  v[CB_UNUSED] = 0
  v[CB_FLAT] = 0
  tcb.ssthresh = reduced(tcb, flight, beta)
}

/** §4.8: as Reno, but for the decrease; the epoch after the slow start begins with the window it has then. */
function timedOut(_vn: Vn, tcb: Tcb, flight: number, first: boolean): void {
  const v = tcb.ccVars
  if (first) {
    save(tcb)
    v[CB_PRIOR] = tcb.cwnd / tcb.mss
    tcb.ssthresh = reduced(tcb, flight, CUBIC_BETA)
  }
  v[CB_EPOCH] = 0
  v[CB_UNUSED] = 0
  v[CB_FLAT] = 1
  tcb.cwnd = tcb.mss
}

function recovered(_vn: Vn, tcb: Tcb, flight: number): void {
  // RFC 6582 §3.2 step 3, option (1): no burst when little is in flight
  tcb.cwnd = Math.min(tcb.ssthresh, Math.max(flight, tcb.mss) + tcb.mss)
}

/** §4.9.1: what the event changed is as before. */
function undo(_vn: Vn, tcb: Tcb): void {
  for (let i = 0; i < SAVED; i++) tcb.ccVars[CB_WMAX + i] = tcb.ccVars[CB_SAVED + i]
}

function save(tcb: Tcb): void {
  for (let i = 0; i < SAVED; i++) tcb.ccVars[CB_SAVED + i] = tcb.ccVars[CB_WMAX + i]
}

/** The threshold in bytes: never below two segments. */
function reduced(tcb: Tcb, flight: number, beta: number): number {
  return Math.max(2 * tcb.mss, Math.floor(flight * beta))
}
