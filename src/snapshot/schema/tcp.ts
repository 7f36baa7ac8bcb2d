/** What is saved of TCP: connections in every state, listeners, half-open connections, TIME-WAIT. */

import { AF_INET } from '../../inet/state.ts'
import { seqDiff } from '../../lib/seq.ts'
import { createFastOpen, createFastPath, createSynCookies } from '../../tcp/state-open.ts'
import type { FastOpen, FastPath, SynCookies } from '../../tcp/state-open.ts'
import { createTcb, TCPS_CLOSED, TCPS_TIME_WAIT, TF_CANTRCVMORE, TT_COUNT } from '../../tcp/state.ts'
import { createListener, createSyncache, createTimeWait } from '../../tcp/state-small.ts'
import type { Tcb, TcpState } from '../../tcp/state.ts'
import type { Listener, Syncache, TimeWait } from '../../tcp/state-small.ts'
import { dormantCopy, dormantOf, isDormant, tcbIsQuiet, tcbOfDormant, tcbSeen } from '../../tcp/state-dormant.ts'
import type { Dormant, TcpSocketRecord } from '../../tcp/state-dormant.ts'
import { createTcpMeter } from '../../tcp/state-meter.ts'
import type { TcpMeter } from '../../tcp/state-meter.ts'
import { USER_DEFAULTS, createUserOptions } from '../../tcp/state-user.ts'
import type { UserOptions } from '../../tcp/state-user.ts'
import { PMTU_UNKNOWN, createPmtu } from '../../tcp/state-pmtu.ts'
import type { Pmtu } from '../../tcp/state-pmtu.ts'
import { createCwv, CWV_PERIODS } from '../../tcp/state-cwv.ts'
import type { Cwv } from '../../tcp/state-cwv.ts'
import { createAoConn, createAoTraffic, createTcpAo, createTcpAoKey } from '../../tcp/state-ao.ts'
import type { AoConn, AoTraffic, TcpAo, TcpAoKey } from '../../tcp/state-ao.ts'
import { createTcpKey } from '../../tcp/state-keys.ts'
import type { TcpKey } from '../../tcp/state-keys.ts'
import { createRecovery, createSent } from '../../tcp/state-sent.ts'
import type { Recovery, Sent } from '../../tcp/state-sent.ts'
import {
  AMOUNT, BOOL, bytes, COUNT, COUNTERS, int, INT32, list, MAYBE, PAST, queueMap, real, record, ring, SAFE_MAX, SCRATCH,
  table,
  TIME, UINT16, UINT31, UINT32,
} from '../node.ts'
import type { Little, RecordNode } from '../node.ts'
import { SnapshotError } from '../fault.ts'
import { INP_TABLE, INPCB } from './inet.ts'
import { ADDR } from './kern.ts'
import { TRACE } from './trace.ts'

const WSCALE = int(0, 14)
/** A variable of an algorithm: any number that is not NaN and no infinity. */
const SIGNED = real(-SAFE_MAX, SAFE_MAX)

const METER = record<TcpMeter>(createTcpMeter, {
  segsIn: COUNT, segsOut: COUNT, dataSegsIn: COUNT, dataSegsOut: COUNT, bytesAcked: COUNT, bytesReceived: COUNT,
  bytesSent: COUNT, bytesRetrans: COUNT, retrans: COUNT, oooSegs: COUNT, rcvMss: UINT16,
  rcvRtt: AMOUNT, rcvRttEcho: UINT32, rcvRttAt: MAYBE, rcvRttSeq: INT32, zeroWindows: COUNT,
  ackSentAt: AMOUNT, ackRcvAt: AMOUNT, dataRcvAt: AMOUNT, probesOut: COUNT, minRtt: AMOUNT, delivered: COUNT, deliveredCe: COUNT,
  rateBytes: AMOUNT, rateUs: AMOUNT, rateAppLimited: BOOL, rtos: COUNT, rtoRuns: COUNT, rtoUs: AMOUNT,
  rtoAt: MAYBE, rehash: COUNT, held: int(0, 15), heldAt: AMOUNT, busyUs: AMOUNT, rwndUs: AMOUNT, sndbufUs: AMOUNT,
})

