/**
 * Data that arrived out of order (RFC 9293 §3.10.7.4, SHLD-31) is parked in the receive ring at the place where the
 * reader will find it; here are the ranges. What came first stays: a later overlapping segment cannot change it.
 */

import type { Vn } from '../kern/vn.ts'
import { ringCommit, ringPut } from '../lib/bytering.ts'
import { seqAdd, seqDiff, seqGt, seqLeq, seqLt, seqMax, seqMin } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { tcpDsack, tcpSackChanged } from './sackgen.ts'
import { TF_CANTRCVMORE, TF_SACK_PERMIT } from './state.ts'
import type { Tcb } from './state.ts'
import { tcpStats } from './stats.ts'

/**
 * Parks `len` bytes that begin at `seq` (not before rcvNxt, within the window). Of too many ranges the furthest is given
 * up for a nearer one, unless the sender may have been told of it; false when the bytes are forgotten and come again.
 */
export function tcpReassPark(vn: Vn, tcb: Tcb, seq: Seq, from: Uint8Array, at: number, len: number): boolean {
  const { reass } = tcb
  const end = seqAdd(seq, len)
  // i: first range that ends at or after our start; j: first that begins after our end
  const i = placeOf(reass, seq)
  let j = i
  while (j < reass.length && seqLeq(reass[j], end)) j += 2
  const most = vn.state.sysctl['net.inet.tcp.reass.maxqueuelen']
  if (i === j && reass.length >= 2 * most && seq !== tcb.rcvNxt) {
    // the sender may rely on what a SACK block told it (RFC 2018 §8); else the nearer range is worth more
    if ((tcb.flags & TF_SACK_PERMIT) !== 0 || i === reass.length) return false
    reass.length -= 2
    tcpStats(vn).reassfurthest++
  }
  for (let k = i; k < j; k += 2) {
    if (!seqLt(seqMax(seq, reass[k]), seqMin(end, reass[k + 1]))) continue
    // RFC 2883 §4.2: of several duplicate parts the first is told, unless one before rcvNxt was
    if (tcb.dsackEnd === tcb.dsackStart) tcpDsack(vn, tcb, seqMax(seq, reass[k]), seqMin(end, reass[k + 1]))
    break
  }
  if ((tcb.flags & TF_CANTRCVMORE) === 0) {
    let next = seq
    for (let k = i; k < j; k += 2) {
      put(tcb, next, reass[k], seq, from, at)
      next = seqMax(next, reass[k + 1])
    }
    put(tcb, next, end, seq, from, at)
  }
  if (i === j) {
    reass.splice(i, 0, seq, end)
    tcpSackChanged(tcb, seq, seq, end)
    return true
  }
  if (seqLt(seq, reass[i])) reass[i] = seq
  reass[i + 1] = seqMax(end, reass[j - 1])
  if (j > i + 2) reass.splice(i + 2, j - i - 2)
  tcpSackChanged(tcb, seq, reass[i], reass[i + 1])
  return true
}

/** Makes parked data readable that is in order now. True when there was some. */
export function tcpReassDrain(tcb: Tcb): boolean {
  const { reass } = tcb
  if (reass.length === 0 || reass[0] !== tcb.rcvNxt) return false
  const end = reass[1]
  if ((tcb.flags & TF_CANTRCVMORE) === 0) ringCommit(tcb.rcvBuf, seqDiff(end, tcb.rcvNxt))
  tcb.rcvNxt = end
  // what came since a gap was filled came in more than a round trip: autotune.ts measures anew
  tcb.rcvTuneAt = -1
  reass.splice(0, 2)
  if (reass.length === 0) tcb.sackRecent.length = 0
  return true
}

/** Place of the first range that ends at or after `seq`. */
function placeOf(reass: readonly Seq[], seq: Seq): number {
  let low = 0
  let high = reass.length / 2
  while (low < high) {
    const mid = low + high >> 1
    if (seqLt(reass[mid * 2 + 1], seq)) low = mid + 1
    else high = mid
  }
  return low * 2
}

/** What is parked will never be in order. */
export function tcpReassForget(tcb: Tcb): void {
  tcb.reass.length = 0
  tcb.sackRecent.length = 0
}

/** Copies the bytes [start, end) of a segment that begins at `seq` to their place behind the readable ones. */
function put(tcb: Tcb, start: Seq, end: Seq, seq: Seq, from: Uint8Array, at: number): void {
  if (!seqGt(end, start)) return
  const pos = tcb.rcvBuf.len + seqDiff(start, tcb.rcvNxt)
  ringPut(tcb.rcvBuf, pos, from, at + seqDiff(start, seq), seqDiff(end, start))
}
