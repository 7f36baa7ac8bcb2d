/**
 * Explicit congestion notification (RFC 3168 §6.1): agreed in the SYNs; marks that came are echoed until the sender says
 * that it has slowed down, and echoes slow our sender down once a window.
 */

import type { Vn } from '../kern/vn.ts'
import { seqDiff, seqGt, seqLt } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { IPTOS_ECN_CE, IPTOS_ECN_ECT0, IPTOS_ECN_ECT1, IPTOS_ECN_MASK } from '../wire/ipv4.ts'
import { TH_ACK, TH_CWR, TH_ECE, TH_RST, TH_SYN } from '../wire/tcp.ts'
import { ccEcnMarked } from './cc/cc.ts'
import { tcpTimerSet } from './deadline.ts'
import { tcpRtoBackedOff } from './rtt.ts'
import {
  ECN_CWR, ECN_ECE, ECN_HOLD, ECN_NOECT, ECN_OFFER, ECN_ON, TF_ACKNOW, TF_FASTRECOVERY, TF_FORCE, TT_REXMT,
} from './state.ts'
import type { Seg, Tcb } from './state.ts'
import { tcpStats } from './stats.ts'

/** net.inet.tcp.ecn.enable. */
const ENABLE_REQUEST = 1

/** Where tcpEcnMarks keeps the codepoint for the IP header, above the flags for TCP's. */
const ECT_SHIFT = 16

/** Tcb.ecn of an active open: whether the SYN is to be an ECN-setup SYN. */
export function tcpEcnOffer(vn: Vn): number {
  return vn.state.sysctl['net.inet.tcp.ecn.enable'] === ENABLE_REQUEST ? ECN_OFFER : 0
}

/**
 * Syncache.ecn after a SYN with these flags: an ECN-setup SYN has both bits set, and only such a one may be answered
 * by an ECN-setup SYN,ACK (RFC 3168 §6.1.1).
 */
export function tcpEcnAnswer(vn: Vn, flags: number): number {
  if (vn.state.sysctl['net.inet.tcp.ecn.enable'] === 0) return 0
  return (flags & (TH_ECE | TH_CWR)) === (TH_ECE | TH_CWR) ? ECN_ON : 0
}

/**
 * The SYN or SYN,ACK that came in SYN-SENT. A SYN,ACK with both bits set is our own SYN's echo from a peer that copies
 * what it does not know (RFC 3168 §6.1.1.2).
 */
export function tcpEcnSynSent(vn: Vn, tcb: Tcb, flags: number): void {
  if ((tcb.ecn & ECN_OFFER) === 0) {
    // a crossing SYN may be answered even where we do not ask
    if ((flags & TH_ACK) === 0) tcb.ecn |= tcpEcnAnswer(vn, flags)
  } else {
    const setup = (flags & TH_ACK) !== 0 ? TH_ECE : TH_ECE | TH_CWR
    if ((flags & (TH_ECE | TH_CWR)) === setup) tcb.ecn |= ECN_ON
  }
  if ((tcb.ecn & ECN_ON) !== 0) tcpStats(vn).ecn_shs++
}

/**
 * What a segment that is about to go carries: flags for the TCP header, and above them (tcpEcnTos) the codepoint for IP.
 * Only new data is ECN-capable: no SYN (§6.1.1), no pure ACK (§6.1.4), nothing sent again (§6.1.5), no probe (§6.1.6).
 */
export function tcpEcnMarks(vn: Vn, tcb: Tcb, seq: Seq, flags: number, len: number): number {
  if ((flags & TH_SYN) !== 0) return synMarks(vn, tcb, flags)
  if ((tcb.ecn & ECN_ON) === 0 || (flags & TH_RST) !== 0) return 0
  const echo = (tcb.ecn & ECN_ECE) !== 0 ? TH_ECE : 0
  if (len === 0 || (tcb.ecn & ECN_NOECT) !== 0 || (tcb.flags & TF_FORCE) !== 0 || seqLt(seq, tcb.sndMax)) return echo
  tcpStats(vn).ecn_sndect0++
  return echo | ((tcb.ecn & ECN_CWR) !== 0 ? TH_CWR : 0) | IPTOS_ECN_ECT0 << ECT_SHIFT
}