/** Slots of the ring that are not in use hold what they held last. */
const PMTU = record<Pmtu>(createPmtu, {
  high: UINT31, next: UINT16, tries: COUNT, probe: UINT16, probeSeq: INT32, raiseAt: AMOUNT, acked: UINT16, sent: UINT16, sentEnd: INT32,
  claim: UINT31, claimSeq: INT32,
}, null, PMTU_UNKNOWN)

const SENT = record<Sent>(createSent, {
  log: list(real(-SAFE_MAX, SAFE_MAX)), head: COUNT, count: COUNT, sacked: COUNT, lost: COUNT, retrans: COUNT,
  sackedCount: COUNT, delivered: COUNT, deliveredAt: AMOUNT, firstSentAt: AMOUNT, appLimited: COUNT,
  lostTotal: COUNT, twiceTotal: COUNT, minRtt: AMOUNT,
  minRttAt: AMOUNT,
})

const KEY = record<TcpKey>(createTcpKey, { faddr: ADDR, prefixLen: int(0, 128), lport: UINT16, secret: bytes(80) })

const AO_KEY = record<TcpAoKey>(createTcpAoKey, {
  id: COUNT, faddr: ADDR, prefixLen: int(0, 128), lport: UINT16, sendId: int(0, 255), recvId: int(0, 255), alg: int(0, 1),
  options: BOOL, secret: bytes(80),
})

const AO_TRAFFIC = record<AoTraffic>(createAoTraffic, { key: COUNT, kind: int(0, 1), bytes: bytes(20) })

const AO_CONN = record<AoConn>(() => createAoConn(0, AF_INET), {
  inp: INPCB, known: int(0, 3), iss: INT32, irs: INT32, currentKey: COUNT, rnextKey: COUNT, synCurrent: COUNT,
  synRnext: COUNT, sndSeq: INT32, sndSne: UINT32, rcvSeq: INT32, rcvSne: UINT32, peerKeyId: int(-1, 255),
  peerRnextId: int(-1, 255), good: COUNT, bad: COUNT, traffic: list(AO_TRAFFIC),
})

const AO = record<TcpAo>(createTcpAo, {
  keys: list(AO_KEY), nextKey: COUNT, conns: table(COUNT, AO_CONN), table: INP_TABLE,
})

const RECOVERY = record<Recovery>(createRecovery, {
  phase: int(0, 2), recoverFs: COUNT, prrDelivered: COUNT, prrOut: COUNT, rescued: BOOL,
  rackAt: MAYBE, rackEnd: INT32, rackRtt: AMOUNT, fack: INT32, reorderSeen: BOOL, reoMult: COUNT, reoPersist: COUNT,
  inDsackRound: BOOL, dsackRound: INT32, tlpOut: BOOL, tlpRetrans: BOOL, tlpReady: BOOL, tlpEnd: INT32,
  undoAt: AMOUNT, eifelWaits: BOOL, frto: int(0, 2), frtoEnd: INT32, resent: list(INT32), dsackVoid: BOOL,
  networkDoubles: BOOL, resentEnd: INT32, resentEver: BOOL, undoEnd: INT32, srttPrev: AMOUNT, rttvarPrev: AMOUNT, adapts: BOOL,
  adaptSeq: INT32, dsackDups: COUNT, reordSeen: COUNT, reordMost: COUNT,
})

const CWV = record<Cwv>(createCwv, {
  defined: BOOL, samples: list(AMOUNT, CWV_PERIODS), periodAt: AMOUNT, sampling: BOOL, sum: AMOUNT, mark: INT32,
  nonValidated: BOOL, validAt: AMOUNT, lossBase: AMOUNT, lossTwice: AMOUNT,
})

