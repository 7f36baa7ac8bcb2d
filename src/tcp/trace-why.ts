/** Why a segment is sent: what began the event, and what kind of segment it is, tell. */

import { seqAdd, seqLt } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { TH_ACK, TH_FIN, TH_RST, TH_SYN } from '../wire/tcp.ts'
import { tcpCaState, TCP_CA_RECOVERY } from './ca.ts'
import { TCPS_LISTEN, TCPS_SYN_SENT, TCPS_TIME_WAIT, TF_FORCE, TT_DELACK, TT_KEEP, TT_PERSIST, TT_REXMT } from './state.ts'
import type { Tcb } from './state.ts'
import { TRACE_WIDTH } from './state-trace.ts'
import type { TcpTrace } from './state-trace.ts'
import {
  AT_GAP, AT_NEXT, AT_OLD, CALL_RECV, CALL_SETOPT, R_ACK, R_ARG, R_FLAGS, R_KIND, R_LEN, TR_CALL, TR_ICMP, TR_IN,
  TR_TIMER, TT_SYNACK, WHY_ACK, WHY_ACK_DELAYED, WHY_ACK_FIN, WHY_ACK_GAP, WHY_ACK_OLD, WHY_ACK_SECOND, WHY_ACK_SYN,
  WHY_CHALLENGE, WHY_FAST, WHY_FIN, WHY_FIN_AGAIN, WHY_GO_BACK, WHY_HOLE, WHY_KEEP, WHY_LIMITED, WHY_NEW, WHY_PMTU, WHY_PROBE,
  WHY_ROOM, WHY_RST_AFTER_CLOSE, WHY_RST_GIVEUP, WHY_RST_NOBODY, WHY_RST_USER, WHY_RTO, WHY_SYN, WHY_SYN_AGAIN, WHY_SYNACK,
  WHY_TIMEWAIT, WHY_WINDOW,
} from './trace-words.ts'

/** WHY_* of a segment that is being sent, before sndMax includes it. `tcb` is the connection's or listener's, or null. */
export function traceSendReason(trace: TcpTrace, tcb: Tcb | null, flags: number, seq: Seq, len: number): number {
  if (trace.why === WHY_CHALLENGE) return challengeReason(trace)
  if (trace.why !== 0) return trace.why
  if ((flags & TH_RST) !== 0) return resetReason(trace, tcb)
  if ((flags & TH_SYN) !== 0) return synReason(trace, flags)
  if (tcb === null || tcb.state === TCPS_TIME_WAIT) return (field(trace, R_FLAGS) & TH_FIN) !== 0 ? WHY_ACK_FIN : WHY_TIMEWAIT
  if (len > 0) return seqLt(seq, tcb.sndMax) || (tcb.flags & TF_FORCE) !== 0 ? againReason(trace, tcb, seq) : newReason(trace, tcb)
  if ((flags & TH_FIN) !== 0) return seqLt(seq, tcb.sndMax) ? WHY_FIN_AGAIN : WHY_FIN
  return ackReason(trace, tcb, seq)
}

/** The limits of challenge ACKs also hold for the answers to old segments without text. */
function challengeReason(trace: TcpTrace): number {
  const old = field(trace, R_ARG) !== AT_NEXT && (field(trace, R_FLAGS) & (TH_RST | TH_SYN)) === 0
  return old ? WHY_ACK_OLD : WHY_CHALLENGE
}

function resetReason(trace: TcpTrace, tcb: Tcb | null): number {
  switch (kindOf(trace)) {
    case TR_CALL: return WHY_RST_USER
    case TR_TIMER: return WHY_RST_GIVEUP
    default: return tcb !== null && tcb.state > TCPS_SYN_SENT + 1 ? WHY_RST_AFTER_CLOSE : WHY_RST_NOBODY
  }
}

function synReason(trace: TcpTrace, flags: number): number {
  const timer = kindOf(trace) === TR_TIMER ? field(trace, R_ARG) : -1
  if (timer === TT_REXMT || timer === TT_SYNACK) return WHY_SYN_AGAIN
  return (flags & TH_ACK) !== 0 ? WHY_SYNACK : WHY_SYN
}

/** Data that was sent before, or is sent into a closed window. */
function againReason(trace: TcpTrace, tcb: Tcb, seq: Seq): number {
  if ((tcb.flags & TF_FORCE) !== 0) return WHY_PROBE
  switch (kindOf(trace)) {
    case TR_TIMER:
      if (field(trace, R_ARG) === TT_PERSIST) return WHY_PROBE
      return seq === tcb.sndUna ? WHY_RTO : WHY_GO_BACK
    case TR_ICMP: return WHY_PMTU
    default:
      if (tcpCaState(tcb) !== TCP_CA_RECOVERY) return WHY_GO_BACK
      return seq === tcb.sndUna && field(trace, R_ACK) === tcb.sndUna && tcb.dupAcks > 0 ? WHY_FAST : WHY_HOLE
  }
}

function newReason(trace: TcpTrace, tcb: Tcb): number {
  if (kindOf(trace) !== TR_IN) return WHY_NEW
  return tcb.dupAcks > 0 && tcpCaState(tcb) !== TCP_CA_RECOVERY ? WHY_LIMITED : WHY_ROOM
}

function ackReason(trace: TcpTrace, tcb: Tcb, seq: Seq): number {
  const arg = field(trace, R_ARG)
  switch (kindOf(trace)) {
    case TR_TIMER:
      if (arg === TT_KEEP && seq === seqAdd(tcb.sndUna, -1)) return WHY_KEEP
      return arg === TT_DELACK ? WHY_ACK_DELAYED : WHY_ACK
    case TR_CALL: return arg === CALL_RECV || arg === CALL_SETOPT ? WHY_WINDOW : WHY_ACK
    case TR_IN: break
    default: return WHY_ACK
  }
  if (tcb.state === TCPS_LISTEN) return WHY_ACK_OLD
  const got = field(trace, R_FLAGS)
  if ((got & TH_SYN) !== 0) return WHY_ACK_SYN
  if (arg === AT_GAP) return WHY_ACK_GAP
  if (arg === AT_OLD) return WHY_ACK_OLD
  if ((got & TH_FIN) !== 0) return WHY_ACK_FIN
  return field(trace, R_LEN) > 0 ? WHY_ACK_SECOND : WHY_ACK
}

/** Kind of the record that the event began with. */
function kindOf(trace: TcpTrace): number {
  return field(trace, R_KIND)
}

function field(trace: TcpTrace, which: number): number {
  return trace.cause === 0 ? 0 : trace.records[(trace.cause - trace.first) % trace.limit * TRACE_WIDTH + which] ?? 0
}
