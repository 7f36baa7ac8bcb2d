/**
 * Half-open connections of listeners (SYN-RECEIVED after a passive open, RFC 9293 §3.10.7.4; RFC 4987 §3.2): a small
 * record per SYN, bounded for each listener and in total, turned into a connection by the handshake's last ACK. Beyond
 * the bounds a SYN is answered with a cookie (syncookie.ts).
 * Text that came with the SYN is not kept: it is not acknowledged, so it comes again.
 */

import { inpInsert, inpRemove } from '../inet/inptable.ts'
import { TIMER_SYNCACHE, alarmSet } from '../kern/timer.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy } from '../lib/addr.ts'
import type { Frame } from '../lib/frame.ts'
import { seqAdd, seqGeq, seqLeq, seqLt } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { tableIn } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'
import { TCP_DPORT, TCP_MAXWIN, TCP_SPORT, TH_ACK, TH_ECE, TH_FIN, TH_RST, TH_SYN } from '../wire/tcp.ts'
import { TOF_TS } from '../wire/tcp-options.ts'
import type { TcpOptions } from '../wire/tcp-options.ts'
import { tcbOf } from './dormant.ts'
import { tcpEcnAnswer } from './ecn.ts'
import { tcpFastOpenGive } from './fastopen.ts'
import { tcpIsn, tcpTsNow, tcpTsOffset } from './isn.ts'
import { tcpMssOffer } from './mss.ts'
import { tcpNegotiate, tcpOffers, tcpPawsReject, tcpSynOptions, tcpTsUpdate } from './options.ts'
import { replyOptions, tcpChallengeAllowed, tcpReset, tcpSegment } from './respond.ts'
import { tcpRouteBack } from './route.ts'
import { tcpSegmentInput } from './segment.ts'
import { FO_EXP, FO_GIVE } from './state-open.ts'
import { ECN_ON, TF_TSTMP } from './state.ts'
import { createSyncache } from './state-small.ts'
import type { Seg, Tcb } from './state.ts'
import type { Listener, Syncache, TimeWait } from './state-small.ts'
import { tcpCookieEcn, tcpCookieMake, tcpCookieOpen } from './syncookie.ts'
import { tcpFromSyncache } from './tcb.ts'
import { tcpTraceChild } from './trace.ts'
import { tcpUtoOption } from './uto.ts'
import { tcpWindowClamp, tcpWscaleFor } from './window.ts'
import { tcpStats } from './stats.ts'
import { tcpOpt } from './state-scratch.ts'

/** How far above the last number of the previous incarnation a new one starts (RFC 1122 §4.2.2.13 (b)). */
export const REOPEN_GAP = 131_072

/**
 * Answers a SYN for a listener and remembers it. `tw` is the TIME-WAIT record it replaces, or null; `fast` (FO_GIVE) asks
 * for a Fast Open cookie in the SYN,ACK.
 */
export function tcpSyncacheAdd(
  vn: Vn, tcb: Tcb, listener: Listener, f: Frame, seg: Seg, tw: TimeWait | null, fast: number,
): void {
  const { tcp, sysctl } = vn.state
  const full = listener.synCount >= sysctl['net.inet.tcp.syncache.listenlimit'] ||
    tcp.syncache.size >= sysctl['net.inet.tcp.syncache.cachelimit']
  if (sysctl['net.inet.tcp.syncookies_only'] === 1 || (full && sysctl['net.inet.tcp.syncookies'] === 1)) {
    const sc = tcpSyncacheFill(vn, tcb, 0, f, seg.seq, seg.opt)
    sc.fastFlags = fast
    if ((sc.flags & TF_TSTMP) !== 0) sc.ecn = tcpEcnAnswer(vn, seg.flags)
    tcpCookieMake(vn, sc)
    tcpStats(vn).scSendcookie++
    return sendSynAck(vn, tcb, sc)
  }
  if (full) {
    // a flooded listener pays for its own flood, not the others
    if (listener.synCount === 0) return countDrop(vn, tcpStats(vn), 'tcp', 'listendrop', f)
    tcpStats(vn).scOverflow++
    tcpSyncacheRemove(vn, tcp.syncache.get(listener.synOldest) as Syncache)
  }
  const sc = tcpSyncacheFill(vn, tcb, tcp.nextRecord++, f, seg.seq, seg.opt)
  const { inp } = sc
  sc.iss = tcpIsn(vn, inp)
  if (tw !== null && seqLeq(sc.iss, tw.sndNxt)) sc.iss = seqAdd(tw.sndNxt, REOPEN_GAP)
  sc.sndWnd = seg.win
  sc.ecn = tcpEcnAnswer(vn, seg.flags)
  sc.fastFlags = fast
  tcpStats(vn).scAdded++
  tableIn(tcp, 'syncache').set(inp.id, sc)
  chainNewest(tcp.syncache, listener, sc)
  inpInsert(vn, tcp.syncacheTable, inp)
  sc.sentAt = vn.state.now
  arm(vn, sc)
  sendSynAck(vn, tcb, sc)
}

