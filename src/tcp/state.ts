/**
 * What TCP keeps: the transmission control block (RFC 9293 §3.3.1) and the tables.
 *
 * A connection is a `Syncache` while its handshake runs (passive open), a `Tcb` while it lives and a `TimeWait`
 * afterwards (state-small.ts).
 */

import { createInpcb, createInpTable } from '../inet/state.ts'
import type { Inpcb, InpTable } from '../inet/state.ts'
import type { Alarm } from '../kern/timer.ts'
import { createByteRing } from '../lib/bytering.ts'
import type { ByteRing } from '../lib/bytering.ts'
import { SEQ_ZERO } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { createTable } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'
import type { TcpOptions } from '../wire/tcp-options.ts'
import { createTcpMeter } from './state-meter.ts'
import type { TcpMeter } from './state-meter.ts'
import { createFastOpen, createSynCookies } from './state-open.ts'
import type { FastOpen, SynCookies } from './state-open.ts'
import { PMTU_UNKNOWN } from './state-pmtu.ts'
import type { Pmtu } from './state-pmtu.ts'
import { createCwv } from './state-cwv.ts'
import type { Cwv } from './state-cwv.ts'
import { OPT_NONE, RATE_NONE, SEG_NONE } from './state-scratch.ts'
import type { Seg, Still } from './state-scratch.ts'
import { createRecovery, createSent } from './state-sent.ts'
import type { RateSample, Recovery, Sent } from './state-sent.ts'
import type { TcpSocketRecord } from './state-dormant.ts'
import { createTcpTrace } from './state-trace.ts'
import type { TcpTrace } from './state-trace.ts'
import { USER_DEFAULTS } from './state-user.ts'
import type { UserOptions } from './state-user.ts'
import { createTcpAo } from './state-ao.ts'
import type { TcpAo } from './state-ao.ts'
import type { TcpKey } from './state-keys.ts'
import type { Listener, Syncache, TimeWait } from './state-small.ts'
import { TCP_STATS_ZERO } from './stats.ts'
import type { TcpStats } from './stats.ts'

export type { Seg } from './state-scratch.ts'

/** Connection states (RFC 9293 §3.3.2), numbered as in FreeBSD: from ESTABLISHED on they are ordered by progress. */
export const TCPS_CLOSED = 0
export const TCPS_LISTEN = 1
export const TCPS_SYN_SENT = 2
export const TCPS_SYN_RECEIVED = 3
export const TCPS_ESTABLISHED = 4
export const TCPS_CLOSE_WAIT = 5
export const TCPS_FIN_WAIT_1 = 6
export const TCPS_CLOSING = 7
export const TCPS_LAST_ACK = 8
export const TCPS_FIN_WAIT_2 = 9
export const TCPS_TIME_WAIT = 10

/** Timers of a connection: places in `Tcb.timers`. */
export const TT_REXMT = 0
export const TT_PERSIST = 1
export const TT_KEEP = 2
/** FIN-WAIT-2 without a user. (TIME-WAIT's own timer is in its record.) */
export const TT_2MSL = 3
export const TT_DELACK = 4
/** A connection that has been idle for a while gives memory back, and sleeps (dormant.ts). */
export const TT_IDLEBUF = 5
/** The next paced segment may go. */
export const TT_PACE = 6
/** RACK's reordering window is over for some segment (RFC 8985 §6.2). */
export const TT_REORDER = 7
/** A loss probe is due (RFC 8985 §7.2). */
export const TT_PTO = 8
/** How many there are. */
export const TT_COUNT = 9

