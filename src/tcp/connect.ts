/** Active OPEN (RFC 9293 §3.10.1), also with data in the SYN (RFC 7413 §4.2.2) or from TIME-WAIT (RFC 6191 §2). */

import { inpBind, inpConnect } from '../inet/bind.ts'
import { inpLookup, inpRemove } from '../inet/inptable.ts'
import { inpTakeError } from '../inet/inpopt.ts'
import { inetIsBroadcast } from '../inet/source.ts'
import { EV_CONNECT, EV_WRITE, eventPost } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy, addrIsMulticast, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { ringAppend } from '../lib/bytering.ts'
import {
  EADDRINUSE, EADDRNOTAVAIL, EALREADY, EBADF, EINPROGRESS, EISCONN, ENETUNREACH, ENOBUFS, EOPNOTSUPP,
} from '../lib/errno.ts'
import { SEQ_ZERO, seqAdd, seqLeq } from '../lib/seq.ts'
import { TCP_MAXWIN } from '../wire/tcp.ts'
import { tcpTimerSet, tcpTimerStopAll } from './deadline.ts'
import { tcbOf } from './dormant.ts'
import { tcpEnd } from './drop.ts'
import { tcpEcnOffer } from './ecn.ts'
import { tcpFastHasCookie, tcpFastMayOpen } from './fastclient.ts'
import { tcpSetState } from './fsm.ts'
import { tcpIsn, tcpTsOffset } from './isn.ts'
import { tcpMssPeer, tcpMssUpdate } from './mss.ts'
import { tcpOffers } from './options.ts'
import { tcpOutput } from './output.ts'
import { tcpCharge, tcpSndLimit } from './quota.ts'
import { tcpRttInit } from './rtt.ts'
import { FO_ACTIVE, FO_CONNECT, FO_DEFERRED } from './state-open.ts'
import {
  TCPS_CLOSED, TCPS_LISTEN, TCPS_SYN_RECEIVED, TCPS_SYN_SENT, TF_CANTSENDMORE, TF_SCALE, TF_WANTWRITE, TT_KEEP,
} from './state.ts'
import type { Tcb } from './state.ts'
import type { TimeWait } from './state-small.ts'
import { REOPEN_GAP } from './syncache.ts'
import { tcpTimeWaitEnd, tcpTimeWaitReusable } from './timewait.ts'
import { tcpKeepInitMs } from './useropt.ts'
import { tcpWindowClamp, tcpWscaleFor } from './window.ts'
import { tcpStats } from './stats.ts'

/** Attempts to find an ephemeral port whose four-tuple is not in TIME-WAIT. */
const CONNECT_TRIES = 64

/**
 * Active OPEN: EINPROGRESS once the SYN is on its way (EV_CONNECT or EV_ERROR follows). 0 when the SYN waits for the first
 * data, to take it along (TCP_FASTOPEN_CONNECT, and there is a cookie).
 */
export function tcpConnect(vn: Vn, id: number, addr: Addr, port: number): number {
  const tcb = tcbOf(vn, id)
  if (tcb === undefined) return EBADF
  const errno = prepare(vn, tcb, addr, port)
  if (errno !== 0) return errno
  if ((tcb.fastFlags & FO_CONNECT) !== 0 && tcpFastMayOpen(vn, tcb)) {
    if (tcpFastHasCookie(vn, tcb)) {
      tcb.fastFlags |= FO_DEFERRED
      eventPost(vn, id, EV_CONNECT | EV_WRITE)
      return 0
    }
    tcb.fastFlags |= FO_ACTIVE
  }
  return sendSyn(vn, tcb)
}

/**
 * Opens and sends in one (MSG_FASTOPEN): with a cookie the data goes in the SYN as far as it fits, and the bytes taken are
 * returned. Without one nothing is taken: -EINPROGRESS, and the SYN asks for a cookie. -EOPNOTSUPP where Fast Open is off.
 */
export function tcpFastConnect(
  vn: Vn, id: number, buf: Uint8Array, at: number, len: number, addr: Addr, port: number,
): number {
  const tcb = tcbOf(vn, id)
  if (tcb === undefined) return -EBADF
  if (vn.state.sysctl['net.inet.tcp.fastopen.client_enable'] === 0) return -EOPNOTSUPP
  const errno = prepare(vn, tcb, addr, port)
  if (errno !== 0) return -errno
  const may = tcpFastMayOpen(vn, tcb)
  if (may) tcb.fastFlags |= FO_ACTIVE
  if (!may || !tcpFastHasCookie(vn, tcb)) return -sendSyn(vn, tcb)
  const n = Math.min(len, tcpSndLimit(vn, tcb))
  if (n < len) tcb.flags |= TF_WANTWRITE
  ringAppend(tcb.sndBuf, buf, at, n)
  tcpCharge(vn, tcb)
  const sent = sendSyn(vn, tcb)
  return sent === EINPROGRESS ? n : -sent
}

/** The SYN that waited for the user's data goes, with it. */
export function tcpConnectNow(vn: Vn, tcb: Tcb): void {
  tcb.fastFlags = tcb.fastFlags & ~FO_DEFERRED | FO_ACTIVE
  sendSyn(vn, tcb)
}