/**
 * An ACK for a listener, while SYN cookies are out: true when it brings one back, and has been dealt with as the last
 * ACK of a handshake. Borrows the frame.
 */
export function tcpSyncacheCookie(vn: Vn, tcb: Tcb, f: Frame, seg: Seg): boolean {
  if (!tcpCookieOpen(vn, f, seg, tcpOpt(vn))) return false
  tcpStats(vn).scRecvcookie++
  const sc = tcpSyncacheFill(vn, tcb, 0, f, seqAdd(seg.seq, -1), tcpOpt(vn))
  sc.iss = seqAdd(seg.ack, -1)
  if (tcpCookieEcn(seg)) sc.ecn = ECN_ON
  // when the SYN,ACK went nobody knows: no round trip to measure
  sc.sentAt = -1
  complete(vn, tcb, sc, f, seg)
  return true
}

/** A segment for a half-open connection. Borrows the frame. */
export function tcpSyncacheInput(vn: Vn, sc: Syncache, f: Frame, seg: Seg): void {
  const stats = tcpStats(vn)
  const tcb = tcbOf(vn, sc.listener) as Tcb
  const rcvNxt = seqAdd(sc.irs, 1)
  const inWindow = seqGeq(seg.seq, rcvNxt) && seqLt(seg.seq, seqAdd(rcvNxt, Math.max(1, sc.wnd)))
  if ((seg.flags & TH_RST) !== 0) {
    // back to LISTEN, and the user never hears of it
    if (seg.seq === rcvNxt) return removeFor(vn, sc, 'scReset', f)
    countDrop(vn, stats, 'tcp', 'badrst', f)
    if (inWindow && tcpChallengeAllowed(vn, tcb)) sendAck(vn, sc)
    return
  }
  if ((seg.flags & TH_SYN) !== 0) {
    // a SYN within the window cannot be the one we know: return to LISTEN (RFC 9293 §3.10.7.4, fourth)
    if (inWindow) return removeFor(vn, sc, 'scAborted', f)
    countDrop(vn, stats, 'tcp', 'scDupsyn', f)
    if (seg.seq === sc.irs) tcpRouteBack(vn, sc.inp, f)
    if (seg.seq === sc.irs && (sc.flags & TF_TSTMP) !== 0 && (seg.opt.flags & TOF_TS) !== 0) {
      tcpTsUpdate(vn, sc, seg.opt.tsVal)
    }
    // a peer that gave up asking for ECN shall not be told that it has it (RFC 3168 §6.1.1)
    sc.ecn &= tcpEcnAnswer(vn, seg.flags)
    return sendSynAck(vn, tcb, sc)
  }
  if ((seg.flags & TH_ACK) === 0) return countDrop(vn, stats, 'tcp', 'rcvnoack', f)
  if ((sc.flags & TF_TSTMP) !== 0 && (seg.opt.flags & TOF_TS) === 0 &&
    vn.state.sysctl['net.inet.tcp.tolerate_missing_ts'] === 0) return countDrop(vn, stats, 'tcp', 'rcvnots', f)
  const old = tcpPawsReject(vn, sc, seg)
  if (old || !inWindow) {
    countDrop(vn, stats, 'tcp', old ? 'pawsdrop' : 'rcvoutwin', f)
    if (tcpChallengeAllowed(vn, tcb)) sendAck(vn, sc)
    return
  }
  if (seg.ack !== seqAdd(sc.iss, 1)) {
    countDrop(vn, stats, 'tcp', 'scBadack', f)
    return tcpReset(vn, f, seg)
  }
  if (seg.len === 0 && (seg.flags & TH_FIN) === 0 && sc.timeouts < tcb.user.deferAccept) {
    // TCP_DEFER_ACCEPT: the user wants to hear of the connection with its first data
    sc.acked = true
    return countDrop(vn, stats, 'tcp', 'deferaccept', f)
  }
  complete(vn, tcb, sc, f, seg)
}

