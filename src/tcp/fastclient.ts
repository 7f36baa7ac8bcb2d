/**
 * TCP Fast Open, the client's side (RFC 7413 §4.1.3, §4.2): cookies of servers with their MSS, paths where it does not
 * work, and what a SYN carries of it.
 */

import type { Vn } from '../kern/vn.ts'
import { inpOptionsLen } from '../inet/ipopt.ts'
import { addrCopy, addrEq, addrIsV4 } from '../lib/addr.ts'
import { ECONNREFUSED } from '../lib/errno.ts'
import { seqAdd, seqDiff } from '../lib/seq.ts'
import { TH_ACK } from '../wire/tcp.ts'
import { TCP_MAXOLEN, TOF_FASTEXP, TOF_FASTOPEN, TOF_MSS, tcpOptionsLen } from '../wire/tcp-options.ts'
import type { TcpOptions } from '../wire/tcp-options.ts'
import { tcpSignatureLen } from './auth/room.ts'
import { sentClear } from './sent.ts'
import { FO_ACTIVE, FO_CONNECT, FO_DEFERRED, createFastPath } from './state-open.ts'
import type { FastPath } from './state-open.ts'
import { TF_SYNREXMT } from './state.ts'
import type { Seg, Tcb } from './state.ts'
import { tcpStats } from './stats.ts'

/** A cookie that was not used for a day is of no use: keys change. */
const COOKIE_LIFE_US = 86_400e6
/** The most that a SYN may carry (§4.1.3: the MSS of Ethernet; more may be fragmented or confuse somebody). */
const MSS_MOST_V4 = 1460
const MSS_MOST_V6 = 1440
const MSS_DEFAULT_V4 = 536
const MSS_DEFAULT_V6 = 1220

/** Whether Fast Open may be tried on the connection that is being opened: allowed, and not found useless on its path. */
export function tcpFastMayOpen(vn: Vn, tcb: Tcb): boolean {
  if (vn.state.sysctl['net.inet.tcp.fastopen.client_enable'] === 0) return false
  const path = lookup(vn, tcb)
  return path === null || path.blockedUntil <= vn.state.now
}

/** Whether there is a cookie for the connection that is being opened. */
export function tcpFastHasCookie(vn: Vn, tcb: Tcb): boolean {
  const path = lookup(vn, tcb)
  return path !== null && path.cookieLen > 0 && vn.state.now - path.at < COOKIE_LIFE_US
}

/** Adds the option to those of our first SYN: the cookie, or the request for one. */
export function tcpFastSynOption(vn: Vn, tcb: Tcb, opt: TcpOptions): void {
  const path = lookup(vn, tcb)
  const has = path !== null && tcpFastHasCookie(vn, tcb)
  opt.flags |= TOF_FASTOPEN
  opt.fastLen = 0
  if (has) {
    opt.fastLen = path.cookieLen
    for (let i = 0; i < 4; i++) opt.fast[i] = path.cookie[i]
    if (path.exp) opt.flags |= TOF_FASTEXP
  }
  // §4.2.2: an option that finds no room is no reason not to connect
  if (tcpOptionsLen(opt) + tcpSignatureLen(vn, tcb.inp.lport, tcb.inp.faddr) <= TCP_MAXOLEN) return
  opt.flags &= ~(TOF_FASTOPEN | TOF_FASTEXP)
  opt.fastLen = 0
}

/** How much of the send buffer the SYN with these options carries: nothing without a cookie, else up to the server's MSS. */
export function tcpFastSynLen(vn: Vn, tcb: Tcb, opt: TcpOptions, mtuMss: number): number {
  if ((opt.flags & TOF_FASTOPEN) === 0 || opt.fastLen === 0) return 0
  const v4 = addrIsV4(tcb.inp.faddr)
  const known = lookup(vn, tcb)?.mss ?? 0
  const mss = known > 0 ? known : v4 ? MSS_DEFAULT_V4 : MSS_DEFAULT_V6
  const most = Math.min(mss, mtuMss, v4 ? MSS_MOST_V4 : MSS_MOST_V6) - tcpOptionsLen(opt) -
    tcpSignatureLen(vn, tcb.inp.lport, tcb.inp.faddr) - inpOptionsLen(tcb.inp)
  return Math.max(0, Math.min(tcb.sndBuf.len, most))
}