/** A socket whose connection is over: it can be read to its end and closed, not used again. */
export function tcpIsUsed(tcb: Tcb): boolean {
  return tcb.state === TCPS_CLOSED && (tcb.flags & TF_CANTSENDMORE) !== 0
}

/** SYN-SENT, with nothing sent yet; or an errno. */
function prepare(vn: Vn, tcb: Tcb, addr: Addr, port: number): number {
  if (tcb.state === TCPS_SYN_SENT || tcb.state === TCPS_SYN_RECEIVED) return EALREADY
  if (tcb.state === TCPS_LISTEN) return EOPNOTSUPP
  if (tcb.state !== TCPS_CLOSED || tcpIsUsed(tcb)) {
    const errno = inpTakeError(tcb.inp)
    return errno !== 0 ? errno : EISCONN
  }
  // MUST-46: nobody answers for a group
  if (addrIsMulticast(addr) || inetIsBroadcast(vn, addr)) return ENETUNREACH
  const errno = connectTuple(vn, tcb, addr, port)
  if (errno !== 0) return errno
  const tw = timeWaitOf(vn, tcb)
  openActive(vn, tcb, tw)
  if (tw !== null) {
    tcpStats(vn).twReused++
    tcpTimeWaitEnd(vn, tw)
  }
  return 0
}

function sendSyn(vn: Vn, tcb: Tcb): number {
  const sent = tcpOutput(vn, tcb)
  // after the first, earlier deadline, so that one heap entry serves both
  tcpTimerSet(vn, tcb, TT_KEEP, tcpKeepInitMs(vn, tcb) * 1000)
  if (sent === 0 || sent === ENOBUFS) return EINPROGRESS
  // no way to the peer, known at once: better told now than by a timeout
  tcpEnd(vn, tcb)
  return sent
}

/**
 * Gives the socket its four-tuple: one that no half-open connection has, and no TIME-WAIT record. A port that the user has
 * chosen, or the last of many tried, may be one in TIME-WAIT that timestamps allow to be used again.
 */
function connectTuple(vn: Vn, tcb: Tcb, addr: Addr, port: number): number {
  const { tcp } = vn.state
  const { inp } = tcb
  const bound = inp.lport !== 0
  const laddr = createAddr()
  addrCopy(laddr, inp.laddr)
  const lport = inp.lport
  for (let i = 1; i <= CONNECT_TRIES; i++) {
    const errno = inpConnect(vn, inp, tcp.table, tcp.tcbs, addr, port)
    if (errno !== 0) return errno
    const tw = timeWaitOf(vn, tcb)
    const last = bound || i === CONNECT_TRIES
    if ((tw === null || (last && tcpTimeWaitReusable(vn, tw))) &&
      inpLookup(vn, tcp.syncacheTable, tcp.syncache, inp.laddr, inp.lport, inp.faddr, inp.fport) === null) return 0
    inpRemove(vn, tcp.table, tcp.tcbs, inp)
    addrCopy(inp.laddr, laddr)
    addrCopy(inp.faddr, createAddr())
    inp.lport = 0
    inp.fport = 0
    if (!bound) continue
    const back = inpBind(vn, inp, tcp.table, tcp.tcbs, laddr, lport)
    return back !== 0 ? back : EADDRINUSE
  }
  return EADDRNOTAVAIL
}

function timeWaitOf(vn: Vn, { inp }: Tcb): TimeWait | null {
  const { tcp } = vn.state
  return inpLookup(vn, tcp.timewaitTable, tcp.timewait, inp.laddr, inp.lport, inp.faddr, inp.fport)
}

/** SYN-SENT (RFC 9293 §3.10.1): numbers, windows and options that our SYN offers. `tw` is the incarnation before, or null. */
function openActive(vn: Vn, tcb: Tcb, tw: TimeWait | null): void {
  tcpStats(vn).connattempt++
  tcpTimerStopAll(tcb)
  tcb.iss = tcpIsn(vn, tcb.inp)
  if (tw !== null && seqLeq(tcb.iss, tw.sndNxt)) tcb.iss = seqAdd(tw.sndNxt, REOPEN_GAP)
  tcb.sndUna = tcb.iss
  tcb.sndNxt = tcb.iss
  tcb.sndMax = tcb.iss
  tcb.sndUp = tcb.iss
  tcb.ecn = tcpEcnOffer(vn)
  tcb.ecnRecover = tcb.iss
  tcb.rcvNxt = SEQ_ZERO
  tcb.rcvAdv = seqAdd(SEQ_ZERO, Math.min(tcb.rcvLimit, TCP_MAXWIN, tcpWindowClamp(tcb)))
  tcb.tsOffset = tcpTsOffset(vn, tcb.inp)
  if (!tcb.user.noOptions) tcb.flags |= tcpOffers(vn)
  if ((tcb.flags & TF_SCALE) !== 0) tcb.rcvWscale = tcpWscaleFor(vn, tcb)
  tcb.peerMss = tcpMssPeer(vn, tcb.inp.faddr, 0)
  tcpMssUpdate(vn, tcb)
  tcpRttInit(vn, tcb)
  tcb.rcvAt = vn.state.now
  tcpSetState(tcb, TCPS_SYN_SENT)
}