/** A deadline came: the SYN,ACK again, with doubled patience, until the limit (RFC 6298 §5.5). */
export function tcpSyncacheTimer(vn: Vn, sc: Syncache): void {
  const { sysctl } = vn.state
  const tcb = tcbOf(vn, sc.listener) as Tcb
  const { deferAccept } = tcb.user
  const deferred = sc.acked && sc.timeouts < deferAccept
  if (sc.timeouts >= sysctl['net.inet.tcp.syncache.rexmtlimit'] && !deferred) {
    tcpStats(vn).scStale++
    return tcpSyncacheRemove(vn, sc)
  }
  // a peer that has acknowledged is asked again only when its next ACK will do
  const again = !sc.acked || sc.timeouts >= deferAccept - 1
  sc.timeouts++
  arm(vn, sc)
  if (!again) return
  sc.rexmits++
  tcpStats(vn).scRetransmitted++
  sendSynAck(vn, tcb, sc)
}

export function tcpSyncacheRemove(vn: Vn, sc: Syncache): void {
  const { tcp } = vn.state
  inpRemove(vn, tcp.syncacheTable, tcp.syncache, sc.inp)
  unchain(tcp.syncache, tcp.listeners.get(sc.listener) as Listener, sc)
  tcp.syncache.delete(sc.inp.id)
}

/** A listener closes: nobody waits for these any more. */
export function tcpSyncacheRemoveAll(vn: Vn, listener: Listener): void {
  const { tcp } = vn.state
  while (listener.synOldest !== 0) tcpSyncacheRemove(vn, tcp.syncache.get(listener.synOldest) as Syncache)
}

/** A record for a SYN to the listener `tcb` with the number `irs` and the options `opt`; in no table yet. */
export function tcpSyncacheFill(vn: Vn, tcb: Tcb, key: number, f: Frame, irs: Seq, opt: TcpOptions): Syncache {
  const sc = createSyncache(key, tcb.inp.family)
  const { inp } = sc
  addrCopy(inp.laddr, f.dst)
  addrCopy(inp.faddr, f.src)
  inp.lport = f.view.getUint16(f.l4 + TCP_DPORT)
  inp.fport = f.view.getUint16(f.l4 + TCP_SPORT)
  inp.tos = tcb.inp.tos
  inp.ttl = tcb.inp.ttl
  if (tcb.inp.ipOptions.length > 0) inp.ipOptions = tcb.inp.ipOptions.slice()
  tcpRouteBack(vn, inp, f)
  sc.listener = tcb.inp.id
  sc.irs = irs
  sc.wnd = Math.min(tcb.rcvLimit, TCP_MAXWIN, tcpWindowClamp(tcb))
  sc.rcvWscale = tcpWscaleFor(vn, tcb)
  sc.tsOffset = tcpTsOffset(vn, inp)
  sc.flags = tcb.user.noOptions ? 0 : tcpOffers(vn)
  tcpNegotiate(vn, sc, opt)
  return sc
}

/** The last ACK of the handshake: the connection gets its control block, if the listener has room for it. */
function complete(vn: Vn, tcb: Tcb, sc: Syncache, f: Frame, seg: Seg): void {
  const { tcp, sysctl } = vn.state
  const listener = tcp.listeners.get(sc.listener) as Listener
  if (listener.queue.length >= listener.backlog) {
    countDrop(vn, tcpStats(vn), 'tcp', 'listendrop', f)
    if (sysctl['net.inet.tcp.syncache.rst_on_sock_fail'] === 0) return
    forget(vn, sc)
    return tcpReset(vn, f, seg)
  }
  tcpStats(vn).scCompleted++
  tcpStats(vn).accepts++
  forget(vn, sc)
  const child = tcpFromSyncache(vn, tcb, sc)
  tcpTraceChild(vn, sc.listener, child)
  seg.win *= 2 ** child.sndWscale
  tcpSegmentInput(vn, child, f, seg)
}

