/**
 * The event trace: why was this sent, why was this dropped. A bounded ring of numbers in the Vnet (net.inet.tcp.trace,
 * TCP_TRACE); every record names the one that caused it, down to the call, the timer or the segment that began the event.
 * Off it costs a test of one number at each hook: the functions on the packet's path do nothing else, so that they are
 * small enough to be inlined. trace-read.ts makes sentences of it.
 */

import type { CtlInput } from '../inet/ctl.ts'
import type { Inpcb } from '../inet/state.ts'
import type { Vn } from '../kern/vn.ts'
import type { Frame } from '../lib/frame.ts'
import { seqDiff, seqGt } from '../lib/seq.ts'
import { setIn, tableIn } from '../lib/table.ts'
import {
  TCP_DPORT, TCP_HDR_LEN, TCP_SPORT, TCP_WIN, TH_FLAGS, TH_SYN, tcpAck, tcpDataOffset, tcpFlags, tcpSeq,
} from '../wire/tcp.ts'
import { tcpCaState } from './ca.ts'
import { tcbOf } from './dormant.ts'
import { TCPS_SYN_SENT, TT_DELACK } from './state.ts'
import type { Seg, Tcb } from './state.ts'
import { createTraceConn } from './state-trace.ts'
import type { TcpTrace, TraceConn } from './state-trace.ts'
import { TCP_STATS_TEXT } from './stats.ts'
import {
  TRACE_SOME, isTraced, newest, place, portsOf, sentAt, sentUpTo, traceConfigure, traceTcb, traceWrite,
} from './trace-ring.ts'
import { traceSendReason } from './trace-why.ts'
import {
  AT_GAP, AT_NEXT, AT_OLD, CALL_RECV, CALL_SETOPT, R_SOCK, TR_CALL,
  TR_CC, TR_DROP, TR_HOLD, TR_ICMP, TR_IN, TR_OUT, TR_STATE, TR_TIMER, WHY_HELD_ACK,
} from './trace-words.ts'

/** Names of the counters of drops, by `arg` of TR_DROP. */
export const TRACE_DROPS: readonly string[] = Object.freeze(Object.keys(TCP_STATS_TEXT))

/** An event of TCP begins: a segment, a timer or a call. Takes over what the sysctl says by now. */
export function tcpTraceBegin(vn: Vn): void {
  const { trace } = vn.state.tcp
  if (trace.asked !== vn.state.sysctl['net.inet.tcp.trace']) traceConfigure(vn, trace)
  if (trace.on !== 0) begin(vn, trace)
}

function begin(vn: Vn, trace: TcpTrace): void {
  trace.cause = 0
  trace.sock = 0
  trace.pending = 0
  trace.why = 0
  trace.at = vn.state.now
  vn.dropped = ''
}

/** The event is over: records what has changed with it, and what was dropped. */
export function tcpTraceEnd(vn: Vn, f: Frame | null): void {
  if (vn.state.tcp.trace.on !== 0) end(vn, f)
}

function end(vn: Vn, f: Frame | null): void {
  const { trace } = vn.state.tcp
  if (vn.dropped !== '') {
    drop(vn, trace, f)
    vn.dropped = ''
  }
  const tcb = tcbOf(vn, trace.sock)
  if (tcb !== undefined) changes(vn, trace, tcb, true)
}

/** The segment of the event, parsed: for the connection `tcb`, or for nobody yet (null). */
export function tcpTraceIn(vn: Vn, f: Frame, seg: Seg, tcb: Tcb | null): void {
  if (vn.state.tcp.trace.on !== 0) segmentIn(vn, f, seg, tcb)
}

function segmentIn(vn: Vn, f: Frame, seg: Seg, tcb: Tcb | null): void {
  const { trace } = vn.state.tcp
  trace.sock = tcb === null ? 0 : tcb.inp.id
  let cause = 0
  let place = AT_NEXT
  if (tcb !== null && tcb.state !== TCPS_SYN_SENT) {
    const from = seqDiff(seg.seq, tcb.rcvNxt)
    place = from > 0 ? AT_GAP : from < 0 ? AT_OLD : AT_NEXT
  }
  // what it acknowledges is what made the peer send it
  if (tcb !== null && seqGt(seg.ack, tcb.sndUna)) cause = sentUpTo(trace, portsOf(tcb), f.src.w3, seg.ack)
  inRecord(trace, f, seg, cause, tcb === null ? 0 : tcb.cwnd, place)
}