const USER = record<UserOptions>(createUserOptions, {
  keepInitMs: AMOUNT, finWait2Ms: real(-1, SAFE_MAX), deferAccept: int(0, 255), windowClamp: AMOUNT, rcvLowat: AMOUNT,
  sndLowat: AMOUNT, notsentLowat: AMOUNT, noOptions: BOOL, oobInline: BOOL, oobTaken: BOOL, oobOctet: int(-1, 255),
}, null, USER_DEFAULTS)

/** One that sleeps is saved as a block that says so. */
const DORMANT: Little = Object.freeze({
  is: (value: object) => isDormant(value as TcpSocketRecord),
  open: (little: object) => Object.assign(tcbOfDormant(little as Dormant), { dormant: true }),
  close(record: object) {
    const tcb = record as Tcb
    if (!(tcb.dormant as boolean)) return tcb
    if (!tcbIsQuiet(tcb)) throw new SnapshotError('it sleeps, though it has something to do')
    return dormantOf(tcb)
  },
  copy: (little: object) => dormantCopy(little as Dormant),
})

const TCB = record<Tcb>(() => createTcb(0, AF_INET), {
  alarmAt: TIME, dormant: BOOL,
  inp: INPCB,
  state: int(TCPS_CLOSED, TCPS_TIME_WAIT),
  flags: UINT31,
  timers: list(TIME, TT_COUNT),
  quickAcks: COUNT, listener: COUNT,
  iss: INT32, sndUna: INT32, sndNxt: INT32, sndMax: INT32, sndUp: INT32, sndWl1: INT32, sndWl2: INT32,
  sndWnd: UINT31, maxSndWnd: UINT31, sndWscale: WSCALE, sndBuf: ring(), sndLimit: AMOUNT,
  irs: INT32, rcvNxt: INT32, rcvAdv: INT32, rcvUp: INT32, lastAckSent: INT32,
  rcvWscale: WSCALE, rcvBuf: ring(parkedRanges), rcvLimit: AMOUNT, reass: list(INT32), sackRecent: list(INT32),
  dsackStart: INT32, dsackEnd: INT32, held: COUNT, bufFixed: int(0, 3),
  rcvTuneAt: MAYBE, rcvTuneSeq: INT32, rcvFin: INT32,
  peerMss: UINT16, mss: UINT16, userMss: AMOUNT, offerMss: UINT16, pathMtu: UINT31, pmtu: PMTU, holeSavedMtu: MAYBE,
  cc: UINT16, cwnd: AMOUNT, ssthresh: AMOUNT, bytesAcked: AMOUNT, dupAcks: COUNT, recover: INT32, limited: COUNT,
  sent: SENT, rec: RECOVERY,
  ecn: int(0, 63), ecnRecover: INT32,
  ccVars: list(SIGNED), cwv: CWV, undoCwnd: AMOUNT, undoSsthresh: AMOUNT,
  paceRate: AMOUNT, maxPaceRate: AMOUNT, paceAt: AMOUNT,
  srtt: AMOUNT, rttvar: AMOUNT, rto: AMOUNT, rxtShift: COUNT, rxtCount: COUNT, rttAt: MAYBE, rttSeq: INT32,
  stallAt: MAYBE,
  tsOffset: UINT32, tsRecent: UINT32, tsRecentAt: AMOUNT,
  rcvAt: AMOUNT, sndAt: AMOUNT, keepProbes: COUNT, keepIdleMs: AMOUNT, keepIntvlMs: AMOUNT, keepCnt: AMOUNT,
  userTimeoutMs: AMOUNT, utoRemoteMs: AMOUNT, utoOwed: BOOL,
  linger: real(-1, SAFE_MAX), softError: UINT16,
  fastFlags: UINT31, fastQlen: COUNT, fastListener: COUNT, challenges: COUNT, challengeAt: PAST,
  user: USER, meter: METER,
}, {
  fields: {},
  take(to, _gone, lacks) {
    if (!lacks.has('held')) return
    const parked = to.reass.length === 0 || (to.flags & TF_CANTRCVMORE) !== 0 ? 0 : seqDiff(to.reass[to.reass.length - 1], to.rcvNxt)
    to.held = to.sndBuf.len + to.rcvBuf.len + parked
  },
}, null, DORMANT)

