/**
 * Memory of idle connections. A busy buffer runs empty many times a second and keeps its memory; one that has been
 * empty for a second gives it back. (Bench `memory`: giving it back at once cost a fifth of the time of a bulk
 * transfer; records of what is in flight, which go with it, a seventh over TAP.)
 */

import type { Vn } from '../kern/vn.ts'
import { ringClear, ringIsRoomy } from '../lib/bytering.ts'
import type { ByteRing } from '../lib/bytering.ts'
import { tcpTimerSet } from './deadline.ts'
import { sentIdle } from './sent.ts'
import { TCPS_CLOSED, TT_IDLEBUF } from './state.ts'
import type { Tcb } from './state.ts'

const IDLE_US = 1_000_000

/** To be called after bytes have left a buffer of the connection. */
export function tcpBufferDrained(vn: Vn, tcb: Tcb, ring: ByteRing): void {
  if (!ringIsRoomy(ring)) return
  // a closed connection has no timers, and will not need it again
  if (tcb.state === TCPS_CLOSED) ringClear(ring)
  else tcpTimerSet(vn, tcb, TT_IDLEBUF, IDLE_US)
}

/** TT_IDLEBUF went off: no buffer of the connection has run empty for as long. */
export function tcpBuffersIdle(tcb: Tcb): void {
  if (ringIsRoomy(tcb.sndBuf)) {
    ringClear(tcb.sndBuf)
    sentIdle(tcb.sent)
  }
  // parked data lies behind the readable bytes
  if (ringIsRoomy(tcb.rcvBuf) && tcb.reass.length === 0) ringClear(tcb.rcvBuf)
}
