/** RACK (RFC 8985 §6.2): what each delivered segment tells about time and order, and the reordering window. */

import type { Vn } from '../kern/vn.ts'
import { seqDiff, seqGeq, seqGt, seqLt } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { TOF_TS } from '../wire/tcp-options.ts'
import { tcpTsAt } from './isn.ts'
import { TF_TSTMP } from './state.ts'
import type { Tcb } from './state.ts'
import { REC_OPEN, SENT_AT, SENT_FLAGS, SF_EVER } from './state-sent.ts'
import { tcpSeg } from './state-scratch.ts'

const DUPTHRESH = 3
/** Recoveries without a duplicate report after which a widened window shrinks again (§6.2 step 4). */
const PERSIST_RECOVERIES = 16

/** Steps 2 and 3: the record at `at` of the log is acknowledged up to `end` for the first time, cumulatively or selectively. */
export function rackDelivered(vn: Vn, tcb: Tcb, at: number, end: Seq): void {
  const { rec } = tcb
  const { log, minRtt } = tcb.sent
  const sentTime = log[at + SENT_AT]
  const again = (log[at + SENT_FLAGS] & SF_EVER) !== 0
  if (rec.rackAt < 0) rec.fack = tcb.sndUna
  if (seqGt(end, rec.fack)) rec.fack = end
  else if (!again && seqLt(end, rec.fack)) reordered(tcb, end)
  const rtt = vn.state.now - sentTime
  // an ACK of the first transmission must not pass for a fast one of the second
  if (again && (rtt < minRtt || echoIsOlder(vn, tcb, sentTime))) return
  rec.rackRtt = rtt
  if (rec.rackAt < 0 || rackSentAfter(sentTime, end, rec.rackAt, rec.rackEnd)) {
    rec.rackAt = sentTime
    rec.rackEnd = end
  }
}

/** Step 3: a segment that went once and ends at `end` was overtaken by what lies between it and the foremost. */
function reordered(tcb: Tcb, end: Seq): void {
  const { rec } = tcb
  rec.reorderSeen = true
  rec.reordSeen++
  rec.reordMost = Math.max(rec.reordMost, Math.ceil(seqDiff(rec.fack, end) / tcb.mss))
}

/** RACK_sent_after: later, or at the same time and higher. */
export function rackSentAfter(t1: number, end1: Seq, t2: number, end2: Seq): boolean {
  return t1 > t2 || (t1 === t2 && seqGt(end1, end2))
}

/** Step 4, adaptation: each round with a duplicate report widens the window by a quarter of the smallest round trip. */
export function rackDsackSeen(tcb: Tcb): void {
  const { rec } = tcb
  if (rec.inDsackRound && seqGeq(tcb.sndUna, rec.dsackRound)) rec.inDsackRound = false
  if (rec.inDsackRound) return
  rec.inDsackRound = true
  rec.dsackRound = tcb.sndMax
  rec.reoMult++
  rec.reoPersist = PERSIST_RECOVERIES
}

/** Step 4, the way back: a recovery is over. */
export function rackRecovered(tcb: Tcb): void {
  const { rec } = tcb
  if (rec.reoPersist > 0) rec.reoPersist--
  if (rec.reoPersist === 0) rec.reoMult = 1
}

/** RACK.reo_wnd in µs. */
export function rackWindow(tcb: Tcb): number {
  const { rec, sent } = tcb
  if (!rec.reorderSeen && (rec.phase !== REC_OPEN || sent.sackedCount >= DUPTHRESH)) return 0
  return Math.min(rec.reoMult * sent.minRtt / 4, tcb.srtt)
}

function echoIsOlder(vn: Vn, tcb: Tcb, sentTime: number): boolean {
  const { opt } = tcpSeg(vn)
  if ((tcb.flags & TF_TSTMP) === 0 || (opt.flags & TOF_TS) === 0) return false
  return (opt.tsEcr - tcpTsAt(sentTime, tcb.tsOffset) | 0) < 0
}