/** The IP codepoint in what tcpEcnMarks returned. */
export function tcpEcnTos(marks: number): number {
  return marks >>> ECT_SHIFT
}

/** A segment with these flags has gone: CWR is said once (RFC 3168 §6.1.2). */
export function tcpEcnSent(tcb: Tcb, flags: number): void {
  if ((flags & (TH_CWR | TH_SYN)) === TH_CWR) tcb.ecn &= ~ECN_CWR
}

/** A segment that lies in the window came, with this TOS octet (§6.1.3; outside the window it is ignored, §6.1.5). */
export function tcpEcnInput(vn: Vn, tcb: Tcb, tos: number, seg: Seg): void {
  if ((tcb.ecn & ECN_ON) === 0 || seg.len === 0) return
  if ((seg.flags & TH_CWR) !== 0) {
    tcb.ecn &= ~ECN_ECE
    // the sender's window may be so small that it waits for this very ACK
    tcb.flags |= TF_ACKNOW
  }
  const codepoint = tos & IPTOS_ECN_MASK
  if (codepoint === IPTOS_ECN_CE) tcb.ecn |= ECN_ECE
  countCodepoint(vn, codepoint)
}

/** True for an acknowledgment that says that our data met congestion: the window must not grow with it (§6.1.2). */
export function tcpEcnEchoes(tcb: Tcb, seg: Seg): boolean {
  return (tcb.ecn & ECN_ON) !== 0 && (seg.flags & (TH_ECE | TH_SYN)) === TH_ECE
}

/** Reacts to an echo as to a lost segment, but once for each window of data (RFC 3168 §6.1.2). */
export function tcpEcnEcho(vn: Vn, tcb: Tcb, seg: Seg): void {
  const flight = seqDiff(tcb.sndMax, tcb.sndUna)
  if (flight === 0 || (tcb.flags & TF_FASTRECOVERY) !== 0 || !seqGt(seg.ack, tcb.ecnRecover)) return
  tcpStats(vn).ecn_rcwnd++
  // a window of one segment cannot be halved: the next waits for the retransmission timer
  if (tcb.cwnd <= tcb.mss) tcb.ecn |= ECN_HOLD
  const { cwnd } = tcb
  ccEcnMarked(vn, tcb, flight)
  tcb.cwnd = Math.min(tcb.cwnd, cwnd)
}

/** New data waits for the timer that this restarts (RFC 3168 §6.1.2: "MUST reset the retransmit timer"). */
export function tcpEcnHold(vn: Vn, tcb: Tcb): void {
  tcpTimerSet(vn, tcb, TT_REXMT, tcpRtoBackedOff(vn, tcb))
}

/** ECN-setup SYN and SYN,ACK. A SYN that stays without an answer goes without ECN in the end (§6.1.1.1). */
function synMarks(vn: Vn, tcb: Tcb, flags: number): number {
  if ((flags & TH_ACK) !== 0) return (tcb.ecn & ECN_ON) !== 0 ? TH_ECE : 0
  if ((tcb.ecn & ECN_OFFER) === 0) return 0
  // once a SYN has gone without it no data may be ECN-capable (§6.1.1)
  if (tcb.rxtCount > vn.state.sysctl['net.inet.tcp.ecn.maxretries']) tcb.ecn |= ECN_NOECT
  return (tcb.ecn & ECN_NOECT) !== 0 ? 0 : TH_ECE | TH_CWR
}

function countCodepoint(vn: Vn, codepoint: number): void {
  const stats = tcpStats(vn)
  if (codepoint === IPTOS_ECN_CE) stats.ecn_ce++
  else if (codepoint === IPTOS_ECN_ECT0) stats.ecn_ect0++
  else if (codepoint === IPTOS_ECN_ECT1) stats.ecn_ect1++
}
