/**
 * What our ACKs say of data above the acknowledgment number: SACK blocks (RFC 2018 §4), and in front of them what came
 * twice (D-SACK, RFC 2883 §4). The parked ranges are the truth; here is only in which order they are told.
 */

import type { Vn } from '../kern/vn.ts'
import { seqAdd, seqGeq, seqLt, seqMin } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { TCPOLEN_SACK, TCPOLEN_TSTAMP_APPA, TCP_MAXOLEN, TCP_MAX_SACK, TOF_SACK } from '../wire/tcp-options.ts'
import type { TcpOptions } from '../wire/tcp-options.ts'
import { tcpSignatureLen } from './auth/room.ts'
import { TCPS_ESTABLISHED, TF_SACK_PERMIT, TF_TSTMP } from './state.ts'
import type { Seg, Tcb } from './state.ts'
import { tcpStats } from './stats.ts'

/** Kind, length and the two no-ops that align the blocks. */
const SACK_LEAD = 4

/** True when the next ACK has something to say in a SACK option. */
export function tcpSackPending(tcb: Tcb): boolean {
  return (tcb.reass.length !== 0 || tcb.dsackEnd !== tcb.dsackStart) && (tcb.flags & TF_SACK_PERMIT) !== 0 &&
    tcb.state >= TCPS_ESTABLISHED
}

/** Octets that a segment sent now gives to the SACK option; they are missing from its data (RFC 9293 §3.7.1). */
export function tcpSackLen(vn: Vn, tcb: Tcb): number {
  if (!tcpSackPending(tcb)) return 0
  const blocks = Math.min(blocksThatFit(vn, tcb), tcb.reass.length / 2 + (tcb.dsackEnd !== tcb.dsackStart ? 1 : 0))
  return blocks === 0 ? 0 : SACK_LEAD + blocks * TCPOLEN_SACK
}

/**
 * Adds the blocks to the options of a segment: the D-SACK block, the range that changed last, those that changed before
 * it, then any others, four at most. The writer leaves out what does not fit.
 */
export function tcpSackFill(vn: Vn, tcb: Tcb, opt: TcpOptions): void {
  const { reass, sackRecent } = tcb
  opt.flags |= TOF_SACK
  opt.sackCount = 0
  let first = 0
  if (tcb.dsackEnd !== tcb.dsackStart) {
    tcpStats(vn).dsackSent++
    addBlock(opt, tcb.dsackStart, tcb.dsackEnd)
    first = 1
  }
  for (let i = 0; i < sackRecent.length && opt.sackCount < TCP_MAX_SACK; i++) {
    const k = rangeOf(reass, sackRecent[i])
    if (k >= 0 && !isListed(opt, first, reass[k])) addBlock(opt, reass[k], reass[k + 1])
  }
  for (let k = 0; k < reass.length && opt.sackCount < TCP_MAX_SACK; k += 2) {
    if (!isListed(opt, first, reass[k])) addBlock(opt, reass[k], reass[k + 1])
  }
  // the writer knows of timestamps, but not of the signature that comes last
  if ((vn.state.tcp.keys.length | vn.state.tcp.ao.keys.length) !== 0) opt.sackCount = Math.min(opt.sackCount, blocksThatFit(vn, tcb))
  tcpStats(vn).sackSendBlocks++
}

/** Beside timestamps and a signature. */
function blocksThatFit(vn: Vn, tcb: Tcb): number {
  const used = ((tcb.flags & TF_TSTMP) !== 0 ? TCPOLEN_TSTAMP_APPA : 0) +
    tcpSignatureLen(vn, tcb.inp.lport, tcb.inp.faddr)
  return Math.floor((TCP_MAXOLEN - used - SACK_LEAD) / TCPOLEN_SACK)
}

/** A segment at `seq` went into the parked range [start, end): that is the one to be told of first. */
export function tcpSackChanged(tcb: Tcb, seq: Seq, start: Seq, end: Seq): void {
  const { sackRecent } = tcb
  let kept = 0
  for (let i = 0; i < sackRecent.length; i++) {
    const other = sackRecent[i]
    // gone to the reader, or part of the same range
    if (seqLt(other, tcb.rcvNxt) || (seqGeq(other, start) && seqLt(other, end))) continue
    sackRecent[kept++] = other
  }
  sackRecent.length = Math.min(kept, TCP_MAX_SACK - 1)
  sackRecent.unshift(seq)
}

/** [start, end) came a second time; the next ACK, and only that, says so (RFC 2883 §4 (1), (2)). */
export function tcpDsack(vn: Vn, tcb: Tcb, start: Seq, end: Seq): void {
  if ((tcb.flags & TF_SACK_PERMIT) === 0 || vn.state.sysctl['net.inet.tcp.sack.dsack'] === 0) return
  tcb.dsackStart = start
  tcb.dsackEnd = end
}

/** As tcpDsack, for the part of a segment's text that lies before rcvNxt. */
export function tcpDsackOld(vn: Vn, tcb: Tcb, seg: Seg): void {
  if (seg.len > 0 && seqLt(seg.seq, tcb.rcvNxt)) {
    tcpDsack(vn, tcb, seg.seq, seqMin(seqAdd(seg.seq, seg.len), tcb.rcvNxt))
  }
}

/** The ACK with the D-SACK block has gone. */
export function tcpDsackSent(tcb: Tcb): void {
  tcb.dsackEnd = tcb.dsackStart
}

function addBlock(opt: TcpOptions, start: Seq, end: Seq): void {
  const at = opt.sackCount++ * 2
  opt.sack[at] = start
  opt.sack[at + 1] = end
}

/** Ranges are apart, so the left edge tells them from each other; a D-SACK block (before `first`) is none of them. */
function isListed(opt: TcpOptions, first: number, start: Seq): boolean {
  for (let i = first; i < opt.sackCount; i++) if (opt.sack[i * 2] === start) return true
  return false
}

/** Place of the range that holds `seq`, or −1. */
function rangeOf(reass: readonly Seq[], seq: Seq): number {
  let low = 0
  let high = reass.length / 2
  while (low < high) {
    const mid = low + high >> 1
    if (seqGeq(seq, reass[mid * 2 + 1])) low = mid + 1
    else high = mid
  }
  return low * 2 < reass.length && seqGeq(seq, reass[low * 2]) ? low * 2 : -1
}
