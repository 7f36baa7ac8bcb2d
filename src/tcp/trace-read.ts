/** The event trace as people read it: typed events, their chains of causes, a line of text for each. */

import type { Vn } from '../kern/vn.ts'
import { addrFromIp4, addrPrint } from '../lib/addr.ts'
import { TH_ACK, TH_SYN, printTcpFlags } from '../wire/tcp.ts'
import { tcbSeen } from './state-dormant.ts'
import { tcpStateName } from './fsm.ts'
import type { TcpTrace } from './state-trace.ts'
import { TCP_STATS_TEXT } from './stats.ts'
import { oldestRecord, place } from './trace-ring.ts'
import { TRACE_DROPS } from './trace.ts'
import { dropClause } from './trace-drops.ts'
import {
  CALL_NAMES, R_ACK, R_ADDR, R_ARG, R_AT, R_CAUSE, R_CWND, R_FLAGS, R_KIND, R_LEN, R_PORTS, R_SEQ, R_SOCK, R_WHY, R_WIN,
  TRACE_KINDS, TR_CALL, TR_CC, TR_DROP, TR_ICMP, TR_IN, TR_OUT, TR_STATE, TR_TIMER, traceClause, traceTimerName, traceWhy,
} from './trace-words.ts'
import type { TraceKind } from './trace-words.ts'

/** One record of the trace. */
export interface TcpTraceEvent {
  /** Counts up from 1 in a Vnet; what `cause` refers to. */
  id: number
  /** µs since boot. */
  atUs: number
  kind: TraceKind
  /** Socket, or 0 where there is none (any more). */
  socket: number
  localPort: number
  /** `192.0.2.1:4000`; '' where the segment does not tell. */
  remote: string
  /** The event that caused this one; 0 where it came from outside, or is not known. */
  cause: number
  /** Of segments and drops, as packetdrill writes them: `P.`, `S`, `R.`; else ''. */
  flags: string
  /**
   * Of segments theirs, else SND.UNA and RCV.NXT; from the SYN (0) on where `relative`, else as on the wire.
   */
  seq: number
  ack: number
  relative: boolean
  /** Octets of text, or that a call is about; of ICMP errors the MTU. */
  len: number
  /** Window in bytes: of segments theirs, else the peer's. */
  win: number
  cwnd: number
  /** Of what kind exactly: timer, call, `ESTABLISHED → CLOSE_WAIT`, name of the drop's counter. */
  what: string
  why: string
  clause: string
}

export interface TcpTraceOptions {
  /** Only events of this socket's connection, its handshake and TIME-WAIT included. */
  socket?: number
  /** So many at most, the newest. */
  last?: number
}

/** Events of the trace, oldest first. */
export function tcpTraceList(vn: Vn, options: TcpTraceOptions = {}): TcpTraceEvent[] {
  const { trace } = vn.state.tcp
  const { socket = 0, last = Infinity } = options
  const tuple = socket === 0 ? '' : tupleOfSocket(vn, socket)
  const bases = new Map<string, Base>()
  for (const record of vn.state.tcp.tcbs.values()) {
    const { inp, iss, irs, state } = tcbSeen(record)
    if (inp.fport !== 0 && state > 1) bases.set(tupleKey(inp.lport * 65_536 + inp.fport, inp.faddr.w3), { iss, irs })
  }
  const found: TcpTraceEvent[] = []
  for (let id = oldestRecord(trace); id < trace.next; id++) {
    const key = keyAt(trace, id)
    learn(trace, id, key, bases)
    if (socket === 0 || at(trace, id, R_SOCK) === socket || key === tuple) found.push(eventOf(trace, id, bases.get(key) ?? null))
  }
  return last < found.length ? found.slice(-last) : found
}

/** The newest record of a segment with these marks as they are on the wire, or null. */
export function tcpTraceFind(
  vn: Vn, kind: 'in' | 'out', localPort: number, remotePort: number, seq: number, ack: number, flags: number, len: number,
): TcpTraceEvent | null {
  const { trace } = vn.state.tcp
  const wanted = kind === 'in' ? TR_IN : TR_OUT
  for (let id = trace.next - 1; id >= oldestRecord(trace); id--) {
    if (at(trace, id, R_KIND) === wanted && at(trace, id, R_SEQ) === seq && at(trace, id, R_LEN) === len &&
      at(trace, id, R_FLAGS) === flags && ((flags & TH_ACK) === 0 || at(trace, id, R_ACK) === ack) &&
      at(trace, id, R_PORTS) === localPort * 65_536 + remotePort) return eventOf(trace, id, null)
  }
  return null
}

