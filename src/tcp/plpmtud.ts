/**
 * Packetization-layer path MTU discovery (RFC 4821): once the path MTU was put in question, be it by a black hole
 * (blackhole.ts), by an ICMP error or by its age, larger segments of new data go now and then as probes. One that is
 * acknowledged raises the MTU; one that is lost narrows the search and is no sign of congestion (§7.6).
 */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { seqAdd, seqDiff, seqGeq, seqGt } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { inetPmtuUpdate } from '../inet/pmtu.ts'
import { tcpMssUpdate, tcpMtuMost, tcpSegHeaders } from './mss.ts'
import { TF_FASTRECOVERY, TF_FORCE } from './state.ts'
import { PMTU_UNKNOWN, pmtuIn } from './state-pmtu.ts'
import type { Tcb } from './state.ts'
import { tcpStats } from './stats.ts'

/** Sizes closer than this are not told apart (RFC 4821 §7.3). */
const SEARCH_DONE = 8
/** Losses of a probe that size is blamed for: one may be congestion (RFC 8899 §5.1.2 has three). */
const MAX_PROBES = 2
/** Full segments that must be there to go behind a probe, so that duplicate ACKs tell its loss (RFC 4821 §7.4). */
const BEHIND = 4

/** From now on packets have `mtu` at most; `high` > 0: something between the two is looked for (RFC 4821 §7.2). */
export function tcpMtuLimit(vn: Vn, tcb: Tcb, mtu: number, high: number): void {
  const pmtu = pmtuIn(tcb)
  tcb.pathMtu = mtu
  tcpMssUpdate(vn, tcb)
  pmtu.probe = 0
  pmtu.sent = 0
  pmtu.claim = 0
  pmtu.high = high
  pmtu.acked = Math.min(pmtu.acked, tcb.mss)
  choose(vn, tcb)
}

/** `raiseAt` has come: looks for a larger MTU; without probes the interface's is tried at once (RFC 1191 §6.3). */
export function tcpMtuAge(vn: Vn, tcb: Tcb): void {
  const most = tcpMtuMost(vn, tcb)
  const pmtu = pmtuIn(tcb)
  pmtu.raiseAt = vn.state.now + lifetime(vn)
  if (tcb.pathMtu >= most) return
  if (vn.state.sysctl['net.inet.tcp.pmtud_blackhole_detection'] === 0) {
    tcb.pathMtu = 0
    tcpMssUpdate(vn, tcb)
    return
  }
  // paths mostly grow back to what they were
  pmtu.high = most + 1
  pmtu.next = most
  pmtu.tries = 0
}

/**
 * Length of the next segment's text, of the `room` bytes that there are and that the windows allow (more than a full
 * segment): a probe where the search wants one and its loss would be noticed, else a full segment.
 */
export function tcpMtuProbe(vn: Vn, tcb: Tcb, room: number): number {
  const { mss } = tcb
  const pmtu = pmtuIn(tcb)
  if (pmtu.probe !== 0 || tcb.sndNxt !== tcb.sndMax || tcb.dupAcks !== 0 || tcb.rxtCount !== 0 ||
    (tcb.flags & (TF_FASTRECOVERY | TF_FORCE)) !== 0) return mss
  const len = Math.min(pmtu.next, tcpMtuMost(vn, tcb)) - tcpSegHeaders(vn, tcb)
  if (len <= mss) {
    finish(vn, tcb)
    return mss
  }
  const needed = len + BEHIND * mss
  const behind = Math.min(tcb.sndWnd, tcb.sndBuf.len) - seqDiff(tcb.sndNxt, tcb.sndUna)
  if (room < len || tcb.cwnd < needed || behind < needed) return mss
  tcpStats(vn).mtuprobe++
  pmtu.probe = len + tcpSegHeaders(vn, tcb)
  pmtu.probeSeq = tcb.sndNxt
  return len
}

/** The probe could not even leave: no search until the path has aged. True when there was one. */
export function tcpMtuProbeRefused(vn: Vn, tcb: Tcb): boolean {
  if (tcb.pmtu.probe === 0 || tcb.pmtu.probeSeq !== tcb.sndNxt) return false
  finish(vn, tcb)
  return true
}

