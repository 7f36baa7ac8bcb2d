/** Selective acknowledgments that arrive (RFC 2018 §5), duplicates that they report (RFC 2883), and what is believed. */

import type { Vn } from '../kern/vn.ts'
import { seqAdd, seqGeq, seqGt, seqLeq, seqLt } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { TOF_SACK } from '../wire/tcp-options.ts'
import { rackDsackSeen } from './rack.ts'
import { sentEnd, sentFind, sentSack, sentStart, sentUnpack } from './sent.ts'
import { TF_SACK_PERMIT } from './state.ts'
import type { Seg, Tcb } from './state.ts'
import { tcpStats } from './stats.ts'
import { tcpRate } from './state-scratch.ts'

/** Marks what the segment's blocks cover. To be called once its cumulative ACK has been taken. */
export function tcpSackInput(vn: Vn, tcb: Tcb, seg: Seg): void {
  const { opt } = seg
  if ((opt.flags & TOF_SACK) === 0 || (tcb.flags & TF_SACK_PERMIT) === 0) return
  sentUnpack(tcb)
  const stats = tcpStats(vn)
  let todo = (1 << opt.sackCount) - 1
  stats.sackRcvBlocks += opt.sackCount
  if (isDuplicate(tcb, seg)) {
    todo &= ~1
    duplicateReported(vn, tcb, seg)
  }
  // from left to right, so that reordering is seen in the order of numbers (RFC 8985 §6.2 step 3)
  while (todo !== 0) {
    const i = leftmost(opt.sack, todo)
    todo &= ~(1 << i)
    if (believable(tcb, opt.sack[2 * i], opt.sack[2 * i + 1])) mark(vn, tcb, opt.sack[2 * i], opt.sack[2 * i + 1])
    else stats.sackRcvBad++
  }
}

/** RFC 2883 §4: the first block lies below the cumulative ACK, or within the second block. */
function isDuplicate(tcb: Tcb, seg: Seg): boolean {
  const { sack, sackCount } = seg.opt
  if (seqLt(sack[0], seg.ack)) return true
  return sackCount > 1 && seqGeq(sack[0], sack[2]) && seqLeq(sack[1], sack[3]) && seqGt(sack[0], tcb.sndUna)
}

function duplicateReported(vn: Vn, tcb: Tcb, seg: Seg): void {
  const [start, end] = seg.opt.sack
  const rate = tcpRate(vn)
  const stats = tcpStats(vn)
  // what was never sent, or so long ago that nobody can have it in mind, is made up
  if (!seqLt(start, end) || seqGt(end, tcb.sndMax) || seqLt(start, seqAdd(tcb.sndUna, -tcb.maxSndWnd)) ||
    seqLt(start, tcb.iss)) {
    stats.sackRcvBad++
    return
  }
  stats.dsackCount++
  tcb.rec.dsackDups++
  rate.dsack = true
  rate.dsackStart = start
  rate.dsackEnd = end
  rackDsackSeen(tcb)
}

/** A block that a receiver of our data can send: within what is in flight. */
function believable(tcb: Tcb, start: Seq, end: Seq): boolean {
  return seqLt(start, end) && seqGeq(start, tcb.sndUna) && seqLeq(end, tcb.sndMax)
}

/** Only whole records: a part that arrived is as good as nothing until the rest has. */
function mark(vn: Vn, tcb: Tcb, start: Seq, end: Seq): void {
  const s = tcb.sent
  let k = sentFind(s, start)
  if (k < s.count && seqLt(sentStart(tcb, k), start)) k++
  for (; k < s.count && seqLeq(sentEnd(s, k), end); k++) sentSack(vn, tcb, k)
}

function leftmost(sack: readonly Seq[], todo: number): number {
  let best = -1
  for (let i = 0; todo >> i !== 0; i++) {
    if ((todo >> i & 1) !== 0 && (best < 0 || seqLt(sack[2 * i], sack[2 * best]))) best = i
  }
  return best
}
