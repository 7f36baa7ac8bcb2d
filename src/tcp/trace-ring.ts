/**
 * The ring of the event trace: its records, whose they are, and how one finds what came before. Rows of TRACE_WIDTH numbers, by
 * id modulo the limit; trace.ts says what goes into them, trace-read.ts what they mean.
 */

import type { Vn } from '../kern/vn.ts'
import { seqAdd, seqGt, seqLt, toSeq } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { TH_FIN, TH_SYN } from '../wire/tcp.ts'
import { TRACE_WIDTH } from './state-trace.ts'
import type { TcpTrace } from './state-trace.ts'
import type { Tcb } from './state.ts'
import { R_ADDR, R_FLAGS, R_KIND, R_LEN, R_PORTS, R_SEQ, TR_OUT } from './trace-words.ts'

/** TcpTrace.on: every connection; those that asked for it. */
export const TRACE_ALL = 1
export const TRACE_SOME = 2

/** Records of the ring where only single sockets are traced. */
const DEFAULT_RECORDS = 1024
/** How far back the segment that another answers is looked for. */
const LOOK_BACK = 512

/** Adds a record and returns its id, or 0 where the socket is not traced. */
export function traceWrite(
  trace: TcpTrace, kind: number, sock: number, cause: number, ports: number, addr: number, flags: number, seq: number,
  ack: number, len: number, win: number, cwnd: number, why: number, arg: number,
): number {
  if (!isTraced(trace, sock)) return 0
  const id = trace.next++
  const { records } = trace
  const i = place(trace, id)
  if (i === records.length) {
    records.push(trace.at, kind, sock, cause, ports, addr, flags, seq, ack, len, win, cwnd, why, arg)
    return id
  }
  const row = [trace.at, kind, sock, cause, ports, addr, flags, seq, ack, len, win, cwnd, why, arg]
  for (let k = 0; k < TRACE_WIDTH; k++) records[i + k] = row[k]
  return id
}

/** A record about a connection as it is now; returns its id, or 0. */
export function traceTcb(trace: TcpTrace, kind: number, tcb: Tcb, cause: number, why: number, arg: number): number {
  return traceWrite(
    trace, kind, tcb.inp.id, cause, portsOf(tcb), tcb.inp.faddr.w3, 0, tcb.sndUna, tcb.rcvNxt, 0, tcb.sndWnd, tcb.cwnd, why,
    arg)
}

/** Place of record `id`, which must be one of the ring's. */
export function place(trace: TcpTrace, id: number): number {
  return (id - trace.first) % trace.limit * TRACE_WIDTH
}

/** The oldest id that is still there. */
export function oldestRecord(trace: TcpTrace): number {
  return Math.max(trace.first, trace.next - trace.limit)
}

/** Whether records of the socket are kept. */
export function isTraced(trace: TcpTrace, sock: number): boolean {
  return (trace.on & TRACE_ALL) !== 0 || trace.sockets.has(sock)
}

/** Takes over what the sysctl and the sockets ask for. */
export function traceConfigure(vn: Vn, trace: TcpTrace): void {
  const asked = vn.state.sysctl['net.inet.tcp.trace']
  const limit = asked > 0 ? asked : trace.sockets.size > 0 ? DEFAULT_RECORDS : trace.limit
  trace.asked = asked
  trace.on = (asked > 0 ? TRACE_ALL : 0) | (trace.sockets.size > 0 ? TRACE_SOME : 0)
  // what was recorded can be read also when nothing is added
  if (limit !== trace.limit) {
    trace.limit = limit
    trace.first = trace.next
    trace.records = []
    for (const conn of trace.conns.values()) conn.timers.length = 0
  }
  if (trace.on === 0) trace.conns.clear()
}

/** Both ports in one number, ours first. */
export function portsOf({ inp }: Tcb): number {
  return inp.lport * 65_536 + inp.fport
}

/** The newest record of a segment to the pair that ended at `ack`, or 0. */
export function sentUpTo(trace: TcpTrace, ports: number, addr: number, ack: Seq): number {
  const oldest = Math.max(oldestRecord(trace), trace.next - LOOK_BACK)
  for (let id = trace.next - 1; id >= oldest; id--) {
    const i = place(trace, id)
    const r = trace.records
    if (r[i + R_KIND] !== TR_OUT || r[i + R_PORTS] !== ports || r[i + R_ADDR] !== addr) continue
    const controls = (r[i + R_FLAGS] & (TH_SYN | TH_FIN)) !== 0 ? 1 : 0
    if (r[i + R_LEN] + controls > 0 && seqAdd(toSeq(r[i + R_SEQ]), r[i + R_LEN] + controls) === ack) return id
  }
  return 0
}

/** The newest record of a segment to the pair in which `seq` lies, or 0. */
export function sentAt(trace: TcpTrace, ports: number, addr: number, seq: Seq): number {
  const oldest = Math.max(oldestRecord(trace), trace.next - LOOK_BACK)
  for (let id = trace.next - 1; id >= oldest; id--) {
    const i = place(trace, id)
    const r = trace.records
    if (r[i + R_KIND] !== TR_OUT || r[i + R_PORTS] !== ports || r[i + R_ADDR] !== addr) continue
    const start = toSeq(r[i + R_SEQ])
    if (seq === start || seqGt(seq, start) && seqLt(seq, seqAdd(start, r[i + R_LEN]))) return id
  }
  return 0
}

/** The newest record of a kind about the pair, or 0. */
export function newest(trace: TcpTrace, kind: number, ports: number, addr: number): number {
  const oldest = Math.max(oldestRecord(trace), trace.next - LOOK_BACK)
  for (let id = trace.next - 1; id >= oldest; id--) {
    const i = place(trace, id)
    const r = trace.records
    if (r[i + R_KIND] === kind && r[i + R_PORTS] === ports && r[i + R_ADDR] === addr) return id
  }
  return 0
}