/** sndUna has moved: what that says about the probe, the sizes that pass, and a report in doubt. */
export function tcpMtuAcked(vn: Vn, tcb: Tcb): void {
  if (tcb.pmtu === PMTU_UNKNOWN) return
  const { sndUna } = tcb
  const pmtu = pmtuIn(tcb)
  const stats = tcpStats(vn)
  if (pmtu.sent !== 0 && seqGeq(sndUna, pmtu.sentEnd)) {
    pmtu.acked = pmtu.sent
    pmtu.sent = 0
  }
  if (pmtu.claim !== 0 && seqGt(sndUna, pmtu.claimSeq)) {
    // it got through after all: the report was stale or forged (RFC 5927 §7.2)
    stats.mturefuted++
    pmtu.claim = 0
  }
  if (pmtu.probe === 0 || !seqGt(sndUna, pmtu.probeSeq)) return
  stats.mtuprobeok++
  tcb.pathMtu = pmtu.probe
  pmtu.probe = 0
  tcpMssUpdate(vn, tcb)
  choose(vn, tcb)
}

/**
 * A loss was found out. True when it is the probe's, which is no congestion (RFC 4821 §7.6.1): the window stays. Other
 * losses leave open what became of a probe (§7.6.3).
 */
export function tcpMtuProbeLost(vn: Vn, tcb: Tcb): boolean {
  if (tcb.pmtu === PMTU_UNKNOWN) return false
  const pmtu = pmtuIn(tcb)
  // what goes again may go in smaller pieces: its acknowledgment tells nothing about size
  pmtu.sent = 0
  if (pmtu.probe === 0) return false
  const lost = tcb.sndUna === pmtu.probeSeq
  if (lost) {
    tcpStats(vn).mtuprobelost++
    // an ICMP error may have said meanwhile what to try next
    if (pmtu.next === pmtu.probe && ++pmtu.tries >= MAX_PROBES) {
      pmtu.high = pmtu.probe
      choose(vn, tcb)
    }
  }
  pmtu.probe = 0
  return lost
}

/** The retransmission timer went off: a probe in flight is lost, a report in doubt is right (RFC 5927 §7.2). */
export function tcpMtuTimeout(vn: Vn, tcb: Tcb): void {
  const { pmtu } = tcb
  tcpMtuProbeLost(vn, tcb)
  if (pmtu.claim === 0) return
  inetPmtuUpdate(vn, tcb.inp.faddr, pmtu.claim)
  tcpMtuLimit(vn, tcb, pmtu.claim, 0)
}

/**
 * An ICMP error says that packets must not exceed `mtu`; the segment that it quotes is in flight. True when it is to be
 * acted on at once. One that contradicts what was acknowledged waits until a timeout agrees with it (RFC 5927 §7.2), one
 * about a probe tells the search where to look.
 */
export function tcpMtuReport(vn: Vn, tcb: Tcb, seq: Seq, mtu: number): boolean {
  const pmtu = pmtuIn(tcb)
  const text = Math.max(0, mtu - tcpSegHeaders(vn, tcb))
  if (pmtu.probe !== 0 && seq === pmtu.probeSeq && text > tcb.mss) {
    if (mtu < pmtu.probe) {
      pmtu.high = mtu + 1
      pmtu.next = mtu
      pmtu.tries = 0
    }
    return false
  }
  if (text >= tcb.mss) {
    countDrop(vn, tcpStats(vn), 'tcp', 'ctlignored', null)
    return false
  }
  if (text >= pmtu.acked) return true
  tcpStats(vn).mtudelayed++
  pmtu.claim = mtu
  pmtu.claimSeq = seq
  return false
}

/** New text goes out: the longest ever is watched until it is acknowledged. To be called before sndNxt moves. */
export function tcpMtuSent(tcb: Tcb, len: number): void {
  if (tcb.pmtu.sent !== 0 || len <= tcb.pmtu.acked || tcb.sndNxt !== tcb.sndMax) return
  const pmtu = pmtuIn(tcb)
  pmtu.sent = len
  pmtu.sentEnd = seqAdd(tcb.sndNxt, len)
}

/** The next size to be tried: half-way, until the gap is too small to be worth it. */
function choose(vn: Vn, tcb: Tcb): void {
  const pmtu = pmtuIn(tcb)
  const low = tcb.mss + tcpSegHeaders(vn, tcb)
  pmtu.tries = 0
  if (pmtu.high - low <= SEARCH_DONE) finish(vn, tcb)
  else pmtu.next = low + pmtu.high >> 1
}

/** The search is over; another begins when the path has aged (RFC 4821 §7.7, RFC 1191 §6.3). */
function finish(vn: Vn, tcb: Tcb): void {
  const pmtu = pmtuIn(tcb)
  pmtu.probe = 0
  pmtu.next = 0
  pmtu.high = 0
  pmtu.raiseAt = vn.state.now + lifetime(vn)
}

function lifetime(vn: Vn): number {
  return vn.state.sysctl['net.inet.ip.pmtu.expire'] * 1_000_000
}
