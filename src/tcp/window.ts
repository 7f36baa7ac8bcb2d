/** The receive window we offer (RFC 9293 §3.8.6.2.2): it never shrinks, and it does not open in small steps. */

import type { Seq } from '../lib/seq.ts'
import { seqAdd, seqDiff, seqGt } from '../lib/seq.ts'
import { TCP_MAXWIN } from '../wire/tcp.ts'
import { TCP_MAX_WINSHIFT } from '../wire/tcp-options.ts'
import type { Vn } from '../kern/vn.ts'
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
export function tcpWindow(tcb: Tcb): number {
  const promised = tcpRcvWnd(tcb)
  const most = TCP_MAXWIN * 2 ** tcb.rcvWscale
  const space = Math.min(tcpRcvSpace(tcb), most)
  return space - promised >= Math.min(tcb.rcvLimit / 2, tcb.mss) ? space : Math.min(promised, most)
}

/** The 16-bit field for a window of `wnd` bytes; rounded up where rounding down would take back what was promised. */
export function tcpWindowField(tcb: Tcb, wnd: number): number {
  const unit = 2 ** tcb.rcvWscale
  const field = wnd <= tcpRcvWnd(tcb) ? Math.ceil(wnd / unit) : Math.floor(wnd / unit)
  return Math.min(field, TCP_MAXWIN)
}

/** Remembers that `field` goes out with an ACK of rcvNxt. */
export function tcpWindowSent(tcb: Tcb, field: number): void {
  const edge: Seq = seqAdd(tcb.rcvNxt, field * 2 ** tcb.rcvWscale)
  if (seqGt(edge, tcb.rcvAdv)) tcb.rcvAdv = edge
}

/** How far the right edge could move now. */
export function tcpWindowGain(tcb: Tcb): number {
  return Math.min(tcpRcvSpace(tcb), TCP_MAXWIN * 2 ** tcb.rcvWscale) - tcpRcvWnd(tcb)
}

/** Shift for a receive buffer of `limit` bytes; leaves room for the buffer to grow to recvbuf_max (RFC 7323 §2.2). */
export function tcpWscaleFor(vn: Vn, limit: number): number {
  const most = Math.max(limit, vn.state.sysctl['net.inet.tcp.recvbuf_max'])
  let shift = 0
  while (shift < TCP_MAX_WINSHIFT && TCP_MAXWIN * 2 ** shift < most) shift++
  return shift
}

/** Free space of the receive buffer; whatever comes after shutdown for reading is thrown away, so it takes none. */
function tcpRcvSpace(tcb: Tcb): number {
  return (tcb.flags & TF_CANTRCVMORE) !== 0 ? tcb.rcvLimit : Math.max(0, tcb.rcvLimit - tcb.rcvBuf.len)
}
