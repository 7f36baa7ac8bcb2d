/** Control blocks: made for a user (attach) or from a completed handshake (what a listener passes on). */

import { inpInsert } from '../inet/inptable.ts'
import { createInpcb, INP_LISTENING, INP_PASSIVE, SO_TCP } from '../inet/state.ts'
import { socketId } from '../inet/socket.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy } from '../lib/addr.ts'
import { seqAdd } from '../lib/seq.ts'
import { tableIn } from '../lib/table.ts'
import { tcpSleeps } from './dormant.ts'
import { tcpSetState } from './fsm.ts'
import { tcpMssOffer, tcpMssUpdate } from './mss.ts'
import { tcpRttInit } from './rtt.ts'
import {
  TCPS_SYN_RECEIVED, TF_CORK, TF_NODELAY, TF_SACK_PERMIT, TF_SCALE, TF_SYNREXMT, TF_TSTMP, createTcb,
} from './state.ts'
import type { Tcb } from './state.ts'
import { dormantFresh } from './state-dormant.ts'
import type { Syncache } from './state-small.ts'
import { userOptionsCopy } from './state-user.ts'
import { tcpStats } from './stats.ts'

/** A new block in CLOSED, in the table of sockets, with the Vnet's defaults. */
export function tcpNewTcb(vn: Vn, family: number): Tcb {
  const { sysctl, tcp } = vn.state
  const tcb = createTcb(socketId(vn, SO_TCP), family)
  tcb.sndLimit = sysctl['net.inet.tcp.sendspace']
  tcb.rcvLimit = sysctl['net.inet.tcp.recvspace']
  tcb.cc = sysctl['net.inet.tcp.cc.algorithm']
  tcb.quickAcks = sysctl['net.inet.tcp.quickacks']
  tcpRttInit(vn, tcb)
  tableIn(tcp, 'tcbs').set(tcb.inp.id, tcb)
  return tcb
}

/**
 * A new socket in CLOSED, with the Vnet's defaults; returns its id. It has no block until one is needed, and a listener's is not before the
 * first SYN (bench/peers/density.mjs, vnetCreateUs).
 */
export function tcpNewSocket(vn: Vn, family: number): number {
  const { sysctl, tcp } = vn.state
  if (!tcpSleeps(vn) || tcp.trace.on !== 0) return tcpNewTcb(vn, family).inp.id
  const inp = createInpcb(socketId(vn, SO_TCP), family)
  tableIn(tcp, 'tcbs').set(inp.id, dormantFresh(inp, [
    sysctl['net.inet.tcp.quickacks'], sysctl['net.inet.tcp.sendspace'], sysctl['net.inet.tcp.recvspace'],
    sysctl['net.inet.tcp.cc.algorithm'], sysctl['net.inet.tcp.rexmit_initial'] * 1000,
  ]))
  return inp.id
}

/** The connection of a handshake whose last ACK has come: still SYN-RECEIVED, so that this ACK takes its usual way. */
export function tcpFromSyncache(vn: Vn, listener: Tcb, sc: Syncache): Tcb {
  const tcb = tcpNewTcb(vn, listener.inp.family)
  const { inp } = tcb
  addrCopy(inp.laddr, sc.inp.laddr)
  addrCopy(inp.faddr, sc.inp.faddr)
  inp.lport = sc.inp.lport
  inp.fport = sc.inp.fport
  inherit(tcb, listener)
  inp.options |= INP_PASSIVE
  inp.ipOptions = sc.inp.ipOptions
  inp.ipRoute = sc.inp.ipRoute
  tcb.listener = listener.inp.id
  tcb.flags |= sc.flags & (TF_TSTMP | TF_SCALE | TF_SACK_PERMIT)
  if (sc.rexmits > 0) tcb.flags |= TF_SYNREXMT
  else tcb.rttAt = sc.sentAt
  tcb.iss = sc.iss
  tcb.sndUna = sc.iss
  tcb.sndNxt = seqAdd(sc.iss, 1)
  tcb.sndMax = tcb.sndNxt
  tcb.rttSeq = tcb.sndNxt
  tcb.sndUp = sc.iss
  tcb.irs = sc.irs
  tcb.rcvNxt = seqAdd(sc.irs, 1)
  tcb.rcvUp = tcb.rcvNxt
  tcb.lastAckSent = tcb.rcvNxt
  tcb.rcvAdv = seqAdd(tcb.rcvNxt, sc.wnd)
  tcb.sndWnd = sc.sndWnd
  tcb.maxSndWnd = sc.sndWnd
  tcb.sndWl1 = sc.irs
  tcb.ecn = sc.ecn
  tcb.ecnRecover = sc.iss
  if (sc.ecn !== 0) tcpStats(vn).ecn_shs++
  tcb.sndWscale = sc.sndWscale
  tcb.rcvWscale = sc.rcvWscale
  tcb.peerMss = sc.peerMss
  tcb.tsOffset = sc.tsOffset
  tcb.tsRecent = sc.tsRecent
  tcb.tsRecentAt = sc.tsRecentAt
  tcb.offerMss = tcpMssOffer(vn, inp.faddr, tcb.userMss)
  tcpMssUpdate(vn, tcb)
  tcpSetState(tcb, TCPS_SYN_RECEIVED)
  inpInsert(vn, vn.state.tcp.table, inp)
  return tcb
}

/** Options that were set on the listener hold for its connections. */
function inherit(tcb: Tcb, from: Tcb): void {
  tcb.inp.options = from.inp.options & ~INP_LISTENING
  tcb.inp.ttl = from.inp.ttl
  tcb.inp.tos = from.inp.tos
  tcb.inp.mtuDiscover = from.inp.mtuDiscover
  tcb.flags |= from.flags & (TF_NODELAY | TF_CORK)
  tcb.sndLimit = from.sndLimit
  tcb.rcvLimit = from.rcvLimit
  tcb.bufFixed = from.bufFixed
  tcb.userMss = from.userMss
  tcb.cc = from.cc
  tcb.maxPaceRate = from.maxPaceRate
  tcb.keepIdleMs = from.keepIdleMs
  tcb.keepIntvlMs = from.keepIntvlMs
  tcb.keepCnt = from.keepCnt
  tcb.userTimeoutMs = from.userTimeoutMs
  tcb.linger = from.linger
  userOptionsCopy(tcb, from.user)
}
