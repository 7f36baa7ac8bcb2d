/** The event trace's words: kinds of records, and why a segment is sent or held back, each with its clause. */

/** Kinds of records. */
export const TR_IN = 1
export const TR_OUT = 2
export const TR_DROP = 3
export const TR_TIMER = 4
export const TR_CALL = 5
/** `arg` is the old state times 16 and the new one. */
export const TR_STATE = 6
/** Recovery begins or ends, ssthresh changes or cwnd falls; `arg` is ssthresh, `flags` TCP_CA_*. */
export const TR_CC = 7
/** Something waits; `why` says for what. */
export const TR_HOLD = 8
/** An ICMP error about a segment; `arg` is type times 256 and code. */
export const TR_ICMP = 9

export const TRACE_KINDS = Object.freeze([
  'none', 'in', 'out', 'drop', 'timer', 'call', 'state', 'cc', 'hold', 'icmp',
] as const)
export type TraceKind = typeof TRACE_KINDS[number]

/** Places in a record of TRACE_WIDTH numbers. */
export const R_AT = 0
export const R_KIND = 1
export const R_SOCK = 2
export const R_CAUSE = 3
/** Local port times 65,536 and the remote one. */
export const R_PORTS = 4
/** Last word of the remote address: an IPv4 address. */
export const R_ADDR = 5
export const R_FLAGS = 6
export const R_SEQ = 7
export const R_ACK = 8
export const R_LEN = 9
export const R_WIN = 10
export const R_CWND = 11
export const R_WHY = 12
export const R_ARG = 13

/** `arg` of TR_IN: where the segment lies. */
export const AT_NEXT = 0
export const AT_GAP = 1
export const AT_OLD = 2

/** `arg` of TR_TIMER beyond TT_*: of records that are no connections. */
export const TT_SYNACK = 32
export const TT_TIMEWAIT = 33

/** `arg` of TR_CALL. */
export const CALL_CONNECT = 1
export const CALL_SEND = 2
export const CALL_RECV = 3
export const CALL_SHUTDOWN = 4
export const CALL_CLOSE = 5
export const CALL_ABORT = 6
export const CALL_SETOPT = 7
export const CALL_DROP = 8
export const CALL_NAMES: readonly string[] = Object.freeze([
  '', 'connect', 'send', 'recv', 'shutdown', 'close', 'abort', 'setsockopt', 'tcpdrop',
])

/** By `arg` of TR_TIMER. */
export function traceTimerName(timer: number): string {
  if (timer === TT_SYNACK) return 'syn-ack'
  return timer === TT_TIMEWAIT ? 'time-wait' : TIMER_NAMES[timer] ?? `timer ${timer}`
}

const TIMER_NAMES: readonly string[] = Object.freeze([
  'rexmt', 'persist', 'keep', '2msl', 'delack', 'idlebuf', 'pace', 'reorder', 'probe',
])

/** Why: places in REASONS. */
export const WHY_NEW = 1
export const WHY_ROOM = 2
export const WHY_RTO = 3
export const WHY_GO_BACK = 4
export const WHY_FAST = 5
export const WHY_HOLE = 6
export const WHY_LIMITED = 7
export const WHY_PROBE = 8
export const WHY_KEEP = 9
export const WHY_SYN = 10
export const WHY_SYN_AGAIN = 11
export const WHY_SYNACK = 12
export const WHY_FIN = 13
export const WHY_RST_USER = 14
export const WHY_RST_NOBODY = 15
export const WHY_RST_GIVEUP = 16
export const WHY_ACK_SECOND = 17
export const WHY_ACK_DELAYED = 18
export const WHY_ACK_GAP = 19
export const WHY_ACK_OLD = 20
export const WHY_ACK_SYN = 21
export const WHY_ACK_FIN = 22
export const WHY_CHALLENGE = 23
export const WHY_WINDOW = 24
export const WHY_PMTU = 25
export const WHY_ACK = 26
export const WHY_TIMEWAIT = 27
export const WHY_FIN_AGAIN = 28
export const WHY_HELD_RWND = 29
export const WHY_HELD_CWND = 30
export const WHY_HELD_NAGLE = 31
export const WHY_HELD_CORK = 32
export const WHY_HELD_SNDBUF = 33
export const WHY_HELD_SWS = 34
export const WHY_HELD_ACK = 35
export const WHY_RST_AFTER_CLOSE = 36
export const WHY_SACK = 37
export const WHY_RACK = 38
export const WHY_TLP = 39
export const WHY_FRTO = 40
export const WHY_UNDO_EIFEL = 41
export const WHY_UNDO_DSACK = 42
export const WHY_UNDO_FRTO = 43

