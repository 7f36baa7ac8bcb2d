/**
 * Proportional rate reduction (RFC 6937 §3) with the slow-start reduction bound: during fast recovery the window shrinks
 * to ssthresh in step with what arrives. cwnd is what is in flight and what this ACK lets out on top.
 */

import { seqDiff } from '../lib/seq.ts'
import { sentPipe } from './sent.ts'
import type { Tcb } from './state.ts'

/** Fast recovery begins with an ACK (or timer) that reported `delivered` bytes. */
export function prrEnter(tcb: Tcb, delivered: number): void {
  const { rec } = tcb
  // what was SACKed before will not be counted as delivered, so it is no part of the flight either
  rec.recoverFs = Math.max(1, seqDiff(tcb.sndMax, tcb.sndUna) - Math.max(0, tcb.sent.sacked - delivered))
  rec.prrDelivered = 0
  rec.prrOut = 0
}

/** An ACK (or a timer that found losses) during fast recovery: sets cwnd. `delivered` are the bytes that it reported. */
export function prrUpdate(tcb: Tcb, delivered: number): void {
  const { rec, mss, ssthresh } = tcb
  rec.prrDelivered += delivered
  const pipe = sentPipe(tcb)
  let count: number
  if (pipe > ssthresh) {
    // the RFC's examples count segments: a part of one rounds up
    count = Math.ceil(rec.prrDelivered * ssthresh / rec.recoverFs / mss) * mss - rec.prrOut
  } else {
    const limit = Math.max(rec.prrDelivered - rec.prrOut, delivered) + mss
    count = Math.min(ssthresh - pipe, limit)
  }
  // the fast retransmit itself goes in any case (RFC 5681 §3.2 step 2)
  if (rec.prrOut === 0) count = Math.max(count, mss)
  tcb.cwnd = pipe + Math.max(0, count)
}
