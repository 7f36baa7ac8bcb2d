/** Segments that no send buffer is behind: resets and acknowledgments (RFC 9293 §3.5.2, RFC 5961). */

import type { Inpcb } from '../inet/state.ts'
import type { Vn } from '../kern/vn.ts'
import { randomBelow } from '../kern/random.ts'
import type { Addr } from '../lib/addr.ts'
import { F_DF, frameAlloc } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { SEQ_ZERO, seqAdd, seqMin } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { TCP_DPORT, TCP_HDR_LEN, TCP_SPORT, TH_ACK, TH_FIN, TH_RST, TH_SYN } from '../wire/tcp.ts'
import { TCP_MAX_HDR_LEN } from '../wire/tcp.ts'
import { tcpOptionsReset, tcpWriteOptions } from '../wire/tcp-options.ts'
import type { TcpOptions } from '../wire/tcp-options.ts'
import { tcpFrameSend, tcpTransmit, writeHeader } from './build.ts'
import { tcpScaleLast } from './options.ts'
import type { Seg, Tcb } from './state.ts'
import { tcpTraceWhy } from './trace.ts'
import { WHY_CHALLENGE } from './trace-words.ts'
import { tcpStats } from './stats.ts'
import { tcpOpt } from './state-scratch.ts'

/** Segment length in sequence space (RFC 9293 §3.4: SYN and FIN count). */
export function segLen(seg: Seg): number {
  return seg.len + ((seg.flags & TH_SYN) !== 0 ? 1 : 0) + ((seg.flags & TH_FIN) !== 0 ? 1 : 0)
}

/** Answers the received segment in `f` with a reset (RFC 9293 §3.10.7.1); a reset is never answered. */
export function tcpReset(vn: Vn, f: Frame, seg: Seg): void {
  if ((seg.flags & TH_RST) !== 0) return
  tcpStats(vn).sndrst++
  if ((seg.flags & TH_ACK) !== 0) tcpReply(vn, f, seg.ack, SEQ_ZERO, TH_RST, 0, null)
  else tcpReply(vn, f, SEQ_ZERO, seqAdd(seg.seq, segLen(seg)), TH_RST | TH_ACK, 0, null)
}

/** Sends a segment without data back to where the one in `f` came from; `opt` may be null. */
export function tcpReply(
  vn: Vn, f: Frame, seq: Seq, ack: Seq, flags: number, win: number, opt: TcpOptions | null,
): void {
  const { view, l4 } = f
  tcpSegment(
    vn, f.dst, view.getUint16(l4 + TCP_DPORT), f.src, view.getUint16(l4 + TCP_SPORT), seq, ack, flags, win, opt, 0, 0, null)
}

/**
 * Sends a segment without data and without a control block, with the IP options of `inp`, if it is not null. Returns an
 * errno (no frame: silently nothing).
 */
export function tcpSegment(
  vn: Vn, src: Addr, sport: number, dst: Addr, dport: number, seq: Seq, ack: Seq, flags: number, win: number,
  opt: TcpOptions | null, ttl: number, tos: number, inp: Inpcb | null,
): number {
  const f = frameAlloc(vn.pool, TCP_MAX_HDR_LEN)
  if (f === null) {
    tcpStats(vn).sndnomem++
    return 0
  }
  const hdrLen = TCP_HDR_LEN + (opt === null ? 0 : tcpWriteOptions(f.view, f.off + TCP_HDR_LEN, opt, tcpScaleLast(vn)))
  writeHeader(f, sport, dport, seq, ack, hdrLen, flags, win, 0)
  f.len = hdrLen
  if (vn.state.sysctl['net.inet.tcp.path_mtu_discovery'] === 1) f.flags |= F_DF
  return tcpFrameSend(vn, f, src, dst, ttl, tos, inp)
}

/** The reset that ends a connection from our side (RFC 9293 §3.10.5): at SND.NXT, or at the window's edge before it. */
export function tcpSendReset(vn: Vn, tcb: Tcb): void {
  tcpStats(vn).sndrst++
  // beyond the peer's window it would be ignored (RFC 5961 §3.2)
  const seq = seqMin(tcb.sndMax, seqAdd(tcb.sndUna, tcb.sndWnd))
  tcpTransmit(vn, tcb, seq, TH_RST | TH_ACK, 0, 0)
}

/** An ACK at once, whatever else waits: `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`. */
export function tcpSendAck(vn: Vn, tcb: Tcb): void {
  tcpStats(vn).sndacks++
  tcpTransmit(vn, tcb, tcb.sndMax, TH_ACK, 0, 0)
}

/** A challenge ACK (RFC 5961 §3.2, §4.2, §5.2), unless the limits hold it back. */
export function tcpChallenge(vn: Vn, tcb: Tcb): void {
  if (tcpChallengeAllowed(vn, tcb)) tcpSendAck(vn, tcb)
}

/**
 * Counts a challenge ACK of a connection (or TIME-WAIT record) against its own limit and the Vnet's (RFC 5961 §7).
 * The Vnet's is drawn anew each period: a known global limit would tell an outsider what others received.
 */
export function tcpChallengeAllowed(vn: Vn, rec: { challenges: number; challengeAt: number }): boolean {
  const { now, sysctl, tcp } = vn.state
  const period = sysctl['net.inet.tcp.ack_war_timewindow'] * 1000
  if (now - rec.challengeAt >= period) {
    rec.challengeAt = now
    rec.challenges = 0
  }
  if (now - tcp.challengeAt >= period) {
    const limit = sysctl['net.inet.tcp.challenge_limit']
    tcp.challengeAt = now
    tcp.challenges = 0
    tcp.challengeQuota = Math.ceil(limit / 2) + randomBelow(vn.state.random, Math.floor(limit / 2) + 1)
  }
  if (rec.challenges >= sysctl['net.inet.tcp.ack_war_cnt'] || tcp.challenges >= tcp.challengeQuota) {
    tcpStats(vn).challengelimit++
    return false
  }
  rec.challenges++
  tcp.challenges++
  tcpStats(vn).challengeack++
  tcpTraceWhy(vn, WHY_CHALLENGE)
  return true
}

/** Scratch options, emptied. */
export function replyOptions(vn: Vn): TcpOptions {
  const opt = tcpOpt(vn)
  tcpOptionsReset(opt)
  return opt
}
