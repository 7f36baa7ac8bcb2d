/**
 * The user's calls (RFC 9293 §3.10.1–§3.10.6): OPEN here as attach, bind, listen, connect and accept; SEND, RECEIVE
 * and CLOSE in their own files. Each returns an errno (0: done) or, where a count or an id is the result, its negative.
 */

import { inpBind, inpConflict, inpConnect } from '../inet/bind.ts'
import { inpLookup, inpRemove } from '../inet/inptable.ts'
import { inpTakeError } from '../inet/inpopt.ts'
import { inetIsBroadcast } from '../inet/source.ts'
import { INP_LISTENING } from '../inet/state.ts'
import { EV_ACCEPT, EV_ERROR, EV_GONE, EV_READ, EV_WRITE } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy, addrIsMulticast, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import {
  EADDRINUSE, EADDRNOTAVAIL, EAGAIN, EALREADY, EBADF, EINPROGRESS, EINVAL, EISCONN, ENETUNREACH, ENOBUFS, EOPNOTSUPP,
} from '../lib/errno.ts'
import { SEQ_ZERO, seqAdd } from '../lib/seq.ts'
import { TCP_MAXWIN } from '../wire/tcp.ts'
import { tcpTimerSet, tcpTimerStopAll } from './deadline.ts'
import { tcpEnd } from './drop.ts'
import { tcpEcnOffer } from './ecn.ts'
import { tcpCanSend, tcpSetState } from './fsm.ts'
import { tcpIsn, tcpTsOffset } from './isn.ts'
import { tcpMssPeer, tcpMssUpdate } from './mss.ts'
import { tcpOffers } from './options.ts'
import { tcpOutput } from './output.ts'
import { tcpRttInit } from './rtt.ts'
import {
  TCPS_CLOSED, TCPS_LISTEN, TCPS_SYN_RECEIVED, TCPS_SYN_SENT, TF_CANTRCVMORE, TF_CANTSENDMORE, TF_GOTFIN, TF_SCALE,
  TT_KEEP, createListener,
} from './state.ts'
import type { Tcb } from './state.ts'
import { tcpNewTcb } from './tcb.ts'
import { tcpUrgentLeft, EV_URGENT } from './urgent.ts'
import { tcpWscaleFor } from './window.ts'

export { tcpAbort, tcpClose, tcpShutdown } from './close.ts'
export { tcpRecv } from './recv.ts'
export { tcpSend } from './send.ts'

/** Attempts to find an ephemeral port whose four-tuple is not in TIME-WAIT. */
const CONNECT_TRIES = 64

/** A new socket; returns its id. */
export function tcpAttach(vn: Vn, family: number): number {
  return tcpNewTcb(vn, family).inp.id
}

/** Sets the local address and port (MUST-43); port 0 takes an ephemeral one. */
export function tcpBind(vn: Vn, id: number, addr: Addr, port: number): number {
  const { tcp } = vn.state
  const tcb = tcp.tcbs.get(id)
  if (tcb === undefined) return EBADF
  if (tcb.state !== TCPS_CLOSED || isUsed(tcb)) return EINVAL
  return inpBind(vn, tcb.inp, tcp.table, tcp.tcbs, addr, port)
}

/** Passive OPEN; on a listener it changes the backlog. Connections that exist are not touched (MUST-41). */
export function tcpListen(vn: Vn, id: number, backlog: number): number {
  const { tcp, sysctl } = vn.state
  const tcb = tcp.tcbs.get(id)
  if (tcb === undefined) return EBADF
  const most = sysctl['kern.ipc.soacceptqueue']
  const limit = backlog < 0 ? most : Math.min(Math.max(1, backlog), most)
  const listener = tcp.listeners.get(id)
  if (listener !== undefined) {
    listener.backlog = limit
    return 0
  }
  if (tcb.state !== TCPS_CLOSED || isUsed(tcb)) return EINVAL
  if (tcb.inp.lport === 0) {
    const errno = inpBind(vn, tcb.inp, tcp.table, tcp.tcbs, tcb.inp.laddr, 0)
    if (errno !== 0) return errno
  }
  // asked before it counts as a listener: connections of a server that was restarted are no reason to refuse
  if (inpConflict(tcb.inp, tcp.table, tcp.tcbs, tcb.inp.laddr, tcb.inp.lport)) return EADDRINUSE
  tcb.inp.options |= INP_LISTENING
  tcpSetState(tcb, TCPS_LISTEN)
  tcp.listeners.set(id, createListener(limit))
  return 0
}

/** The id of the oldest connection that waits, or -EAGAIN. */
export function tcpAccept(vn: Vn, id: number): number {
  const { tcp } = vn.state
  if (!tcp.tcbs.has(id)) return -EBADF
  const listener = tcp.listeners.get(id)
  if (listener === undefined) return -EINVAL
  const child = listener.queue.shift()
  if (child === undefined) return -EAGAIN
  ;(tcp.tcbs.get(child) as Tcb).listener = 0
  return child
}