/** The segment of the event turns out to be for this listener. */
export function tcpTraceListener(vn: Vn, f: Frame, seg: Seg, id: number): void {
  const { trace } = vn.state.tcp
  if (trace.on === 0) return
  trace.sock = id
  if (trace.cause !== 0) trace.records[place(trace, trace.cause) + R_SOCK] = id
  else inRecord(trace, f, seg, 0, 0, AT_NEXT)
}

/** A connection comes out of a listener with the segment of the event: traced if that is. */
export function tcpTraceChild(vn: Vn, listener: number, child: Tcb): void {
  const { trace } = vn.state.tcp
  if (trace.on === 0) return
  const { id } = child.inp
  if (trace.sockets.has(listener)) setIn(trace, 'sockets').add(id)
  trace.sock = id
  if (trace.cause === 0) return
  trace.records[place(trace, trace.cause) + R_SOCK] = id
  connOf(trace, child)
}

/** A timer of a connection went off. */
export function tcpTraceTimer(vn: Vn, tcb: Tcb, timer: number): void {
  const { trace } = vn.state.tcp
  if (trace.on === 0) return
  // of several timers of one alarm each is an event
  tcpTraceEnd(vn, null)
  trace.sock = tcb.inp.id
  const cause = trace.conns.get(tcb.inp.id)?.timers[timer] ?? 0
  trace.cause = traceTcb(trace, TR_TIMER, tcb, cause, 0, timer)
}

/** The timer of a half-open or TIME-WAIT record went off (TT_SYNACK, TT_TIMEWAIT), of socket `id` or none. */
export function tcpTraceRecordTimer(vn: Vn, inp: Inpcb, id: number, timer: number): void {
  const { trace } = vn.state.tcp
  if (trace.on === 0) return
  trace.sock = id
  const ports = inp.lport * 65_536 + inp.fport
  const cause = newest(trace, TR_OUT, ports, inp.faddr.w3)
  trace.cause = traceWrite(trace, TR_TIMER, id, cause, ports, inp.faddr.w3, 0, 0, 0, 0, 0, 0, 0, timer)
}

/** A call of the user (CALL_*) on a socket, with the bytes it is about. */
export function tcpTraceCall(vn: Vn, id: number, call: number, len: number): void {
  tcpTraceBegin(vn)
  const { trace } = vn.state.tcp
  if (trace.on === 0) return
  const tcb = tcbOf(vn, id)
  if (tcb === undefined) return
  trace.sock = id
  // most of these have no consequence
  if (call === CALL_RECV || call === CALL_SETOPT) {
    trace.pending = call
    trace.pendingLen = len
  } else callRecord(trace, tcb, call, len)
}

/** The call is over, with this result, which is passed on. */
export function tcpTraceResult(vn: Vn, result: number): number {
  tcpTraceEnd(vn, null)
  return result
}

/** An ICMP error about a segment of the connection. */
export function tcpTraceIcmp(vn: Vn, tcb: Tcb, c: CtlInput): void {
  tcpTraceBegin(vn)
  const { trace } = vn.state.tcp
  if (trace.on === 0) return
  trace.sock = tcb.inp.id
  const cause = c.haveSeq ? sentAt(trace, portsOf(tcb), tcb.inp.faddr.w3, c.seq) : 0
  trace.cause = traceWrite(
    trace, TR_ICMP, tcb.inp.id, cause, portsOf(tcb), tcb.inp.faddr.w3, 0, c.seq, 0, c.mtu, 0, tcb.cwnd, 0,
    c.icmpType * 256 + c.icmpCode)
}

/** The segment in `f` (f.off at its header) is on its way. */
export function tcpTraceOut(vn: Vn, f: Frame): void {
  if (vn.state.tcp.trace.on !== 0) segmentOut(vn, f)
}