/** Tcb.flags. */
export const TF_ACKNOW = 1
/** In-order data came and its ACK may wait. */
export const TF_DELACK = 2
export const TF_NODELAY = 4
export const TF_CORK = 8
export const TF_SENTFIN = 16
/** Timestamps were negotiated. */
export const TF_TSTMP = 32
/** Window scaling was negotiated. */
export const TF_SCALE = 64
/** SACK was negotiated. */
export const TF_SACK_PERMIT = 128
/** Fast recovery (RFC 6582). */
export const TF_FASTRECOVERY = 256
/** The user closed the socket; the record goes when the connection ends. */
export const TF_ORPHAN = 512
/** The user will not read any more. */
export const TF_CANTRCVMORE = 1024
/** The user will not (or cannot) write any more. */
export const TF_CANTSENDMORE = 2048
/** FIN received and delivered: after the buffered bytes comes the end. */
export const TF_GOTFIN = 4096
/** A FIN waits behind a gap at `rcvFin`. */
export const TF_FINPARKED = 8192
/** A send was cut short; the user wants EV_WRITE. */
export const TF_WANTWRITE = 16384
/** The one segment being sent is forced out (window probe). */
export const TF_FORCE = 32768
/** The SYN was retransmitted (RFC 5681 §3.1: start with one segment). */
export const TF_SYNREXMT = 65536
/** tcpOutput is owed at the end of this event. */
export const TF_NEEDOUTPUT = 131072
/** Urgent data has been announced and is not all read (RFC 9293 §3.8.5). */
export const TF_URGENT = 262144
/** The user's last write was cut short: there is more where that came from. */
export const TF_MORETOCOME = 524288

/** Tcb.ecn, Syncache.ecn: our SYN asks for ECN (RFC 3168 §6.1.1). */
export const ECN_OFFER = 1
/** Both sides have agreed: marks are echoed, echoes heeded. */
export const ECN_ON = 2
/** A SYN of ours went without: no segment of ours may be ECN-capable. */
export const ECN_NOECT = 4
/** CE was seen, and the peer has not yet said that it knows: ACKs carry ECE. */
export const ECN_ECE = 8
/** The window was reduced: the next new data carries CWR. */
export const ECN_CWR = 16
/** New data waits for the retransmission timer, because the window cannot get smaller. */
export const ECN_HOLD = 32

export interface Tcb extends Alarm {
  /** Never: one that sleeps has another record (state-dormant.ts). */
  dormant: false
  inp: Inpcb
  /** TCPS_*. */
  state: number
  /** TF_*. */
  flags: number
  /** ACKs of in-order data that are still to go at once (quickack.ts). */
  quickAcks: number
  /** Deadlines by TT_*, µs since boot. */
  timers: number[]
  /** Id of the listener whose accept queue holds this connection, or 0. */
  listener: number

  iss: Seq
  sndUna: Seq
  /** Next to send; after a timeout it goes back to sndUna. */
  sndNxt: Seq
  /** Highest sent: RFC 9293's SND.NXT. */
  sndMax: Seq
  /** Just behind the last urgent octet; sndUna where there is none. */
  sndUp: Seq
  sndWl1: Seq
  sndWl2: Seq
  sndWnd: number
  maxSndWnd: number
  sndWscale: number
  sndBuf: ByteRing
  sndLimit: number

  irs: Seq
  rcvNxt: Seq
  /** Right edge of the advertised window; never moves left. */
  rcvAdv: Seq
  rcvUp: Seq
  lastAckSent: Seq
  rcvWscale: number
  rcvBuf: ByteRing
  rcvLimit: number
  /** Ranges parked out of order, [start, end) pairs in order, flat. */
  reass: Seq[]
  /** A number in each range that lately changed, the last one first: the order in which SACK blocks are told. */
  sackRecent: Seq[]
  /** What came twice and is not told yet (RFC 2883); equal: nothing. */
  dsackStart: Seq
  dsackEnd: Seq
  /** Bytes booked in TcpState.held: queued to send, unread, and up to the last one parked. */
  held: number
  /** BUF_*: buffers whose size the user has set. */
  bufFixed: number
  /** Since when (−1: not yet) and from which number on arriving data is measured for auto-tuning. */
  rcvTuneAt: number
  rcvTuneSeq: Seq
  rcvFin: Seq

  /** Send MSS as the peer said (or the default), SendMSS of RFC 9293 §3.7.1. */
  peerMss: number
  /** Largest data of a segment, options of every segment taken off: Eff.snd.MSS. */
  mss: number
  /** TCP_MAXSEG, or 0. */
  userMss: number
  /** The MSS that our SYN told: how long a full-sized segment of the peer's may be. */
  offerMss: number
  /** Path MTU that an ICMP error told us (or a black hole suggests), or 0. */
  pathMtu: number
  pmtu: Readonly<Pmtu>
  /** pathMtu before a black hole was suspected, or −1. */
  holeSavedMtu: number

