/** Retransmission by the scoreboard (RFC 6675 §4, NextSeg): what is lost goes again, the lowest number first. */

import type { Vn } from '../kern/vn.ts'
import { seqAdd, seqDiff, seqGt, seqLeq, seqMax, seqMin } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { TH_ACK, TH_FIN, TH_PUSH } from '../wire/tcp.ts'
import { tcpTransmit } from './build.ts'
import { tcpTimerOn, tcpTimerSet } from './deadline.ts'
import { tcpPaceSent, tcpPaceWaits } from './pace.ts'
import { tcpRtoBackedOff } from './rtt.ts'
import { tcpSackLen } from './sackgen.ts'
import { sackNextRescue, sackNextUnsure } from './sackloss.ts'
import { sentAt, sentEnd, sentPipe, sentStart, sentTransmit, sentUnpack } from './sent.ts'
import { TF_SACK_PERMIT, TT_PERSIST, TT_REXMT } from './state.ts'
import type { Tcb } from './state.ts'
import { FRTO_OFF, REC_FAST, SENT_FLAGS, SF_LOST } from './state-sent.ts'
import { tcpTraceWhy } from './trace.ts'
import { WHY_GO_BACK, WHY_RACK, WHY_SACK } from './trace-words.ts'
import { tcpStats } from './stats.ts'

/** What goes next is up to the scoreboard; not while probing, or after going back, from sndNxt on. */
export function tcpHasScoreboard(tcb: Tcb): boolean {
  return (tcb.flags & TF_SACK_PERMIT) !== 0 && tcb.sndNxt === tcb.sndMax
}

/** Sends again what is lost, as far as the congestion window lets it. Returns 0 or an errno. */
export function tcpRetransmitLost(vn: Vn, tcb: Tcb): number {
  const { sent } = tcb
  if (tcb.rec.frto !== FRTO_OFF) {
    // neither old nor new data until the ACKs have told what the timeout was (RFC 5682 §3.1)
    tcb.cwnd = Math.min(tcb.cwnd, Math.max(tcb.mss, sentPipe(tcb)))
    return 0
  }
  const byTime = vn.state.sysctl['net.inet.tcp.rack.enable'] === 1
  const why = tcb.rec.phase !== REC_FAST ? WHY_GO_BACK : byTime ? WHY_RACK : WHY_SACK
  for (let k = 0; k < sent.count && sent.lost > 0; k++) {
    if ((sent.log[sentAt(sent, k) + SENT_FLAGS] & SF_LOST) === 0) continue
    const len = Math.min(room(vn, tcb), seqDiff(sentEnd(sent, k), sentStart(tcb, k)))
    if (sentPipe(tcb) + len > tcb.cwnd || tcpTimerOn(tcb, TT_PERSIST) || tcpPaceWaits(vn, tcb)) return 0
    const errno = tcpRetransmitAt(vn, tcb, k, why)
    if (errno !== 0) return errno
  }
  return 0
}

/** Rules 3 and 4, when there is neither a lost segment nor a new one to send in recovery without RACK. */
export function tcpRetransmitUnsure(vn: Vn, tcb: Tcb): void {
  const { rec } = tcb
  while (rec.phase === REC_FAST && sentPipe(tcb) + tcb.mss <= tcb.cwnd) {
    sentUnpack(tcb)
    let k = sackNextUnsure(tcb)
    if (k < 0) {
      k = rec.rescued ? -1 : sackNextRescue(tcb)
      if (k < 0) return
      rec.rescued = true
    }
    if (tcpRetransmitAt(vn, tcb, k, WHY_SACK) !== 0) return
  }
}

/** Sends the segment of the k-th record again, joined by lost neighbours that fit; WHY_* says why. Returns 0 or an errno. */
export function tcpRetransmitAt(vn: Vn, tcb: Tcb, k: number, why: number): number {
  const { sent } = tcb
  const start = sentStart(tcb, k)
  const most = seqAdd(start, room(vn, tcb))
  let end = sentEnd(sent, k)
  for (let i = k + 1; i < sent.count && (sent.log[sentAt(sent, i) + SENT_FLAGS] & SF_LOST) !== 0; i++) {
    if (seqGt(sentEnd(sent, i), most)) break
    end = sentEnd(sent, i)
  }
  const stats = tcpStats(vn)
  tcpTraceWhy(vn, why)
  const errno = tcpSendRange(vn, tcb, start, end)
  if (errno !== 0) return errno
  stats.sackRexmits++
  // Karn (MUST-18): what is being timed may be what went again
  if (tcb.rttAt >= 0 && seqGt(tcb.rttSeq, start)) tcb.rttAt = -1
  if (start === tcb.sndUna || !tcpTimerOn(tcb, TT_REXMT)) tcpTimerSet(vn, tcb, TT_REXMT, tcpRtoBackedOff(vn, tcb))
  return 0
}

/** Sends octets (and our FIN, where `end` covers it) from `start`, at most a segment, whatever the windows say. */
export function tcpSendRange(vn: Vn, tcb: Tcb, start: Seq, end: Seq): number {
  const dataEnd = seqAdd(tcb.sndUna, tcb.sndBuf.len)
  const stop = seqMin(seqMin(end, dataEnd), seqAdd(start, room(vn, tcb)))
  const len = Math.max(0, seqDiff(stop, start))
  const fin = seqGt(end, dataEnd) && seqLeq(dataEnd, seqAdd(start, len))
  const push = len > 0 && stop === dataEnd
  const stats = tcpStats(vn)
  const flags = TH_ACK | (fin ? TH_FIN : 0) | (push ? TH_PUSH : 0)
  const errno = tcpTransmit(vn, tcb, start, flags, seqDiff(start, tcb.sndUna), len)
  if (errno !== 0) return errno
  const past = seqAdd(start, fin ? len + 1 : len)
  if (seqGt(past, tcb.sndMax)) {
    stats.sndpack++
    stats.sndbyte += len
  } else {
    stats.sndrexmitpack++
    stats.sndrexmitbyte += len
  }
  sentTransmit(vn, tcb, start, past)
  if (tcb.rec.phase === REC_FAST) tcb.rec.prrOut += len
  tcb.sndMax = seqMax(tcb.sndMax, past)
  tcb.sndNxt = seqMax(tcb.sndNxt, past)
  tcb.sndAt = vn.state.now
  tcpPaceSent(vn, tcb, len)
  return 0
}

/** Octets of data that a segment sent now has room for. */
function room(vn: Vn, tcb: Tcb): number {
  return tcb.mss - tcpSackLen(vn, tcb)
}
