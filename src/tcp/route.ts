/** The way back of connections that the peer opened by a source route (RFC 9293 §3.9.2.1, RFC 1122 §4.2.3.8). */

import { inetReturnRoute } from '../inet/ipopt.ts'
import { INP_PASSIVE } from '../inet/state.ts'
import type { Inpcb } from '../inet/state.ts'
import type { Vn } from '../kern/vn.ts'
import type { Frame } from '../lib/frame.ts'
import { seqAdd, seqGeq, seqLeq, seqLt } from '../lib/seq.ts'
import { TH_ACK, TH_RST } from '../wire/tcp.ts'
import { tcpMssUpdate } from './mss.ts'
import type { Seg, Tcb } from './state.ts'
import { tcpRcvWnd } from './window.ts'

/** Keeps the reverse of the source route that the packet in `f` came by, in place of an earlier one (MUST-53, SHLD-24). */
export function tcpRouteBack(vn: Vn, inp: Inpcb, f: Frame): void {
  const route = inetReturnRoute(vn, f)
  if (route.length > 0) inp.ipRoute = route
}

/**
 * A segment with IP options for a connection: where the peer opened it, its source route is the newest. Only one that is in the
 * window and acknowledges what may be acknowledged: somebody else's guess shall not lead the connection astray.
 */
export function tcpRouteInput(vn: Vn, tcb: Tcb, f: Frame, seg: Seg): void {
  if ((tcb.inp.options & INP_PASSIVE) === 0 || (seg.flags & (TH_ACK | TH_RST)) !== TH_ACK) return
  const ahead = seqGeq(seg.seq, tcb.rcvNxt) && seqLt(seg.seq, seqAdd(tcb.rcvNxt, Math.max(1, tcpRcvWnd(tcb))))
  if (!ahead || !seqGeq(seg.ack, tcb.sndUna) || !seqLeq(seg.ack, tcb.sndMax)) return
  tcpRouteBack(vn, tcb.inp, f)
  tcpMssUpdate(vn, tcb)
}