  /** Congestion control algorithm (CC_*). */
  cc: number
  cwnd: number
  ssthresh: number
  /** Bytes acknowledged in congestion avoidance (RFC 3465). */
  bytesAcked: number
  /** The algorithm's own variables, by the index constants of its file (state-cc.ts). */
  ccVars: number[]
  cwv: Cwv
  /** cwnd and ssthresh before the last loss, should it turn out to be none (cwnd 0: nothing to undo). */
  undoCwnd: number
  undoSsthresh: number
  /** Bytes per second that the algorithm and the user want at most (0: no pacing), and when what was sent is paced out. */
  paceRate: number
  maxPaceRate: number
  paceAt: number
  dupAcks: number
  /** ECN_*; and how far was sent when the window was last reduced: echoes up to there are no news. */
  ecn: number
  ecnRecover: Seq
  /** RFC 6582's recover. */
  recover: Seq
  /** Segments sent by limited transmit in this run of duplicate ACKs. */
  limited: number

  sent: Sent
  rec: Recovery

  /** Smoothed round-trip time and its variation in µs; srtt 0 means no sample yet. */
  srtt: number
  rttvar: number
  /** Retransmission timeout without backoff, µs. */
  rto: number
  /** Doublings of the timeout (or of the probe interval); back to 0 with the next valid sample (Karn). */
  rxtShift: number
  /** Timeouts since the last progress: what R1 and R2 are compared with. */
  rxtCount: number
  /** Send time of the segment being timed (−1: none) and the number behind its first octet. */
  rttAt: number
  rttSeq: Seq
  /** When the oldest unacknowledged transmission began to be retransmitted or probed (user timeout), or −1. */
  stallAt: number

  tsOffset: number
  tsRecent: number
  /** When tsRecent was taken, µs. */
  tsRecentAt: number

  /** When a segment last arrived / data was last sent, µs. */
  rcvAt: number
  sndAt: number
  keepProbes: number
  /** Per-connection settings in ms (0: the sysctl's). */
  keepIdleMs: number
  keepIntvlMs: number
  keepCnt: number
  userTimeoutMs: number
  /** User timeout that the peer advertised last in ms, 0: none; and that ours shall go with the next segment (RFC 5482). */
  utoRemoteMs: number
  utoOwed: boolean
  /** SO_LINGER: −1 off, else seconds. */
  linger: number
  softError: number

  /** FO_*. */
  fastFlags: number
  /** TCP_FASTOPEN: how many connections of this listener may wait for their handshake's end, 0: off. */
  fastQlen: number
  /** The listener among whose pending connections (RFC 7413 §4.2) this one counts, or 0. */
  fastListener: number

  /** Challenge ACKs in the current period and its start. */
  challenges: number
  challengeAt: number

  user: Readonly<UserOptions>
  meter: TcpMeter
}

export interface TcpState {
  stats: Readonly<TcpStats>
  /** Every socket, by id. */
  tcbs: Table<TcpSocketRecord>
  /** Sockets by address. */
  table: InpTable
  listeners: Table<Listener>
  syncache: Table<Syncache>
  syncacheTable: InpTable
  timewait: Table<TimeWait>
  timewaitTable: InpTable
  /** Next key of a syncache or TIME-WAIT record: keys grow, so a smaller one is older. */
  nextRecord: number
  /** No TIME-WAIT record has a smaller key. */
  oldestTimeWait: number
  /** Secret of RFC 6528. */
  isnKey: [number, number, number, number]
  cookies: SynCookies
  /** Of authenticated peers, the most particular first. */
  keys: TcpKey[]
  ao: TcpAo
  fast: FastOpen
  /** Bytes that all connections hold, and before when no queue is looked for that could be given up (µs). */
  held: number
  searchAt: number
  /** Connections whose user has gone. */
  orphans: number
  /** Challenge ACKs sent in the current period, what the period allows, and its start. */
  challenges: number
  challengeQuota: number
  challengeAt: number
  /** Scratch of the segment being processed, and of what its ACK tells; had through tcpSeg, tcpRate and tcpOpt (state-scratch.ts). */
  seg: Still<Seg>
  rate: Still<RateSample>
  /** Scratch for options being written. */
  opt: Still<TcpOptions>
  trace: TcpTrace
}

