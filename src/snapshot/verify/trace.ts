/** The event trace: a ring that is as long as it says, and no memory of connections that are gone. */

import type { TcpState } from '../../tcp/state.ts'
import { TRACE_WIDTH } from '../../tcp/state-trace.ts'
import { demand } from '../fault.ts'

/** Most that net.inet.tcp.trace may say. */
const LIMIT_MAX = 1_000_000

export function verifyTrace({ tcbs, trace }: TcpState): void {
  const path = '.tcp.trace'
  demand(trace.limit <= LIMIT_MAX && trace.asked <= LIMIT_MAX, `${path}.limit`, 'longer than may be')
  demand(trace.on === 0 || trace.limit > 0, `${path}.limit`, 'on, and no room')
  demand(trace.first >= 1 && trace.first <= trace.next, `${path}.first`, 'behind the next')
  demand(trace.cause < trace.next, `${path}.cause`, `${trace.cause} is not written yet`)
  const held = Math.min(trace.next - trace.first, trace.limit)
  demand(trace.records.length === held * TRACE_WIDTH, `${path}.records`, `${trace.records.length} numbers for ${held} records`)
  for (const id of trace.sockets) demand(tcbs.has(id), `${path}.sockets`, `no socket ${id}`)
  for (const [id, conn] of trace.conns) {
    demand(tcbs.has(id), `${path}.conns`, `no socket ${id}`)
    demand(conn.timers.length <= 64, `${path}.conns[${id}].timers`, 'more timers than there are')
  }
}
