/**
 * What is measured of a connection for TCP_INFO: segments and octets each way, times of the last ones, timeouts, and
 * what holds the sender at the moment.
 */

import type { Vn } from '../kern/vn.ts'
import { seqDiff, seqLt } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { TH_ACK, TH_ECE, TH_FIN, TH_SYN } from '../wire/tcp.ts'
import { tcpTsNow } from './isn.ts'
import { ECN_ON, TF_CORK, TF_FORCE, TF_NODELAY, TF_TSTMP, TF_WANTWRITE } from './state.ts'
import type { Seg, Tcb } from './state.ts'
import type { RateSample } from './state-sent.ts'
import { tcpTraceHold } from './trace.ts'
import {
  WHY_HELD_CORK, WHY_HELD_CWND, WHY_HELD_NAGLE, WHY_HELD_RWND, WHY_HELD_SNDBUF, WHY_HELD_SWS,
} from './trace-words.ts'

/** TcpMeter.held: nothing to send; all sent and not all acknowledged; and what keeps the rest back. */
export const HELD_IDLE = 0
export const HELD_ACK = 1
export const HELD_RWND = 2
export const HELD_CWND = 3
/** Nagle's rule (RFC 9293 §3.7.4). */
export const HELD_NAGLE = 4
export const HELD_CORK = 5
/** All sent, the windows have room, and the user waits for room in the send buffer. */
export const HELD_SNDBUF = 6
/** The sender's silly-window avoidance (RFC 9293 §3.8.6.2.1). */
export const HELD_SWS = 7

/** Before any has come the peer's segments are taken for no longer than this (RFC 9293 §3.7.1, MUST-15's default). */
const RCV_MSS_GUESS = 536

/** How long a full-sized segment of the peer's is, as far as it has shown. */
export function tcpRcvMss(tcb: Tcb): number {
  const seen = tcb.meter.rcvMss > 0 ? tcb.meter.rcvMss : Math.min(tcb.mss, RCV_MSS_GUESS)
  return tcb.offerMss > 0 ? Math.min(seen, tcb.offerMss) : seen
}

/** A segment for the connection arrived. */
export function tcpMeterIn(vn: Vn, tcb: Tcb, seg: Seg): void {
  const { meter } = tcb
  const { now } = vn.state
  meter.segsIn++
  if (seg.len > 0) {
    meter.dataSegsIn++
    meter.dataRcvAt = now
    if (seg.len > meter.rcvMss) meter.rcvMss = seg.len
    rcvRttSample(vn, tcb, seg)
  }
  if ((seg.flags & TH_ACK) !== 0) {
    meter.ackRcvAt = now
    meter.probesOut = 0
  }
}

/**
 * The round trip as one sees it who only receives (as Linux has it): a full-sized segment whose echo is new answers an ACK
 * of ours of that time (RFC 7323 §4.1); without timestamps a window cannot be filled in less than a round trip.
 */
function rcvRttSample(vn: Vn, tcb: Tcb, seg: Seg): void {
  const { meter } = tcb
  if ((tcb.flags & TF_TSTMP) !== 0) {
    if (seg.opt.tsEcr === meter.rcvRttEcho || seg.len < meter.rcvMss) return
    meter.rcvRttEcho = seg.opt.tsEcr
    const rtt = Math.max(1, tcpTsNow(vn, tcb.tsOffset) - seg.opt.tsEcr | 0) * 1000
    meter.rcvRtt = meter.rcvRtt === 0 ? rtt : meter.rcvRtt + (rtt - meter.rcvRtt) / 8
    return
  }
  if (meter.rcvRttAt >= 0 && seqLt(tcb.rcvNxt, meter.rcvRttSeq)) return
  const rtt = vn.state.now - meter.rcvRttAt
  if (meter.rcvRttAt >= 0 && (meter.rcvRtt === 0 || rtt < meter.rcvRtt)) meter.rcvRtt = rtt
  meter.rcvRttAt = vn.state.now
  meter.rcvRttSeq = tcb.rcvAdv
}