/**
 * The answer to a SYN that asked for a cookie or carried one (§4.2.2): what it says is remembered, and what it does not
 * acknowledge of the SYN's data counts as never sent.
 */
export function tcpFastSynAck(vn: Vn, tcb: Tcb, seg: Seg): void {
  const stats = tcpStats(vn)
  const first = seqAdd(tcb.iss, 1)
  const carried = seqDiff(tcb.sndMax, first)
  const acked = seqDiff(seg.ack, first)
  const { opt } = seg
  const given = (opt.flags & TOF_FASTOPEN) !== 0 && opt.fastLen > 0
  tcb.fastFlags &= ~(FO_ACTIVE | FO_CONNECT)
  // a SYN that crossed ours says nothing of it (§4.2.2, simultaneous open)
  if ((seg.flags & TH_ACK) === 0) return
  if (acked < carried) {
    tcb.sndMax = seqAdd(first, acked)
    tcb.sndNxt = tcb.sndMax
    sentClear(tcb.sent)
  }
  if (acked > 0) stats.fastopenActive++
  if (given) return learn(vn, tcb, opt)
  if (acked > 0) return refresh(vn, tcb, opt)
  // §4.1.3.1: data not acknowledged; §4.2.1: a request without an answer
  block(vn, tcb)
}

/** The connection ended before it was answered: not by a refusal, so it may have been the option or the data (§4.1.3.1). */
export function tcpFastUnanswered(vn: Vn, tcb: Tcb): void {
  if ((tcb.fastFlags & FO_ACTIVE) === 0) return
  tcb.fastFlags &= ~FO_ACTIVE
  const { soError } = tcb.inp
  if (soError !== 0 && soError !== ECONNREFUSED && (tcb.flags & TF_SYNREXMT) !== 0) block(vn, tcb)
}

/** The SYN of a connection waits for the user's first data. */
export function tcpFastDeferred(tcb: Tcb): boolean {
  return (tcb.fastFlags & FO_DEFERRED) !== 0
}

/** The cookie replaces what was known, and the path works (again). */
function learn(vn: Vn, tcb: Tcb, opt: TcpOptions): void {
  const path = fresh(vn, tcb)
  path.cookieLen = opt.fastLen
  for (let i = 0; i < 4; i++) path.cookie[i] = opt.fast[i]
  path.exp = (opt.flags & TOF_FASTEXP) !== 0
  path.mss = (opt.flags & TOF_MSS) !== 0 ? opt.mss : 0
  path.blockedUntil = 0
}

function refresh(vn: Vn, tcb: Tcb, opt: TcpOptions): void {
  const path = fresh(vn, tcb)
  if ((opt.flags & TOF_MSS) !== 0) path.mss = opt.mss
}

function block(vn: Vn, tcb: Tcb): void {
  const seconds = vn.state.sysctl['net.inet.tcp.fastopen.path_disable_time']
  if (seconds === 0) return
  tcpStats(vn).fastopenBlocked++
  fresh(vn, tcb).blockedUntil = vn.state.now + seconds * 1e6
}

/** Between these addresses, to this port (§4.1.3.1: Fast Open is a matter of the service, too). */
function lookup(vn: Vn, { inp }: Tcb): FastPath | null {
  for (const path of vn.state.tcp.fast.paths) {
    if (path.fport === inp.fport && addrEq(path.faddr, inp.faddr) && addrEq(path.laddr, inp.laddr)) return path
  }
  return null
}

/** The record of a path as the youngest; the oldest gives way. */
function fresh(vn: Vn, tcb: Tcb): FastPath {
  const { paths } = vn.state.tcp.fast
  let path = lookup(vn, tcb)
  if (path !== null) paths.splice(paths.indexOf(path), 1)
  else {
    path = createFastPath()
    addrCopy(path.laddr, tcb.inp.laddr)
    addrCopy(path.faddr, tcb.inp.faddr)
    path.fport = tcb.inp.fport
  }
  while (paths.length >= vn.state.sysctl['net.inet.tcp.fastopen.ccache_limit']) paths.shift()
  path.at = vn.state.now
  paths.push(path)
  return path
}
