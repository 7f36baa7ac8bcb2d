/** What is saved of TCP's event trace: all of it, so that a copy can tell what was before it. */

import { TCPS_CLOSED, TCPS_TIME_WAIT } from '../../tcp/state.ts'
import { createTcpTrace, createTraceConn } from '../../tcp/state-trace.ts'
import type { TcpTrace, TraceConn } from '../../tcp/state-trace.ts'
import { AMOUNT, BYTE, COUNT, int, list, real, record, SAFE_MAX, setOf, table } from '../node.ts'

const TRACE_CONN = record<TraceConn>(createTraceConn, {
  state: int(TCPS_CLOSED, TCPS_TIME_WAIT), caState: BYTE, ssthresh: AMOUNT, cwnd: AMOUNT, timers: list(COUNT),
})

export const TRACE = record<TcpTrace>(createTcpTrace, {
  on: int(0, 3), asked: COUNT, limit: COUNT, first: COUNT, next: COUNT, records: list(real(-SAFE_MAX, SAFE_MAX)),
  cause: COUNT, at: AMOUNT, sock: COUNT, pending: BYTE, pendingLen: AMOUNT, why: BYTE, sockets: setOf(COUNT),
  conns: table(COUNT, TRACE_CONN),
})
