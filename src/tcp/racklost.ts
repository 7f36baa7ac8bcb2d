/** RACK's loss detection (RFC 8985 §6.2 step 5, §6.3): what was sent well before something that has arrived is lost. */

import type { Vn } from '../kern/vn.ts'
import { tcpTimerSet, tcpTimerStop } from './deadline.ts'
import { rackSentAfter, rackWindow } from './rack.ts'
import { sentAt, sentEnd, sentLose, sentUnpack } from './sent.ts'
import { TT_REORDER } from './state.ts'
import type { Tcb } from './state.ts'
import { SENT_AT, SENT_FLAGS, SF_ALL, SF_EVER, SF_LOST, SF_SACKED } from './state-sent.ts'

/** Marks what is lost by now, and arms the timer for what may be found lost later. Returns the bytes newly lost. */
export function rackDetectLoss(vn: Vn, tcb: Tcb): number {
  const { rec, sent } = tcb
  const { log } = sent
  if (rec.rackAt < 0 || sent.count === 0) {
    tcpTimerStop(tcb, TT_REORDER)
    return 0
  }
  const due = rec.rackRtt + rackWindow(tcb) - vn.state.now
  let lost = 0
  let wait = 0
  for (let k = 0; k < sent.count; k++) {
    const at = sentAt(sent, k)
    const flags = log[at + SENT_FLAGS]
    if ((flags & (SF_SACKED | SF_LOST)) !== 0) continue
    if (!rackSentAfter(rec.rackAt, rec.rackEnd, log[at + SENT_AT], sentEnd(sent, k))) {
      // what lies behind an original transmission was sent after it, each time
      if ((flags & SF_EVER) === 0) break
      continue
    }
    if (flags > SF_ALL) {
      sentUnpack(tcb)
      return lost + rackDetectLoss(vn, tcb)
    }
    const remaining = log[at + SENT_AT] + due
    if (remaining <= 0) lost += sentLose(vn, tcb, k)
    else if (remaining > wait) wait = remaining
  }
  // whole µs: a rest too small to be added to the time would never be over
  if (wait > 0) tcpTimerSet(vn, tcb, TT_REORDER, Math.ceil(wait))
  else tcpTimerStop(tcb, TT_REORDER)
  return lost
}

/** §6.3: the first segment is lost, and what was sent long enough ago; the rest may still arrive. */
export function rackTimeout(vn: Vn, tcb: Tcb): void {
  const { rec, sent } = tcb
  const due = rec.rackRtt + rackWindow(tcb) - vn.state.now
  sentUnpack(tcb)
  for (let k = 0; k < sent.count; k++) {
    if (k === 0 || sent.log[sentAt(sent, k) + SENT_AT] + due <= 0) sentLose(vn, tcb, k)
  }
}
