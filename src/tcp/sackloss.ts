/** Loss detection by the scoreboard alone (RFC 6675 §4, IsLost), where RACK is switched off. */

import type { Vn } from '../kern/vn.ts'
import { seqDiff } from '../lib/seq.ts'
import { sentAt, sentEnd, sentLose, sentStart, sentUnpack } from './sent.ts'
import type { Tcb } from './state.ts'
import { SENT_FLAGS, SF_LOST, SF_RETRANS, SF_SACKED } from './state-sent.ts'

const DUPTHRESH = 3

/** Marks what enough above it has been SACKed to call lost. Returns the bytes newly lost. */
export function sackDetectLoss(vn: Vn, tcb: Tcb): number {
  const { sent } = tcb
  if (sent.sackedCount === 0) return 0
  sentUnpack(tcb)
  let lost = 0
  let above = 0
  let runs = 0
  let inRun = false
  for (let k = sent.count - 1; k >= 0; k--) {
    const flags = sent.log[sentAt(sent, k) + SENT_FLAGS]
    if ((flags & SF_SACKED) !== 0) {
      above += seqDiff(sentEnd(sent, k), sentStart(tcb, k))
      if (!inRun) runs++
      inRun = true
      continue
    }
    inRun = false
    // what was sent again is not judged by what arrived before that
    if ((flags & (SF_LOST | SF_RETRANS)) !== 0) continue
    if (runs >= DUPTHRESH || above > (DUPTHRESH - 1) * tcb.mss) lost += sentLose(vn, tcb, k)
  }
  // §5 step 1: as many duplicate ACKs, however small their segments
  if (sent.sackedCount >= DUPTHRESH && (sent.log[sentAt(sent, 0) + SENT_FLAGS] & SF_RETRANS) === 0) {
    lost += sentLose(vn, tcb, 0)
  }
  return lost
}

/** NextSeg rule 3: the first segment below the highest SACKed one that was not sent again, or −1. */
export function sackNextUnsure(tcb: Tcb): number {
  const { sent } = tcb
  let found = -1
  for (let k = 0, left = sent.sackedCount; k < sent.count && left > 0; k++) {
    const flags = sent.log[sentAt(sent, k) + SENT_FLAGS]
    if ((flags & SF_SACKED) !== 0) left--
    else if (found < 0 && (flags & SF_RETRANS) === 0) found = k
  }
  return found
}

/** NextSeg rule 4: the highest segment that is not SACKed, or −1. */
export function sackNextRescue(tcb: Tcb): number {
  const { sent } = tcb
  let k = sent.count - 1
  while (k >= 0 && (sent.log[sentAt(sent, k) + SENT_FLAGS] & SF_SACKED) !== 0) k--
  return k
}
