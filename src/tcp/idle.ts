/**
 * Memory of idle connections. A busy buffer runs empty many times a second and keeps its memory; one of a connection that has
 * been idle for a second gives it back. (Bench `memory`: giving it back at once cost a fifth of the time of a bulk transfer; records of
 * what is in flight, which go with it, a seventh over TAP.)
 */

import type { Vn } from '../kern/vn.ts'
import { ringClear, ringIsRoomy } from '../lib/bytering.ts'
import type { ByteRing } from '../lib/bytering.ts'
import { tcpTimerSet } from './deadline.ts'
import { tcpIdleArm, tcpSleeps } from './dormant.ts'
import { sentIdle } from './sent.ts'
import { TCPS_CLOSED, TT_IDLEBUF } from './state.ts'
import type { Tcb } from './state.ts'

/** Without sleep: how long a buffer is empty before its memory goes. */
const IDLE_US = 1_000_000

/** To be called after bytes have left a buffer of the connection. */
export function tcpBufferDrained(vn: Vn, tcb: Tcb, ring: ByteRing): void {
  if (ring.len !== 0) return
  const roomy = ringIsRoomy(ring)
  // one that is over will not need it again
  if (tcb.state === TCPS_CLOSED && roomy) ringClear(ring)
  else if (tcpSleeps(vn)) tcpIdleArm(vn, tcb)
  else if (roomy) tcpTimerSet(vn, tcb, TT_IDLEBUF, IDLE_US)
}

/** TT_IDLEBUF went off, and the connection is idle. */
export function tcpBuffersIdle(tcb: Tcb): void {
  if (ringIsRoomy(tcb.sndBuf)) {
    ringClear(tcb.sndBuf)
    sentIdle(tcb.sent)
  }
  // parked data lies behind the readable bytes
  if (ringIsRoomy(tcb.rcvBuf) && tcb.reass.length === 0) ringClear(tcb.rcvBuf)
}