/** The segment has been dealt with; before it, RCV.NXT, SND.UNA and the segments delivered were these. */
export function tcpMeterMoved(vn: Vn, tcb: Tcb, seg: Seg, rcvNxt: Seq, sndUna: Seq, delivered: number): void {
  const { meter } = tcb
  if ((seg.flags & TH_ECE) !== 0 && (tcb.ecn & ECN_ON) !== 0) meter.deliveredCe += meter.delivered - delivered
  if (tcb.rcvNxt !== rcvNxt) meter.bytesReceived += seqDiff(tcb.rcvNxt, rcvNxt)
  if (tcb.sndUna === sndUna) return
  // as Linux: the SYN of an active open counts, that of a passive one does not
  const first = sndUna === tcb.iss && tcb.listener !== 0 ? 1 : 0
  meter.bytesAcked += seqDiff(tcb.sndUna, sndUna) - first
  if (meter.rtoAt < 0) return
  meter.rtoUs += vn.state.now - meter.rtoAt
  meter.rtoAt = -1
}

/** `segs` segments with `len` bytes of the connection went out; sndMax does not yet include them. */
export function tcpMeterOut(vn: Vn, tcb: Tcb, seq: Seq, flags: number, len: number, segs: number): void {
  const { meter } = tcb
  meter.segsOut += segs
  if ((flags & TH_ACK) !== 0) meter.ackSentAt = vn.state.now
  if (len > 0) {
    meter.dataSegsOut += segs
    meter.bytesSent += len
  } else if ((flags & (TH_SYN | TH_FIN)) === 0) return
  // a window probe is sent again without having been lost
  if (!seqLt(seq, tcb.sndMax) || (tcb.flags & TF_FORCE) !== 0 && len === 1) return
  meter.retrans++
  meter.bytesRetrans += len
}

/** A round trip was measured, µs. */
export function tcpMeterRtt(tcb: Tcb, rttUs: number): void {
  const { meter } = tcb
  if (meter.minRtt === 0 || rttUs < meter.minRtt) meter.minRtt = rttUs
}

/** A delivery rate was sampled: kept if it is the path's, or higher than the one there is. */
export function tcpMeterRate({ meter }: Tcb, rate: RateSample): void {
  if (rate.appLimited && rate.delivered * meter.rateUs < meter.rateBytes * rate.intervalUs) return
  meter.rateBytes = rate.delivered
  meter.rateUs = rate.intervalUs
  meter.rateAppLimited = rate.appLimited
}

/** The retransmission timer went off; `rehash` when the route is put in question with it. */
export function tcpMeterTimeout(vn: Vn, tcb: Tcb, rehash: boolean): void {
  const { meter } = tcb
  meter.rtos++
  if (rehash) meter.rehash++
  if (meter.rtoAt >= 0) return
  meter.rtoRuns++
  meter.rtoAt = vn.state.now
}

/** Output is done for now, with `pipe` bytes in flight: notes what holds the sender, and how long the last thing did. */
export function tcpMeterHeld(vn: Vn, tcb: Tcb, pipe: number): void {
  const held = heldBy(tcb, pipe)
  const { meter } = tcb
  const was = meter.held
  if (held === was) return
  tcpTraceHold(vn, tcb, HELD_WHY[held])
  const us = vn.state.now - meter.heldAt
  meter.held = held
  meter.heldAt = vn.state.now
  if (was === HELD_IDLE) return
  meter.busyUs += us
  if (was === HELD_RWND) meter.rwndUs += us
  else if (was === HELD_SNDBUF) meter.sndbufUs += us
}

/** By HELD_*. */
const HELD_WHY: readonly number[] = Object.freeze([
  0, 0, WHY_HELD_RWND, WHY_HELD_CWND, WHY_HELD_NAGLE, WHY_HELD_CORK, WHY_HELD_SNDBUF, WHY_HELD_SWS,
])

function heldBy(tcb: Tcb, pipe: number): number {
  const sent = seqDiff(tcb.sndNxt, tcb.sndUna)
  const unsent = tcb.sndBuf.len - sent
  if (unsent <= 0) {
    const room = Math.min(tcb.cwnd - pipe, tcb.sndWnd - sent)
    if ((tcb.flags & TF_WANTWRITE) !== 0 && room >= tcb.mss) return HELD_SNDBUF
    return tcb.sndMax === tcb.sndUna ? HELD_IDLE : HELD_ACK
  }
  const part = Math.min(unsent, tcb.mss)
  if (tcb.sndWnd - sent < part && tcb.sndWnd <= tcb.cwnd) return HELD_RWND
  if (tcb.cwnd - pipe < part) return HELD_CWND
  if ((tcb.flags & TF_CORK) !== 0) return HELD_CORK
  return (tcb.flags & TF_NODELAY) === 0 ? HELD_NAGLE : HELD_SWS
}
