/** What the event trace keeps (trace.ts). */

import { noItems } from '../lib/empty.ts'
import { createNumberSet, createTable } from '../lib/table.ts'
import type { NumberSet, Table } from '../lib/table.ts'


/** Numbers of a record; what they are is in trace-words.ts. */
export const TRACE_WIDTH = 14

/** What the trace remembers of a connection between two of its records (trace.ts). */
export interface TraceConn {
  /** TCPS_*, TCP_CA_*, ssthresh and cwnd as last told. */
  state: number
  caState: number
  ssthresh: number
  cwnd: number
  /** Records after which the timers were set, by TT_*; 0: none. */
  timers: number[]
}

/**
 * The event trace: a ring of records of TRACE_WIDTH numbers each. Id i has its place at (i − first) % limit; ids below
 * next − limit are overwritten.
 */
export interface TcpTrace {
  /** TRACE_ALL, TRACE_SOME: 0 is off, and the only number that is looked at then. */
  on: number
  /** net.inet.tcp.trace as last seen. */
  asked: number
  limit: number
  first: number
  next: number
  records: number[]
  /** The record that the present event began with, or 0; its time, and the socket it is about. */
  cause: number
  at: number
  sock: number
  /** A call that is recorded once something comes of it (CALL_*), or 0. */
  pending: number
  pendingLen: number
  /** Why the next segment is sent (WHY_*), where that cannot be seen from the event; or 0. */
  why: number
  /** Sockets that are traced singly (TCP_TRACE). */
  sockets: NumberSet
  conns: Table<TraceConn>
}

export function createTcpTrace(): TcpTrace {
  return {
    on: 0, asked: 0, limit: 0, first: 1, next: 1, records: noItems(), cause: 0, at: 0, sock: 0, pending: 0, pendingLen: 0, why: 0,
    sockets: createNumberSet(), conns: createTable(),
  }
}

export function createTraceConn(): TraceConn {
  return { state: 0, caState: 0, ssthresh: 0, cwnd: 0, timers: [] }
}