/** The event with this id and what caused it, oldest last; numbers as on the wire. */
export function tcpTraceCauses(vn: Vn, id: number): TcpTraceEvent[] {
  const { trace } = vn.state.tcp
  const chain: TcpTraceEvent[] = []
  for (let i = id; i > 0 && i >= oldestRecord(trace) && i < trace.next && chain.length < CHAIN_MAX;) {
    const e = eventOf(trace, i, null)
    chain.push(e)
    if (e.cause >= i) break
    i = e.cause
  }
  return chain
}

/** Events that were caused by record `id`: of a segment that came in, what was dropped, changed and sent. */
export function tcpTraceEffects(vn: Vn, id: number): TcpTraceEvent[] {
  const { trace } = vn.state.tcp
  const found: TcpTraceEvent[] = []
  for (let i = Math.max(id + 1, oldestRecord(trace)); i < trace.next; i++) {
    if (at(trace, i, R_CAUSE) === id) found.push(eventOf(trace, i, null))
  }
  return found
}

/** The event with this id, what caused it, what caused that, …; empty for an id that is not among them. */
export function tcpTraceChain(events: readonly TcpTraceEvent[], id: number): TcpTraceEvent[] {
  const byId = new Map(events.map((e) => [e.id, e]))
  const chain: TcpTraceEvent[] = []
  for (let e = byId.get(id); e !== undefined && chain.length < CHAIN_MAX; e = e.cause < e.id ? byId.get(e.cause) : undefined) {
    chain.push(e)
  }
  return chain
}

const CHAIN_MAX = 64

/** `out P. 1:1001(1000) ack 1 win 65535`, `timer rexmt`, `drop rcvoutwin` … */
export function tcpTraceWhat(e: TcpTraceEvent): string {
  switch (e.kind) {
    case 'in':
    case 'out': {
      const ack = e.flags.includes('.') ? ` ack ${e.ack}` : ''
      return `${e.kind.padEnd(3)} ${e.flags} ${e.seq}:${e.seq + e.len}(${e.len})${ack} win ${e.win}`
    }
    case 'call': return `call ${e.what}${e.len > 0 ? ` ${e.len}` : ''}`
    case 'icmp': return `icmp ${e.what}${e.len > 0 ? ` mtu ${e.len}` : ''}`
    default: return e.what === '' ? e.kind : `${e.kind} ${e.what}`
  }
}

/** `why (clause)`, or ''. */
export function tcpTraceReason(e: TcpTraceEvent): string {
  return [e.why, e.clause === '' ? '' : `(${e.clause})`].filter((x) => x !== '').join(' ')
}

/** A line: number, time in s, what, why, and the causes behind it. */
export function tcpTraceLine(e: TcpTraceEvent, events: readonly TcpTraceEvent[] = []): string {
  const causes = tcpTraceChain(events, e.id).slice(1, 4).map((c) => `#${c.id} ${tcpTraceShort(c)}`)
  const reason = tcpTraceReason(e)
  const because = causes.length > 0 ? `  ← ${causes.join(' ← ')}` : e.cause > 0 ? `  ← #${e.cause}` : ''
  return `#${e.id} ${(e.atUs / 1e6).toFixed(6)} ${tcpTraceWhat(e)}${reason === '' ? '' : `  ${reason}`}${because}`
}

/** As tcpTraceWhat without the window: for chains. */
export function tcpTraceShort(e: TcpTraceEvent): string {
  return tcpTraceWhat(e).replace(/ win \d+$/, '').replace(/^(in|out) +/, '$1 ')
}

/** Both sides' initial sequence numbers. */
interface Base { iss: number; irs: number }