const LISTENER = record<Listener>(() => createListener(0), {
  backlog: AMOUNT, queue: list(COUNT), synOldest: COUNT, synNewest: COUNT, synCount: COUNT,
  fastPending: COUNT, fastReset: list(TIME),
})

const SYNCACHE = record<Syncache>(() => createSyncache(0, AF_INET), {
  alarmAt: TIME, inp: INPCB, listener: COUNT, older: COUNT, newer: COUNT, deadline: TIME, rexmits: COUNT, timeouts: COUNT, acked: BOOL,
  sentAt: AMOUNT, iss: INT32, irs: INT32, flags: UINT31, fastFlags: UINT31, peerMss: UINT16, ecn: int(0, 63),
  sndWscale: WSCALE, rcvWscale: WSCALE, wnd: UINT31, sndWnd: UINT31,
  tsOffset: UINT32, tsRecent: UINT32, tsRecentAt: AMOUNT,
})

const TIMEWAIT = record<TimeWait>(() => createTimeWait(0, AF_INET), {
  alarmAt: TIME, inp: INPCB, deadline: TIME, sndNxt: INT32, rcvNxt: INT32, wndField: UINT16, flags: UINT31,
  tsOffset: UINT32, tsRecent: UINT32, challenges: COUNT, challengeAt: PAST,
})

const FASTPATH = record<FastPath>(createFastPath, {
  laddr: ADDR, faddr: ADDR, fport: UINT16, cookie: list(INT32, 4), cookieLen: int(0, 16), exp: BOOL, mss: UINT16,
  at: AMOUNT, blockedUntil: AMOUNT,
})

const FASTOPEN = record<FastOpen>(createFastOpen, {
  keys: list(INT32, 8), current: int(0, 1), since: PAST, paths: list(FASTPATH),
})

const SYNCOOKIES = record<SynCookies>(createSynCookies, { keys: list(INT32, 8), current: int(0, 1), since: PAST })

export const TCP = record<TcpState>(null, {
  stats: COUNTERS, tcbs: table(COUNT, TCB as RecordNode<object> as RecordNode<TcpSocketRecord>), table: INP_TABLE,
  listeners: table(COUNT, LISTENER),
  syncache: queueMap(COUNT, SYNCACHE), syncacheTable: INP_TABLE, timewait: queueMap(COUNT, TIMEWAIT),
  timewaitTable: INP_TABLE, nextRecord: COUNT, oldestTimeWait: COUNT, isnKey: list(INT32, 4),
  cookies: SYNCOOKIES, fast: FASTOPEN, keys: list(KEY), ao: AO,
  held: COUNT, searchAt: AMOUNT, orphans: COUNT, challenges: COUNT, challengeQuota: COUNT, challengeAt: PAST,
  seg: SCRATCH, rate: SCRATCH, opt: SCRATCH,
  trace: TRACE,
}, {
  fields: {},
  take(to, _gone, lacks) {
    if (lacks.has('held')) for (const tcb of to.tcbs.values()) to.held += tcbSeen(tcb).held
  },
})

/** Where out-of-order data lies behind the readable bytes; nowhere once nobody will read it. */
export function parkedRanges(tcb: Tcb): number[] {
  const parked: number[] = []
  if ((tcb.flags & TF_CANTRCVMORE) !== 0 || tcb.state === TCPS_CLOSED) return parked
  const { reass, rcvBuf, rcvNxt } = tcb
  for (let i = 0; i < reass.length; i += 2) {
    parked.push(rcvBuf.len + seqDiff(reass[i], rcvNxt), seqDiff(reass[i + 1], reass[i]))
  }
  return parked
}
