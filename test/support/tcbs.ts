/** Blocks of TCP sockets for tests that look inside, whether they sleep (tcp/dormant.ts) or not. */

import type { Vn } from '../../src/kern/vn.ts'
import { tcbAwake } from '../../src/tcp/dormant.ts'
import { tcbSeen } from '../../src/tcp/state-dormant.ts'
import type { Tcb, TcpState } from '../../src/tcp/state.ts'

/** To look at. */
export function tcbsSeen(tcp: TcpState): Tcb[] {
  return [...tcp.tcbs.values()].map((record) => tcbSeen(record))
}

/** To look at. */
export function tcbSeenIn(tcp: TcpState, id: number): Tcb | undefined {
  const record = tcp.tcbs.get(id)
  return record === undefined ? undefined : tcbSeen(record)
}

/** To be changed. */
export function tcbsAwake(vn: Vn): Tcb[] {
  return [...vn.state.tcp.tcbs.values()].map((record) => tcbAwake(vn, record))
}
