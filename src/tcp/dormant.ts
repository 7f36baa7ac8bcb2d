/**
 * Sleep of connections and listeners that have had nothing to do for net.inet.tcp.idlesleep: their block gives way to a small record,
 * and is made again when a segment, a call or a timer needs it. Nobody outside can tell the difference, but by the memory. (Bench
 * `bench:peers`, idleConnectionBytes.)
 */

import { NEVER, TIMER_TCP, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import { tableIn } from '../lib/table.ts'
import { dormantOf, isDormant, tcbIsQuiet, tcbOfDormant } from './state-dormant.ts'
import type { Dormant, TcpSocketRecord } from './state-dormant.ts'
import { TCPS_CLOSED, TT_IDLEBUF } from './state.ts'
import type { Tcb } from './state.ts'

/** The block of a socket, awake; undefined for an id that does not exist. */
export function tcbOf(vn: Vn, id: number): Tcb | undefined {
  const record = vn.state.tcp.tcbs.get(id)
  return record === undefined || !isDormant(record) ? record : wake(vn, record)
}

/** The block of a record that was found, awake; null for null. */
export function tcbAwake(vn: Vn, record: TcpSocketRecord): Tcb
export function tcbAwake(vn: Vn, record: TcpSocketRecord | null): Tcb | null
export function tcbAwake(vn: Vn, record: TcpSocketRecord | null): Tcb | null {
  return record === null || !isDormant(record) ? record : wake(vn, record)
}

/** Whether idle connections sleep here at all. */
export function tcpSleeps(vn: Vn): boolean {
  return vn.state.sysctl['net.inet.tcp.idlesleep'] > 0
}

/** The connection (or the listener) has nothing to do just now: it is looked at again later. One that is over has no timers. */
export function tcpIdleArm(vn: Vn, tcb: Tcb): void {
  if (!tcpSleeps(vn) || tcb.state === TCPS_CLOSED || tcb.timers[TT_IDLEBUF] !== NEVER) return
  const at = vn.state.now + vn.state.sysctl['net.inet.tcp.idlesleep'] * 1000
  // past the trace: nobody wants to know
  tcb.timers[TT_IDLEBUF] = at
  alarmSet(vn.state.timers, TIMER_TCP, tcb.inp.id, tcb, at)
}

/** True once nothing has come or gone for that long. */
export function tcpIsIdle(vn: Vn, tcb: Tcb): boolean {
  return vn.state.now - Math.max(tcb.rcvAt, tcb.sndAt) >= vn.state.sysctl['net.inet.tcp.idlesleep'] * 1000
}

/** Puts the block to sleep where it can; not while connections are traced, which look at their blocks. */
export function tcpSleep(vn: Vn, tcb: Tcb): void {
  if (!tcpSleeps(vn) || vn.state.tcp.trace.on !== 0 || !tcbIsQuiet(tcb)) return
  // what the log was is of no use to anybody
  tcb.sent.log.length = 0
  tcb.sent.head = 0
  tableIn(vn.state.tcp, 'tcbs').set(tcb.inp.id, dormantOf(tcb))
}

function wake(vn: Vn, record: Dormant): Tcb {
  const tcb = tcbOfDormant(record)
  tableIn(vn.state.tcp, 'tcbs').set(tcb.inp.id, tcb)
  tcpIdleArm(vn, tcb)
  return tcb
}
