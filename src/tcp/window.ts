/** The receive window we offer (RFC 9293 §3.8.6.2.2): it never shrinks, and it does not open in small steps. */

import type { Seq } from '../lib/seq.ts'
import { seqAdd, seqDiff, seqGt } from '../lib/seq.ts'
import { TCP_MAXWIN } from '../wire/tcp.ts'
import { TCP_MAX_WINSHIFT } from '../wire/tcp-options.ts'
import type { Vn } from '../kern/vn.ts'
import { tcpRcvLimit } from './quota.ts'
import { TF_CANTRCVMORE } from './state.ts'
import type { Tcb } from './state.ts'

/** Bytes that may still come from rcvNxt on: what was promised, whether or not there is room. */
export function tcpRcvWnd(tcb: Tcb): number {
  return Math.max(0, seqDiff(tcb.rcvAdv, tcb.rcvNxt))
}

/**
 * The window to be advertised now, in bytes: the free space, but the old right edge until the gain is worth it
 * (MUST-39). Data parked out of order lies inside the window and does not count as used.
 */
export function tcpWindow(vn: Vn, tcb: Tcb): number {
  const promised = tcpRcvWnd(tcb)
  const most = mostOffered(tcb)
  const limit = tcpRcvLimit(vn, tcb)
  const space = tcpRcvSpace(tcb, limit)
  // where the field (or the user) is the limit and not the buffer, the edge moves with the data
  if (space >= most) return Math.max(most, Math.min(promised, fieldMost(tcb)))
  if (vn.state.sysctl['net.inet.tcp.recvwin_follow'] === 1) {
    return Math.max(space < limit / 4 && space < tcb.mss ? 0 : space, Math.min(promised, fieldMost(tcb)))
  }
  return space - promised >= Math.min(limit / 2, tcb.mss) ? space : Math.min(promised, fieldMost(tcb))
}

/**
 * The 16-bit field for a window of `wnd` bytes. An old right edge is rounded up, so that it is not taken back, as long
 * as the buffer is overdrawn by less than one unit; past that the edge on the wire moves left by less than a unit,
 * while rcvAdv, up to which data is accepted, stays (RFC 7323 §2.4).
 */
export function tcpWindowField(vn: Vn, tcb: Tcb, wnd: number): number {
  const unit = 1 << tcb.rcvWscale
  const up = Math.ceil(wnd / unit)
  const field = wnd <= tcpRcvWnd(tcb) && up * unit < tcpRcvSpace(tcb, tcpRcvLimit(vn, tcb)) + unit ? up : Math.floor(wnd / unit)
  return Math.min(field, TCP_MAXWIN)
}

/** Remembers that `field` goes out with an ACK of rcvNxt. */
export function tcpWindowSent(tcb: Tcb, field: number): void {
  const edge: Seq = seqAdd(tcb.rcvNxt, field << tcb.rcvWscale)
  if (seqGt(edge, tcb.rcvAdv)) tcb.rcvAdv = edge
}

/**
 * The reader has made so much room that the sender should hear of it at once: two segments at least, and either much
 * of the buffer or a window that had become small; or half the buffer (RFC 9293 §3.8.6.2.2, FreeBSD's measure).
 */
export function tcpWindowWorthTelling(vn: Vn, tcb: Tcb): boolean {
  const promised = tcpRcvWnd(tcb)
  const limit = tcpRcvLimit(vn, tcb)
  const gain = Math.min(tcpRcvSpace(tcb, limit), mostOffered(tcb)) - promised
  const { mss } = tcb
  if (gain >= 2 * mss && (gain >= limit / 4 || promised <= limit / 8 || limit <= 8 * mss)) return true
  return gain > 0 && gain * 2 >= limit
}

/** Shift for the receive buffer; leaves room for it to grow to recvbuf_max (RFC 7323 §2.2). */
export function tcpWscaleFor(vn: Vn, tcb: Tcb): number {
  const most = Math.min(tcpWindowClamp(tcb), Math.max(tcb.rcvLimit, vn.state.sysctl['net.inet.tcp.recvbuf_max']))
  let shift = 0
  while (shift < TCP_MAX_WINSHIFT && TCP_MAXWIN * 2 ** shift < most) shift++
  return shift
}

/** The largest window that the user allows. */
export function tcpWindowClamp(tcb: Tcb): number {
  return tcb.user.windowClamp > 0 ? tcb.user.windowClamp : Infinity
}

/** What the field can say. */
function fieldMost(tcb: Tcb): number {
  return TCP_MAXWIN << tcb.rcvWscale
}

function mostOffered(tcb: Tcb): number {
  return tcb.user.windowClamp > 0 ? Math.min(tcb.user.windowClamp, fieldMost(tcb)) : fieldMost(tcb)
}

/** Free space of the receive buffer; whatever comes after shutdown for reading is thrown away, so it takes none. */
function tcpRcvSpace(tcb: Tcb, limit: number): number {
  return (tcb.flags & TF_CANTRCVMORE) !== 0 ? tcb.rcvLimit : Math.max(0, limit - tcb.rcvBuf.len)
}