function segmentOut(vn: Vn, f: Frame): void {
  const { trace } = vn.state.tcp
  const { view, off } = f
  const tcb = tcbOf(vn, trace.sock)
  if (tcb !== undefined) changes(vn, trace, tcb, false)
  const seq = tcpSeq(view, off)
  const flags = tcpFlags(view, off)
  const len = f.len - tcpDataOffset(view, off)
  const ports = view.getUint16(off + TCP_SPORT) * 65_536 + view.getUint16(off + TCP_DPORT)
  const shift = tcb === undefined || (flags & TH_SYN) !== 0 ? 0 : tcb.rcvWscale
  callPending(vn, trace)
  const why = traceSendReason(trace, tcb ?? null, flags, seq, len)
  trace.why = 0
  traceWrite(
    trace, TR_OUT, trace.sock, trace.cause, ports, f.dst.w3, flags, seq, tcpAck(view, off), len,
    view.getUint16(off + TCP_WIN) << shift, tcb?.cwnd ?? 0, why, 0)
}

/** The next segment of this event is sent for this reason (WHY_*), which the event alone does not show. */
export function tcpTraceWhy(vn: Vn, why: number): void {
  const { trace } = vn.state.tcp
  if (trace.on !== 0) trace.why = why
}

/** From now on something is held back (WHY_HELD_*). */
export function tcpTraceHold(vn: Vn, tcb: Tcb, why: number): void {
  if (vn.state.tcp.trace.on !== 0 && why !== 0) hold(vn, tcb, why)
}

function hold(vn: Vn, tcb: Tcb, why: number): void {
  const { trace } = vn.state.tcp
  callPending(vn, trace)
  const unsent = tcb.sndBuf.len - seqDiff(tcb.sndNxt, tcb.sndUna)
  traceTcb(trace, TR_HOLD, tcb, trace.cause, why, why === WHY_HELD_ACK ? 0 : Math.max(0, unsent))
}

/** Recovery turns out to have been needless (WHY_UNDO_*), and the window is what it was. */
export function tcpTraceUndo(vn: Vn, tcb: Tcb, why: number): void {
  const { trace } = vn.state.tcp
  if (trace.on !== 0 && isTraced(trace, tcb.inp.id)) congestion(trace, connOf(trace, tcb), tcb, why)
}

/** The connection is over: its new state is recorded even if nothing is sent. */
export function tcpTraceState(vn: Vn, tcb: Tcb): void {
  const { trace } = vn.state.tcp
  if (trace.on !== 0 && vn.state.tcp.tcbs.has(tcb.inp.id)) changes(vn, trace, tcb, true)
}

/** A timer was set: what has just been recorded is why. */
export function tcpTraceTimerSet(vn: Vn, tcb: Tcb, timer: number): void {
  if (vn.state.tcp.trace.on !== 0) timerSet(vn, tcb, timer)
}

function timerSet(vn: Vn, tcb: Tcb, timer: number): void {
  const { trace } = vn.state.tcp
  if (timer === TT_DELACK) tcpTraceHold(vn, tcb, WHY_HELD_ACK)
  // some timers are set once more while their record goes
  if (!vn.state.tcp.tcbs.has(tcb.inp.id) || !isTraced(trace, tcb.inp.id)) return
  const conn = connOf(trace, tcb)
  while (conn.timers.length <= timer) conn.timers.push(0)
  const last = trace.next - 1
  conn.timers[timer] = last >= trace.first && last >= trace.cause ? last : 0
}

/** A record is freed, and what the trace remembers of it with it. */
export function tcpTraceFree(vn: Vn, tcb: Tcb): void {
  const { trace } = vn.state.tcp
  if (trace.on === 0) return
  changes(vn, trace, tcb, true)
  trace.conns.delete(tcb.inp.id)
  trace.sockets.delete(tcb.inp.id)
  if (trace.sockets.size === 0) trace.on &= ~TRACE_SOME
}

/** TCP_TRACE of a socket. */
export function tcpTraceSocket(vn: Vn, tcb: Tcb, on: boolean): void {
  const { trace } = vn.state.tcp
  if (on) setIn(trace, 'sockets').add(tcb.inp.id)
  else trace.sockets.delete(tcb.inp.id)
  traceConfigure(vn, trace)
}

