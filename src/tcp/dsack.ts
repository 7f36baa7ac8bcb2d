/** Which retransmissions of a recovery the receiver had already (RFC 2883, RFC 3708 §3): ranges sent again, struck off as reported. */

import { seqGeq, seqGt, seqLeq, seqLt, seqMax, seqMin } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import type { Tcb } from './state.ts'
import { REC_OPEN, RESENT_MAX } from './state-sent.ts'

/** A recovery begins: nothing has been sent again in it. */
export function dsackBegin(tcb: Tcb): void {
  tcb.rec.resent.length = 0
  tcb.rec.dsackVoid = false
}

/** [start, end) goes again; `twice` where that is not the first time. */
export function dsackResent(tcb: Tcb, start: Seq, end: Seq, twice: boolean): void {
  const { rec } = tcb
  rec.resentEnd = rec.resentEver ? seqMax(rec.resentEnd, end) : end
  rec.resentEver = true
  if (rec.phase === REC_OPEN) return
  rec.frtoEnd = seqMax(rec.frtoEnd, end)
  if (rec.dsackVoid) return
  const { resent } = rec
  const last = resent.length - 1
  // §3 (A.3): of several retransmissions nobody knows which one came twice
  if (twice) dsackGiveUp(tcb)
  else if (last > 0 && resent[last] === start) resent[last] = end
  else if (resent.length < RESENT_MAX) resent.push(start, end)
  else dsackGiveUp(tcb)
}

/** Reports of duplicates say nothing in this recovery any more. */
export function dsackGiveUp(tcb: Tcb): void {
  tcb.rec.resent.length = 0
  tcb.rec.dsackVoid = true
}

/** The receiver reports [start, end) as a duplicate. True where that was the last retransmission to be reported (§3 (B.1)). */
export function dsackReported(tcb: Tcb, start: Seq, end: Seq): boolean {
  const { rec } = tcb
  // (A.4): never sent again, so it is the network that doubles, and no report can be trusted from now on
  if (!rec.resentEver || seqGeq(start, rec.resentEnd)) rec.networkDoubles = true
  // a report may cut a range in two
  if (rec.networkDoubles || rec.resent.length >= RESENT_MAX) dsackGiveUp(tcb)
  const { resent } = rec
  if (resent.length === 0) return false
  for (let i = 0; i < resent.length;) {
    const from = seqMax(resent[i], start)
    const to = seqMin(resent[i + 1], end)
    if (seqGeq(from, to)) i += 2
    else if (seqLeq(from, resent[i]) && seqGeq(to, resent[i + 1])) resent.splice(i, 2)
    else if (seqGt(from, resent[i]) && seqLt(to, resent[i + 1])) {
      resent.splice(i + 1, 0, from, to)
      break
    } else {
      if (seqGt(from, resent[i])) resent[i + 1] = from
      else resent[i] = to
      i += 2
    }
  }
  return resent.length === 0
}