/** In words, and the clause. */
const REASONS: readonly (readonly [string, string])[] = Object.freeze(([
  ['', ''],
  ['new data of the user, the windows have room', 'RFC 9293 §3.8.6.2.1'],
  ['new data, for which an acknowledgment or a window update made room', 'RFC 9293 §3.8.6.2.1'],
  ['the first unacknowledged segment again: its timer went off', 'RFC 6298 §5.4'],
  ['again after a timeout: what was sent behind the lost segment', 'RFC 5681 §3.1'],
  ['the first unacknowledged segment again: duplicate ACKs say that it is lost', 'RFC 5681 §3.2'],
  ['again: what the ACK shows to be missing still', 'RFC 6582 §3.2'],
  ['new data on the first duplicate ACKs (limited transmit)', 'RFC 3042 §2'],
  ['one octet into a closed window, to learn when it opens', 'RFC 9293 §3.8.6.1'],
  ['keep-alive: is the peer still there?', 'RFC 9293 §3.8.4'],
  ['the user opens the connection', 'RFC 9293 §3.10.1'],
  ['the SYN again: it was not answered', 'RFC 6298 §5.4'],
  ['answer to a SYN', 'RFC 9293 §3.10.7.2'],
  ['the user has closed', 'RFC 9293 §3.10.4'],
  ['the user aborts', 'RFC 9293 §3.10.5'],
  ['the segment is for no connection', 'RFC 9293 §3.10.7.1'],
  ['the connection is given up', 'RFC 9293 §3.8.3'],
  ['acknowledgment of every second segment', 'RFC 9293 §3.8.6.3'],
  ['an acknowledgment that has waited long enough', 'RFC 9293 §3.8.6.3'],
  ['acknowledged at once: something is missing before it', 'RFC 5681 §4.2'],
  ['an old or unacceptable segment is answered with where we are', 'RFC 9293 §3.10.7.4'],
  ['the handshake\'s last acknowledgment', 'RFC 9293 §3.10.7.3'],
  ['acknowledgment of the FIN', 'RFC 9293 §3.10.7.4'],
  ['challenge: only the true peer can answer this', 'RFC 5961 §3.2'],
  ['the reader made room: the window is open wider', 'RFC 9293 §3.8.6.2.2'],
  ['again, in smaller segments: the path takes less', 'RFC 1191 §6.4'],
  ['an acknowledgment is owed', 'RFC 9293 §3.10.7.4'],
  ['TIME-WAIT answers for the connection that was', 'RFC 9293 §3.10.7.4'],
  ['the FIN again: its timer went off', 'RFC 6298 §5.4'],
  ['data waits for the peer\'s window', 'RFC 9293 §3.8.6'],
  ['data waits for the congestion window', 'RFC 5681 §3.1'],
  ['a short segment waits for the ACK of what is under way (Nagle)', 'RFC 9293 §3.7.4'],
  ['a short segment waits for the user to take the cork out', 'TCP_CORK'],
  ['all is sent; the user waits for room in the send buffer', 'RFC 9293 §3.10.2'],
  ['a short segment waits for a larger window (silly window)', 'RFC 9293 §3.8.6.2.1'],
  ['the acknowledgment waits for a second segment, or for data to go with', 'RFC 9293 §3.8.6.3'],
  ['data came after the user had closed', 'RFC 9293 §3.6.1'],
  ['again: enough behind it is selectively acknowledged', 'RFC 6675 §5'],
  ['again: what was sent well after it has arrived', 'RFC 8985 §6.2'],
  ['a probe: the acknowledgments of the flight\'s end are overdue', 'RFC 8985 §7.3'],
  ['new data after a timeout: its acknowledgments shall tell whether anything was lost', 'RFC 5682 §2.1'],
  ['the retransmission was needless: its timestamp is not the one that was echoed', 'RFC 3522 §3.2'],
  ['the retransmissions were needless: all were reported as duplicates', 'RFC 3708 §3'],
  ['the timeout was needless: what went before it has arrived', 'RFC 5682 §2.1'],
] as const).map((row) => Object.freeze(row)))

export function traceWhy(why: number): string {
  return REASONS[why]?.[0] ?? ''
}

export function traceClause(why: number): string {
  return REASONS[why]?.[1] ?? ''
}