function inRecord(trace: TcpTrace, f: Frame, seg: Seg, cause: number, cwnd: number, place: number): void {
  const ports = f.view.getUint16(f.l4 + TCP_DPORT) * 65_536 + f.view.getUint16(f.l4 + TCP_SPORT)
  trace.cause = traceWrite(
    trace, TR_IN, trace.sock, cause, ports, f.src.w3, seg.flags, seg.seq, seg.ack, seg.len, seg.win, cwnd, 0, place)
}

function callRecord(trace: TcpTrace, tcb: Tcb, call: number, len: number): void {
  connOf(trace, tcb)
  trace.cause = traceWrite(
    trace, TR_CALL, tcb.inp.id, 0, portsOf(tcb), tcb.inp.faddr.w3, 0, tcb.sndUna, tcb.rcvNxt, len, tcb.sndWnd, tcb.cwnd, 0,
    call)
}

/** A call that is followed by anything is recorded after all. */
function callPending(vn: Vn, trace: TcpTrace): void {
  if (trace.pending === 0) return
  const call = trace.pending
  trace.pending = 0
  const tcb = tcbOf(vn, trace.sock)
  if (tcb !== undefined) callRecord(trace, tcb, call, trace.pendingLen)
}

/** What is different since the last record: the state; at the end of an event recovery, threshold, a smaller window. */
function changes(vn: Vn, trace: TcpTrace, tcb: Tcb, atEnd: boolean): void {
  if (!isTraced(trace, tcb.inp.id)) return
  const known = trace.conns.has(tcb.inp.id)
  const conn = connOf(trace, tcb)
  const caState = tcpCaState(tcb)
  if (known && tcb.state !== conn.state) {
    callPending(vn, trace)
    traceTcb(trace, TR_STATE, tcb, trace.cause, 0, conn.state * 16 + tcb.state)
  }
  conn.state = tcb.state
  // while segments are sent the window may be another for a moment
  if (known && !atEnd) return
  if (known && (caState !== conn.caState || tcb.ssthresh !== conn.ssthresh || tcb.cwnd < conn.cwnd)) {
    callPending(vn, trace)
    congestion(trace, conn, tcb, 0)
  }
  conn.caState = caState
  conn.ssthresh = tcb.ssthresh
  conn.cwnd = tcb.cwnd
}

function congestion(trace: TcpTrace, conn: TraceConn, tcb: Tcb, why: number): void {
  conn.caState = tcpCaState(tcb)
  conn.ssthresh = tcb.ssthresh
  conn.cwnd = tcb.cwnd
  traceWrite(
    trace, TR_CC, tcb.inp.id, trace.cause, portsOf(tcb), tcb.inp.faddr.w3, conn.caState, tcb.sndUna, tcb.rcvNxt, 0, tcb.sndWnd,
    tcb.cwnd, why, tcb.ssthresh)
}

function connOf(trace: TcpTrace, tcb: Tcb): TraceConn {
  let conn = trace.conns.get(tcb.inp.id)
  if (conn !== undefined) return conn
  conn = createTraceConn()
  conn.ssthresh = tcb.ssthresh
  conn.state = tcb.state
  conn.cwnd = tcb.cwnd
  conn.caState = tcpCaState(tcb)
  tableIn(trace, 'conns').set(tcb.inp.id, conn)
  return conn
}

function drop(vn: Vn, trace: TcpTrace, f: Frame | null): void {
  let ports = 0
  let seq = 0
  let flags = 0
  let addr = 0
  if (f !== null && f.off + f.len - f.l4 >= TCP_HDR_LEN) {
    ports = f.view.getUint16(f.l4 + TCP_DPORT) * 65_536 + f.view.getUint16(f.l4 + TCP_SPORT)
    seq = tcpSeq(f.view, f.l4)
    flags = tcpFlags(f.view, f.l4) & TH_FLAGS
    addr = f.src.w3
  }
  traceWrite(
    trace, TR_DROP, trace.sock, trace.cause, ports, addr, flags, seq, 0, 0, 0, 0, 0, Math.max(0, TRACE_DROPS.indexOf(vn.dropped)))
}
