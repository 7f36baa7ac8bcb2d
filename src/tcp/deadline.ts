/** Deadlines of a connection: set and stopped here, fired in timer.ts. The number in `Tcb.timers` is the truth. */

import { NEVER, TIMER_TCP, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import { TT_2MSL, TT_DELACK, TT_IDLEBUF, TT_KEEP, TT_PACE, TT_PERSIST, TT_PTO, TT_REORDER, TT_REXMT } from './state.ts'
import type { Tcb } from './state.ts'
import { tcpTraceTimerSet } from './trace.ts'

/** The timer fires `delayUs` from now; an earlier setting is forgotten. */
export function tcpTimerSet(vn: Vn, tcb: Tcb, timer: number, delayUs: number): void {
  const at = vn.state.now + delayUs
  tcb.timers[timer] = at
  tcpTraceTimerSet(vn, tcb, timer)
  alarmSet(vn.state.timers, TIMER_TCP, tcb.inp.id, tcb, at)
}

export function tcpTimerStop(tcb: Tcb, timer: number): void {
  tcb.timers[timer] = NEVER
}

export function tcpTimerOn(tcb: Tcb, timer: number): boolean {
  return tcb.timers[timer] !== NEVER
}

export function tcpTimerStopAll(tcb: Tcb): void {
  tcb.timers.fill(NEVER)
}

/** The earliest deadline of the connection, or NEVER. */
export function tcpTimerNext(tcb: Tcb): number {
  const t = tcb.timers
  return Math.min(
    t[TT_REXMT], t[TT_PERSIST], t[TT_KEEP], t[TT_2MSL], t[TT_DELACK], t[TT_IDLEBUF], t[TT_PACE],
    t[TT_REORDER], t[TT_PTO],
  )
}
