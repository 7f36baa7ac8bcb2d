/**
 * One ACK for a batch: while an ACK still waits to be drained, the next one of its connection brings it up to date
 * instead of following it (RFC 3449 §5.2.2 does that to ACKs in a queue; receivers that merge segments as they come in
 * acknowledge no oftener). Every ACK that goes into a TAP runs the kernel's TCP in our own system call: with one for
 * every second segment that was two fifths of the time of a bulk transfer (`npm run bench:peers`, rxPlainGbps).
 *
 * Only what is superseded goes: never a duplicate, a SACK block, an echo of congestion, or a window alone.
 */

import type { Vn } from '../kern/vn.ts'
import { inetChecksumSet } from '../inet/checksum.ts'
import type { Frame } from '../lib/frame.ts'
import { seqDiff, seqGt } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { TCP_ACK, TCP_HDR_LEN, TCP_SUM, TCP_WIN, tcpAck } from '../wire/tcp.ts'
import { TOF_TS, tcpOptionsReset, tcpWriteOptions } from '../wire/tcp-options.ts'
import { tcpTsNow } from './isn.ts'
import { tcpSackPending } from './sackgen.ts'
import { ECN_ECE, TF_TSTMP } from './state.ts'
import type { Tcb } from './state.ts'
import { tcpWindow, tcpWindowField } from './window.ts'
import { tcpStats } from './stats.ts'
import { tcpOpt } from './state-scratch.ts'

/** The ACK that `tcb` owes is in a frame that has not left yet: returns its window field, or −1 where it needs its own. */
export function tcpAckMerge(vn: Vn, tcb: Tcb): number {
  const { merge, txq } = vn
  const f = merge.frame
  if (f === null || merge.sock !== tcb.inp.id || txq[txq.length - 1] !== f) return -1
  if (!seqGt(tcb.rcvNxt, tcpAck(f.view, f.l4)) || seqDiff(tcb.rcvNxt, merge.from) > vn.state.sysctl['net.inet.tcp.ackmerge_max'] ||
    !plain(tcb)) return -1
  const field = tcpWindowField(vn, tcb, tcpWindow(vn, tcb))
  f.view.setInt32(f.l4 + TCP_ACK, tcb.rcvNxt)
  f.view.setUint16(f.l4 + TCP_WIN, field)
  writeTimestamp(vn, tcb, f)
  inetChecksumSet(f, f.l4 + TCP_SUM)
  tcpStats(vn).sndackmerged++
  return field
}

/** `f`, with nothing but an ACK of `hdrLen` octets, has been handed to the network layer; the one before said `last`. */
export function tcpAckQueued(vn: Vn, tcb: Tcb, f: Frame, hdrLen: number, last: Seq): void {
  const { merge, txq } = vn
  merge.frame = null
  const { keys, ao } = vn.state.tcp
  const opt = tcpOpt(vn)
  // padded, waiting for the neighbour's address, on its way back to us, or signed
  if (txq.length === 0 || txq[txq.length - 1] !== f || f.off + f.len - f.l4 !== hdrLen || (keys.length | ao.keys.length) !== 0) return
  if (!seqGt(tcb.rcvNxt, last) || (opt.flags & ~TOF_TS) !== 0 || !plain(tcb)) return
  merge.frame = f
  merge.sock = tcb.inp.id
  merge.from = last
}

/** An ACK of `tcb` says nothing but its number, its window and the time. */
function plain(tcb: Tcb): boolean {
  return !tcpSackPending(tcb) && (tcb.ecn & ECN_ECE) === 0 && !seqGt(tcb.sndUp, tcb.sndUna) && tcb.quickAcks === 0
}

function writeTimestamp(vn: Vn, tcb: Tcb, f: Frame): void {
  if ((tcb.flags & TF_TSTMP) === 0) return
  const opt = tcpOpt(vn)
  tcpOptionsReset(opt)
  opt.flags = TOF_TS
  opt.tsVal = tcpTsNow(vn, tcb.tsOffset)
  opt.tsEcr = tcb.tsRecent
  tcpWriteOptions(f.view, f.l4 + TCP_HDR_LEN, opt, false)
}
