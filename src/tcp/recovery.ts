/** Fast retransmit and fast recovery (RFC 5681 §3.2, RFC 6582) and limited transmit (RFC 3042). */

import type { Vn } from '../kern/vn.ts'
import { seqDiff, seqGeq, seqGt, seqLt, seqMax } from '../lib/seq.ts'
import { ccLossDetected, ccRecovered } from './cc/cc.ts'
import { tcpTimerStop } from './deadline.ts'
import { tcpOutput } from './output.ts'
import { spuriousAck, spuriousBegin, spuriousEnd } from './spurious.ts'
import { TF_FASTRECOVERY, TF_NEEDOUTPUT, TT_REXMT } from './state.ts'
import type { Seg, Tcb } from './state.ts'
import { FRTO_OFF, REC_FAST, REC_LOSS, REC_OPEN } from './state-sent.ts'
import { tcpStats } from './stats.ts'

const DUPTHRESH = 3

/** One more duplicate ACK arrived while data is in flight. */
export function tcpDupAck(vn: Vn, tcb: Tcb, seg: Seg): void {
  if (tcb.rec.frto !== FRTO_OFF) spuriousAck(vn, tcb, seg, 0)
  tcb.dupAcks++
  if ((tcb.flags & TF_FASTRECOVERY) !== 0) {
    // each duplicate says that a segment has left the network (RFC 5681 §3.2 step 4)
    tcb.cwnd += tcb.mss
    tcb.flags |= TF_NEEDOUTPUT
  } else if (tcb.dupAcks === DUPTHRESH) enter(vn, tcb)
  else if (tcb.dupAcks < DUPTHRESH && vn.state.sysctl['net.inet.tcp.rfc3042'] === 1) limitedTransmit(vn, tcb)
}

/** New data was acknowledged during recovery: all of it, or up to the next hole (RFC 6582 §3.2 step 3). */
export function tcpRecoveryAck(vn: Vn, tcb: Tcb, seg: Seg, acked: number): void {
  if (spuriousAck(vn, tcb, seg, acked)) return
  if (seqGeq(tcb.sndUna, tcb.recover)) {
    leave(tcb)
    ccRecovered(vn, tcb, seqDiff(tcb.sndMax, tcb.sndUna))
    return
  }
  tcpStats(vn).partialack++
  retransmitFirst(vn, tcb)
  // deflate by what left the network, and back up by the segment just sent
  tcb.cwnd = Math.max(tcb.cwnd - acked, 0)
  if (acked >= tcb.mss) tcb.cwnd += tcb.mss
  tcb.cwnd = Math.max(tcb.cwnd, tcb.mss)
}

/** New data was acknowledged outside fast recovery: perhaps all that was out at the last timeout. */
export function tcpLossAck(vn: Vn, tcb: Tcb, seg: Seg, acked: number): void {
  tcb.dupAcks = 0
  tcb.limited = 0
  if (tcb.rec.phase !== REC_LOSS || spuriousAck(vn, tcb, seg, acked) || seqLt(tcb.sndUna, tcb.recover)) return
  tcb.rec.phase = REC_OPEN
  spuriousEnd(tcb)
}

/** A timeout (or the end of the hole) ends recovery (RFC 6582 §3.2 step 4). */
export function tcpRecoveryAbort(tcb: Tcb): void {
  tcb.flags &= ~TF_FASTRECOVERY
  tcb.dupAcks = 0
  tcb.limited = 0
  tcb.rec.phase = REC_LOSS
  tcb.recover = tcb.sndMax
}

function enter(vn: Vn, tcb: Tcb): void {
  // RFC 6582 §3.2 step 2: duplicates of what was sent before the last recovery are its echo, not a new loss
  if (!seqGt(tcb.sndUna, tcb.recover)) {
    tcb.dupAcks = 0
    return
  }
  tcpStats(vn).fastrexmit++
  tcb.recover = tcb.sndMax
  spuriousBegin(vn, tcb)
  ccLossDetected(vn, tcb, seqDiff(tcb.sndMax, tcb.sndUna))
  tcb.flags |= TF_FASTRECOVERY
  tcb.rec.phase = REC_FAST
  tcb.limited = 0
  retransmitFirst(vn, tcb)
  tcb.cwnd = tcb.ssthresh + DUPTHRESH * tcb.mss
  tcb.flags |= TF_NEEDOUTPUT
}

/** RFC 3042: the first two duplicates each let one new segment out, on top of cwnd, if the peer's window has room. */
function limitedTransmit(vn: Vn, tcb: Tcb): void {
  const flight = seqDiff(tcb.sndMax, tcb.sndUna)
  if (tcb.sndBuf.len <= flight || tcb.sndNxt !== tcb.sndMax) return
  const { cwnd, sndMax } = tcb
  tcb.cwnd = flight + (tcb.dupAcks - tcb.limited) * tcb.mss
  tcpOutput(vn, tcb)
  tcb.cwnd = cwnd
  if (seqGt(tcb.sndMax, sndMax)) tcb.limited++
}

/** Sends the first unacknowledged segment again, and nothing else. */
function retransmitFirst(vn: Vn, tcb: Tcb): void {
  const { sndNxt, cwnd } = tcb
  tcpTimerStop(tcb, TT_REXMT)
  // Karn (MUST-18): what is being timed may be what is sent again
  tcb.rttAt = -1
  tcb.sndNxt = tcb.sndUna
  tcb.cwnd = tcb.mss
  tcpOutput(vn, tcb)
  tcb.cwnd = cwnd
  tcb.sndNxt = seqMax(tcb.sndNxt, sndNxt)
}

function leave(tcb: Tcb): void {
  spuriousEnd(tcb)
  tcb.flags &= ~TF_FASTRECOVERY
  tcb.rec.phase = REC_OPEN
  tcb.dupAcks = 0
  tcb.limited = 0
}
