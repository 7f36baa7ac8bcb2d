/** Windows that the algorithms have in common: the initial one and the one after an idle time. */

import type { Vn } from '../../kern/vn.ts'
import type { Tcb } from '../state.ts'

/** RFC 6928 §2: ten segments, but not more than 14,600 bytes where segments are larger than usual. */
const INITIAL_BYTES = 14_600

/** The initial window in bytes (RFC 6928 §2). */
export function ccInitialWindow(vn: Vn, tcb: Tcb): number {
  const segments = vn.state.sysctl['net.inet.tcp.initcwnd_segments'] * tcb.mss
  return Math.min(segments, Math.max(2 * tcb.mss, INITIAL_BYTES))
}

/** RFC 5681 §4.1: after an idle time of a timeout no more than the restart window. */
export function ccRestart(vn: Vn, tcb: Tcb): void {
  if (vn.state.sysctl['net.inet.tcp.slow_start_after_idle'] === 0) return
  tcb.cwnd = Math.min(tcb.cwnd, ccInitialWindow(vn, tcb))
}

/** For what an algorithm has nothing to do about. */
export function ccNothing(): void {
  // that is all
}