export function createTcpState(isnKey: TcpState['isnKey']): TcpState {
  return {
    stats: TCP_STATS_ZERO,
    tcbs: createTable(),
    table: createInpTable(),
    listeners: createTable(),
    syncache: createTable(),
    syncacheTable: createInpTable(),
    timewait: createTable(),
    timewaitTable: createInpTable(),
    nextRecord: 1,
    oldestTimeWait: 1,
    isnKey,
    cookies: createSynCookies(),
    keys: [],
    ao: createTcpAo(),
    fast: createFastOpen(),
    held: 0,
    searchAt: 0,
    orphans: 0,
    challenges: 0,
    challengeQuota: 0,
    challengeAt: -Infinity,
    seg: SEG_NONE,
    rate: RATE_NONE,
    opt: OPT_NONE,
    trace: createTcpTrace(),
  }
}

/** A fresh block in CLOSED, around `inp`; buffer limits, timeouts and the algorithm are filled in by its maker. */
export function createTcb(id: number, family: number, inp: Inpcb = createInpcb(id, family)): Tcb {
  return {
    alarmAt: Infinity,
    dormant: false,
    inp,
    state: TCPS_CLOSED,
    flags: 0,
    quickAcks: 0,
    timers: [Infinity, Infinity, Infinity, Infinity, Infinity, Infinity, Infinity, Infinity, Infinity],
    listener: 0,
    iss: SEQ_ZERO, sndUna: SEQ_ZERO, sndNxt: SEQ_ZERO, sndMax: SEQ_ZERO, sndUp: SEQ_ZERO,
    sndWl1: SEQ_ZERO, sndWl2: SEQ_ZERO, sndWnd: 0, maxSndWnd: 0, sndWscale: 0,
    sndBuf: createByteRing(), sndLimit: 0,
    irs: SEQ_ZERO, rcvNxt: SEQ_ZERO, rcvAdv: SEQ_ZERO, rcvUp: SEQ_ZERO, lastAckSent: SEQ_ZERO,
    rcvWscale: 0, rcvBuf: createByteRing(), rcvLimit: 0, reass: [], sackRecent: [], dsackStart: SEQ_ZERO,
    dsackEnd: SEQ_ZERO, held: 0, bufFixed: 0, rcvTuneAt: -1, rcvTuneSeq: SEQ_ZERO, rcvFin: SEQ_ZERO,
    peerMss: 0, mss: 0, userMss: 0, offerMss: 0, pathMtu: 0, pmtu: PMTU_UNKNOWN, holeSavedMtu: -1,
    cc: 0, cwnd: 0, ssthresh: 0x3fffffff, bytesAcked: 0, dupAcks: 0,
    ecn: 0, ecnRecover: SEQ_ZERO, recover: SEQ_ZERO, limited: 0,
    sent: createSent(), rec: createRecovery(),
    ccVars: [], cwv: createCwv(), undoCwnd: 0, undoSsthresh: 0, paceRate: 0, maxPaceRate: 0, paceAt: 0,
    srtt: 0, rttvar: 0, rto: 0, rxtShift: 0, rxtCount: 0, rttAt: -1, rttSeq: SEQ_ZERO, stallAt: -1,
    tsOffset: 0, tsRecent: 0, tsRecentAt: 0,
    rcvAt: 0, sndAt: 0, keepProbes: 0, keepIdleMs: 0, keepIntvlMs: 0, keepCnt: 0, userTimeoutMs: 0, utoRemoteMs: 0,
    utoOwed: false,
    linger: -1, softError: 0, fastFlags: 0, fastQlen: 0, fastListener: 0, challenges: 0, challengeAt: -Infinity,
    user: USER_DEFAULTS, meter: createTcpMeter(),
  }
}