/** Active OPEN: EINPROGRESS once the SYN is on its way (EV_CONNECT or EV_ERROR follows). */
export function tcpConnect(vn: Vn, id: number, addr: Addr, port: number): number {
  const tcb = vn.state.tcp.tcbs.get(id)
  if (tcb === undefined) return EBADF
  if (tcb.state === TCPS_SYN_SENT || tcb.state === TCPS_SYN_RECEIVED) return EALREADY
  if (tcb.state === TCPS_LISTEN) return EOPNOTSUPP
  if (tcb.state !== TCPS_CLOSED || isUsed(tcb)) {
    const errno = inpTakeError(tcb.inp)
    return errno !== 0 ? errno : EISCONN
  }
  // MUST-46: nobody answers for a group
  if (addrIsMulticast(addr) || inetIsBroadcast(vn, addr)) return ENETUNREACH
  const errno = connectTuple(vn, tcb, addr, port)
  if (errno !== 0) return errno
  openActive(vn, tcb)
  const sent = tcpOutput(vn, tcb)
  // after the first, earlier deadline, so that one heap entry serves both
  tcpTimerSet(vn, tcb, TT_KEEP, vn.state.sysctl['net.inet.tcp.keepinit'] * 1000)
  if (sent === 0 || sent === ENOBUFS) return EINPROGRESS
  // no way to the peer, known at once: better told now than by a timeout
  tcpEnd(vn, tcb)
  return sent
}

/** What would not block now: EV_* bits, level-triggered; EV_GONE for an id that does not exist. */
export function tcpReady(vn: Vn, id: number): number {
  const { tcp } = vn.state
  const tcb = tcp.tcbs.get(id)
  if (tcb === undefined) return EV_GONE
  const listener = tcp.listeners.get(id)
  if (listener !== undefined) return listener.queue.length > 0 ? EV_ACCEPT : 0
  let what = tcb.inp.soError !== 0 ? EV_ERROR : 0
  if (tcb.state === TCPS_CLOSED && !isUsed(tcb)) return what
  if (tcb.rcvBuf.len > 0 && tcb.state !== TCPS_SYN_RECEIVED) what |= EV_READ
  if ((tcb.flags & (TF_GOTFIN | TF_CANTRCVMORE)) !== 0 || isUsed(tcb)) what |= EV_READ
  if ((tcb.flags & TF_CANTSENDMORE) !== 0 || (tcpCanSend(tcb.state) && tcb.sndBuf.len < tcb.sndLimit)) what |= EV_WRITE
  return tcpUrgentLeft(tcb) > 0 ? what | EV_URGENT : what
}

/** A socket whose connection is over: it can be read to its end and closed, not used again. */
function isUsed(tcb: Tcb): boolean {
  return tcb.state === TCPS_CLOSED && (tcb.flags & TF_CANTSENDMORE) !== 0
}

/** Gives the socket its four-tuple, one that no TIME-WAIT record and no half-open connection has. */
function connectTuple(vn: Vn, tcb: Tcb, addr: Addr, port: number): number {
  const { tcp } = vn.state
  const { inp } = tcb
  const bound = inp.lport !== 0
  const laddr = createAddr()
  addrCopy(laddr, inp.laddr)
  const lport = inp.lport
  for (let i = 0; i < CONNECT_TRIES; i++) {
    const errno = inpConnect(vn, inp, tcp.table, tcp.tcbs, addr, port)
    if (errno !== 0) return errno
    if (inpLookup(vn, tcp.timewaitTable, tcp.timewait, inp.laddr, inp.lport, inp.faddr, inp.fport) === null &&
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

/** SYN-SENT (RFC 9293 §3.10.1): numbers, windows and options that our SYN offers. */
function openActive(vn: Vn, tcb: Tcb): void {
  const { tcp } = vn.state
  tcp.stats.connattempt++
  tcpTimerStopAll(tcb)
  tcb.iss = tcpIsn(vn, tcb.inp)
  tcb.sndUna = tcb.iss
  tcb.sndNxt = tcb.iss
  tcb.sndMax = tcb.iss
  tcb.sndUp = tcb.iss
  tcb.rcvNxt = SEQ_ZERO
  tcb.rcvAdv = seqAdd(SEQ_ZERO, Math.min(tcb.rcvLimit, TCP_MAXWIN))
  tcb.tsOffset = tcpTsOffset(vn, tcb.inp)
  tcb.flags |= tcpOffers(vn)
  tcb.ecn = tcpEcnOffer(vn)
  tcb.ecnRecover = tcb.iss
  if ((tcb.flags & TF_SCALE) !== 0) tcb.rcvWscale = tcpWscaleFor(vn, tcb.rcvLimit)
  tcb.peerMss = tcpMssPeer(vn, tcb.inp.faddr, 0)
  tcpMssUpdate(vn, tcb)
  tcpRttInit(vn, tcb)
  tcb.rcvAt = vn.state.now
  tcpSetState(tcb, TCPS_SYN_SENT)
}