function eventOf(trace: TcpTrace, id: number, base: Base | null): TcpTraceEvent {
  const kind = at(trace, id, R_KIND)
  const incoming = kind === TR_IN || kind === TR_DROP
  const segment = incoming || kind === TR_OUT
  const ports = at(trace, id, R_PORTS)
  const addr = at(trace, id, R_ADDR)
  const flags = at(trace, id, R_FLAGS)
  const why = at(trace, id, R_WHY)
  const known = base !== null && (incoming ? base.irs : base.iss) !== UNKNOWN
  const [seqBase, ackBase] = !known ? [0, 0] : incoming ? [base.irs, base.iss] : [base.iss, base.irs]
  return {
    id,
    atUs: at(trace, id, R_AT),
    kind: TRACE_KINDS[kind] ?? 'none',
    socket: at(trace, id, R_SOCK),
    localPort: Math.floor(ports / 65_536),
    remote: addr === 0 ? '' : `${addrPrint(addrFromIp4(addr))}:${ports % 65_536}`,
    cause: at(trace, id, R_CAUSE),
    flags: segment ? printTcpFlags(flags) : '',
    seq: at(trace, id, R_SEQ) - seqBase >>> 0,
    ack: segment && (flags & TH_ACK) === 0 ? 0 : at(trace, id, R_ACK) - (ackBase === UNKNOWN ? 0 : ackBase) >>> 0,
    relative: known,
    len: at(trace, id, R_LEN),
    win: at(trace, id, R_WIN),
    cwnd: at(trace, id, R_CWND),
    ...words(trace, id, kind, why),
  }
}

/** No sequence number is this. */
const UNKNOWN = Infinity

function words(trace: TcpTrace, id: number, kind: number, why: number): Pick<TcpTraceEvent, 'what' | 'why' | 'clause'> {
  const arg = at(trace, id, R_ARG)
  switch (kind) {
    case TR_DROP: {
      const name = TRACE_DROPS[arg] ?? ''
      const text = (TCP_STATS_TEXT as Record<string, string>)[name] ?? ''
      return { what: name, why: text.replace('%d ', ''), clause: dropClause(name) }
    }
    case TR_TIMER: return { what: traceTimerName(arg), why: '', clause: '' }
    case TR_CALL: return { what: CALL_NAMES[arg] ?? '', why: '', clause: '' }
    case TR_STATE:
      return { what: `${tcpStateName(Math.floor(arg / 16))} → ${tcpStateName(arg % 16)}`, why: '', clause: 'RFC 9293 §3.3.2' }
    case TR_CC: {
      const ssthresh = arg >= 0x3fffffff ? 'none' : String(Math.floor(arg))
      const window = `cwnd ${Math.floor(at(trace, id, R_CWND))} ssthresh ${ssthresh}`
      const text = why === 0 ? window : `${window}: ${traceWhy(why)}`
      return { what: CA_NAMES[at(trace, id, R_FLAGS)] ?? '', why: text, clause: traceClause(why) }
    }
    case TR_ICMP: return { what: `type ${Math.floor(arg / 256)} code ${arg % 256}`, why: '', clause: '' }
    default: return { what: '', why: traceWhy(why), clause: traceClause(why) }
  }
}

const CA_NAMES: readonly string[] = Object.freeze(['open', 'disorder', 'cwr', 'recovery', 'loss'])

/** A SYN tells where its side's numbers begin; so a connection that has ended can still be read. */
function learn(trace: TcpTrace, id: number, key: string, bases: Map<string, Base>): void {
  const kind = at(trace, id, R_KIND)
  if (kind !== TR_IN && kind !== TR_OUT || (at(trace, id, R_FLAGS) & TH_SYN) === 0) return
  const seq = at(trace, id, R_SEQ)
  const base = bases.get(key) ?? { iss: UNKNOWN, irs: UNKNOWN }
  bases.set(key, kind === TR_IN ? { ...base, irs: seq } : { ...base, iss: seq })
}

/** Key of the connection of a socket: its own, or the one that its records are about; '' for none. */
function tupleOfSocket(vn: Vn, socket: number): string {
  const inp = vn.state.tcp.tcbs.get(socket)?.inp
  if (inp !== undefined && inp.fport !== 0) return tupleKey(inp.lport * 65_536 + inp.fport, inp.faddr.w3)
  if (inp !== undefined && vn.state.tcp.listeners.has(socket)) return ''
  const { trace } = vn.state.tcp
  for (let id = trace.next - 1; id >= oldestRecord(trace); id--) {
    if (at(trace, id, R_SOCK) === socket && at(trace, id, R_PORTS) % 65_536 !== 0) return keyAt(trace, id)
  }
  return ''
}

function keyAt(trace: TcpTrace, id: number): string {
  return tupleKey(at(trace, id, R_PORTS), at(trace, id, R_ADDR))
}

function tupleKey(ports: number, addr: number): string {
  return `${ports} ${addr}`
}

function at(trace: TcpTrace, id: number, field: number): number {
  return trace.records[place(trace, id) + field] ?? 0
}
