/**
 * Buffers that grow with the path (dynamic right-sizing, RFC 7323 §1.3's reason): the receive buffer keeps ahead of what
 * comes in a round trip, the send buffer of what may be in flight. They never shrink, so no window is taken back
 * (RFC 7323 §2.4), and a size that the user set stays.
 */

import type { Vn } from '../kern/vn.ts'
import { seqDiff } from '../lib/seq.ts'
import { TCP_MAXWIN } from '../wire/tcp.ts'
import { tcpPressed } from './quota.ts'
import { TF_FASTRECOVERY } from './state.ts'
import type { Tcb } from './state.ts'
import { tcpStats } from './stats.ts'

/** Tcb.bufFixed: SO_RCVBUF or SO_SNDBUF was set. */
export const BUF_RCV_FIXED = 1
export const BUF_SND_FIXED = 2

/**
 * In-order data came, and half a round trip is over since the last look: a sender that fills three quarters of the
 * buffer in a round trip may soon be held back by it, so it doubles. (The round trip is that of an empty path, where
 * this side sends little itself: a queue that our own window fills does not make the window larger.)
 */
export function tcpRcvTune(vn: Vn, tcb: Tcb): void {
  const { now, sysctl } = vn.state
  const { srtt, rcvLimit } = tcb
  // −1: nothing came yet, or a gap was filled and what came then came in more than this round trip
  const started = tcb.rcvTuneAt >= 0
  const elapsed = now - tcb.rcvTuneAt
  const came = seqDiff(tcb.rcvNxt, tcb.rcvTuneSeq)
  tcb.rcvTuneAt = now
  tcb.rcvTuneSeq = tcb.rcvNxt
  if (!started || sysctl['net.inet.tcp.recvbuf_auto'] === 0 || (tcb.bufFixed & BUF_RCV_FIXED) !== 0) return
  const most = Math.min(
    sysctl['net.inet.tcp.recvbuf_max'], sysctl['kern.ipc.maxsockbuf'], TCP_MAXWIN * 2 ** tcb.rcvWscale)
  if (rcvLimit >= most || tcpPressed(vn) || came * srtt * 4 <= rcvLimit * elapsed * 3) return
  tcb.rcvLimit = Math.min(2 * rcvLimit, most)
  tcpStats(vn).rcvbufGrown++
}

/**
 * An ACK with window `wnd` came for a user who has more to send than the buffer takes: it grows to twice what may be in flight, one half
 * on its way and one to follow, by multiples of sendbuf_inc.
 */
export function tcpSndTune(vn: Vn, tcb: Tcb, wnd: number): void {
  const { sysctl } = vn.state
  // in fast recovery cwnd counts what has left the network, too (RFC 5681 §3.2)
  if (sysctl['net.inet.tcp.sendbuf_auto'] === 0 || (tcb.bufFixed & BUF_SND_FIXED) !== 0 ||
    (tcb.flags & TF_FASTRECOVERY) !== 0) return
  const most = Math.min(sysctl['net.inet.tcp.sendbuf_max'], sysctl['kern.ipc.maxsockbuf'])
  const wanted = 2 * Math.min(wnd, tcb.cwnd)
  if (wanted <= tcb.sndLimit || tcpPressed(vn) || tcb.sndLimit >= most) return
  const inc = sysctl['net.inet.tcp.sendbuf_inc']
  tcb.sndLimit = Math.min(Math.ceil(wanted / inc) * inc, most)
  tcpStats(vn).sndbufGrown++
}
