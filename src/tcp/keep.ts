/** Settings of keep-alive (RFC 9293 §3.8.4): the connection's own, else the Vnet's. Off unless asked for (MUST-25). */

import { INP_KEEPALIVE } from '../inet/state.ts'
import type { Vn } from '../kern/vn.ts'
import { tcpTimerSet, tcpTimerStop } from './deadline.ts'
import { TT_KEEP } from './state.ts'
import type { Tcb } from './state.ts'

/** Starts keep-alive on a connection that is established, or stops it; also the end of the handshake's time limit. */
export function tcpKeepArm(vn: Vn, tcb: Tcb): void {
  tcb.keepProbes = 0
  if (tcpKeepOn(vn, tcb)) tcpTimerSet(vn, tcb, TT_KEEP, tcpKeepIdleUs(vn, tcb))
  else tcpTimerStop(tcb, TT_KEEP)
}

export function tcpKeepIdleUs(vn: Vn, tcb: Tcb): number {
  return (tcb.keepIdleMs > 0 ? tcb.keepIdleMs : vn.state.sysctl['net.inet.tcp.keepidle']) * 1000
}

export function tcpKeepIntvlUs(vn: Vn, tcb: Tcb): number {
  return (tcb.keepIntvlMs > 0 ? tcb.keepIntvlMs : vn.state.sysctl['net.inet.tcp.keepintvl']) * 1000
}

export function tcpKeepCnt(vn: Vn, tcb: Tcb): number {
  return tcb.keepCnt > 0 ? tcb.keepCnt : vn.state.sysctl['net.inet.tcp.keepcnt']
}

export function tcpKeepOn(vn: Vn, tcb: Tcb): boolean {
  return (tcb.inp.options & INP_KEEPALIVE) !== 0 || vn.state.sysctl['net.inet.tcp.always_keepalive'] === 1
}