/** Takes a record out of the tables; what came back as a cookie was in none. */
function forget(vn: Vn, sc: Syncache): void {
  if (sc.inp.id !== 0) tcpSyncacheRemove(vn, sc)
}

function removeFor(vn: Vn, sc: Syncache, counter: 'scReset' | 'scAborted', f: Frame): void {
  countDrop(vn, tcpStats(vn), 'tcp', counter, f)
  tcpSyncacheRemove(vn, sc)
}

/**
 * A chain and not a Set: to find its oldest, a Set steps over all that was deleted before it (3 to 9 µs in a flood).
 */
function chainNewest(all: Table<Syncache>, listener: Listener, sc: Syncache): void {
  sc.older = listener.synNewest
  if (sc.older === 0) listener.synOldest = sc.inp.id
  else (all.get(sc.older) as Syncache).newer = sc.inp.id
  listener.synNewest = sc.inp.id
  listener.synCount++
}

function unchain(all: Table<Syncache>, listener: Listener, sc: Syncache): void {
  if (sc.older === 0) listener.synOldest = sc.newer
  else (all.get(sc.older) as Syncache).newer = sc.newer
  if (sc.newer === 0) listener.synNewest = sc.older
  else (all.get(sc.newer) as Syncache).older = sc.older
  listener.synCount--
}

function arm(vn: Vn, sc: Syncache): void {
  sc.deadline = vn.state.now + vn.state.sysctl['net.inet.tcp.rexmit_initial'] * 1000 * 2 ** sc.timeouts
  alarmSet(vn.state.timers, TIMER_SYNCACHE, sc.inp.id, sc, sc.deadline)
}

function sendSynAck(vn: Vn, tcb: Tcb, sc: Syncache): void {
  const { inp } = sc
  const opt = replyOptions(vn)
  opt.flags = tcb.user.noOptions ? 0 : tcpSynOptions(sc.flags)
  opt.mss = tcpMssOffer(vn, inp.faddr, tcb.userMss)
  opt.wscale = sc.rcvWscale
  timestamp(vn, sc)
  // RFC 7413 §4.2.1: not on a retransmission, which may be due to the option
  if ((sc.fastFlags & FO_GIVE) !== 0 && sc.rexmits === 0 && !tcb.user.noOptions) {
    tcpFastOpenGive(vn, inp, (sc.fastFlags & FO_EXP) !== 0, opt)
  }
  if (!tcb.user.noOptions) tcpUtoOption(vn, tcb, inp.faddr, true, opt)
  const flags = TH_SYN | TH_ACK | (sc.ecn !== 0 ? TH_ECE : 0)
  tcpStats(vn).sndctrl++
  tcpSegment(
    vn, inp.laddr, inp.lport, inp.faddr, inp.fport, sc.iss, seqAdd(sc.irs, 1), flags, sc.wnd, opt, inp.ttl,
    inp.tos, inp)
}

function sendAck(vn: Vn, sc: Syncache): void {
  const { inp } = sc
  const opt = replyOptions(vn)
  timestamp(vn, sc)
  tcpStats(vn).sndacks++
  tcpSegment(
    vn, inp.laddr, inp.lport, inp.faddr, inp.fport, seqAdd(sc.iss, 1), seqAdd(sc.irs, 1), TH_ACK,
    Math.floor(sc.wnd / 2 ** sc.rcvWscale), opt, inp.ttl, inp.tos, inp)
}

/** Adds the timestamp to the scratch options. */
function timestamp(vn: Vn, sc: Syncache): void {
  if ((sc.flags & TF_TSTMP) === 0) return
  const opt = tcpOpt(vn)
  opt.flags |= TOF_TS
  opt.tsVal = tcpTsNow(vn, sc.tsOffset)
  opt.tsEcr = sc.tsRecent
}
