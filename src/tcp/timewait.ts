/**
 * TIME-WAIT (RFC 9293 §3.6.1): a small record answers for a finished connection during two MSL, without its buffers and
 * without a socket (the user's socket is finished when it begins).
 */

import { inpInsert, inpRemove } from '../inet/inptable.ts'
import { TIMER_TIMEWAIT, alarmSet } from '../kern/timer.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy } from '../lib/addr.ts'
import type { Frame } from '../lib/frame.ts'
import { seqAdd, seqGt } from '../lib/seq.ts'
import { tableIn } from '../lib/table.ts'
import { TH_ACK, TH_FIN, TH_RST, TH_SYN } from '../wire/tcp.ts'
import { TOF_TS } from '../wire/tcp-options.ts'
import { tcpDetach } from './drop.ts'
import { tcpSetState } from './fsm.ts'
import { tcpTsNow } from './isn.ts'
import { replyOptions, segLen, tcpChallengeAllowed, tcpSegment } from './respond.ts'
import { TCPS_TIME_WAIT, TF_ACKNOW, TF_TSTMP } from './state.ts'
import { createTimeWait } from './state-small.ts'
import type { Seg, Tcb } from './state.ts'
import type { TimeWait } from './state-small.ts'
import { tcpRcvWnd, tcpWindow, tcpWindowField } from './window.ts'
import { tcpStats } from './stats.ts'

/** How long our own connect leaves the four-tuple alone. */
const REUSE_AFTER_US = 1e6

/** Both FINs are exchanged: moves a connection into TIME-WAIT, and sends the ACK that it owes. */
export function tcpTimeWaitStart(vn: Vn, tcb: Tcb): void {
  const { tcp } = vn.state
  tcpStats(vn).twAdded++
  if (tcp.timewait.size >= vn.state.sysctl['net.inet.tcp.maxtcptw']) dropOldest(vn)
  const tw = createTimeWait(tcp.nextRecord++, tcb.inp.family)
  const { inp } = tw
  addrCopy(inp.laddr, tcb.inp.laddr)
  addrCopy(inp.faddr, tcb.inp.faddr)
  inp.lport = tcb.inp.lport
  inp.fport = tcb.inp.fport
  inp.ttl = tcb.inp.ttl
  inp.tos = tcb.inp.tos
  if (tcb.inp.ipOptions.length > 0) inp.ipOptions = tcb.inp.ipOptions.slice()
  if (tcb.inp.ipRoute.length > 0) inp.ipRoute = tcb.inp.ipRoute.slice()
  tw.sndNxt = tcb.sndMax
  tw.rcvNxt = tcb.rcvNxt
  tw.wndField = tcpWindowField(vn, tcb, Math.max(tcpWindow(vn, tcb), tcpRcvWnd(tcb)))
  tw.flags = tcb.flags & TF_TSTMP
  tw.tsOffset = tcb.tsOffset
  tw.tsRecent = tcb.tsRecent
  tableIn(tcp, 'timewait').set(inp.id, tw)
  inpInsert(vn, tcp.timewaitTable, inp)
  restart(vn, tw)
  tcpSetState(tcb, TCPS_TIME_WAIT)
  tcpDetach(vn, tcb)
  tcpStats(vn).closed++
  if ((tcb.flags & TF_ACKNOW) !== 0) acknowledge(vn, tw)
}

/**
 * A segment for a pair in TIME-WAIT. False: the record is gone and the segment is a SYN that may open a new incarnation
 * (RFC 6191 §2, MAY-2). Borrows the frame.
 */
export function tcpTimeWaitInput(vn: Vn, tw: TimeWait, f: Frame, seg: Seg): boolean {
  const stats = tcpStats(vn)
  if ((seg.flags & TH_RST) !== 0) {
    // RFC 1337 §3 (F1): a reset must not end TIME-WAIT early
    countDrop(vn, stats, 'tcp', 'twRst', f)
    return true
  }
  if ((seg.flags & TH_SYN) !== 0) {
    if ((seg.flags & TH_ACK) === 0 && mayReopen(tw, seg)) {
      stats.twRecycled++
      tcpTimeWaitEnd(vn, tw)
      return false
    }
    countDrop(vn, stats, 'tcp', 'twDrop', f)
    if (tcpChallengeAllowed(vn, tw)) acknowledge(vn, tw)
    return true
  }
  if ((seg.flags & TH_ACK) === 0) {
    countDrop(vn, stats, 'tcp', 'twDrop', f)
    return true
  }
  const end = seqAdd(seg.seq, segLen(seg))
  // a retransmission of the FIN: our ACK was lost
  if ((seg.flags & TH_FIN) !== 0 && end === tw.rcvNxt) restart(vn, tw)
  else {
    countDrop(vn, stats, 'tcp', 'twDrop', f)
    // the plain ACK that ends a simultaneous close needs no answer
    if (seg.seq === tw.rcvNxt && seg.ack === tw.sndNxt && segLen(seg) === 0) return true
    if (segLen(seg) === 0 && !tcpChallengeAllowed(vn, tw)) return true
  }
  acknowledge(vn, tw)
  return true
}

export function tcpTimeWaitEnd(vn: Vn, tw: TimeWait): void {
  const { tcp } = vn.state
  inpRemove(vn, tcp.timewaitTable, tcp.timewait, tw.inp)
  tcp.timewait.delete(tw.inp.id)
}

/**
 * Whether our own connect may take the four-tuple (net.inet.tcp.tw_reuse): with timestamps, whose clock goes on, the peer
 * tells the incarnations apart (RFC 6191 §2, RFC 7323 §5) once ours has moved; a second is more than enough.
 */
export function tcpTimeWaitReusable(vn: Vn, tw: TimeWait): boolean {
  const { now, sysctl } = vn.state
  if (sysctl['net.inet.tcp.tw_reuse'] === 0 || (tw.flags & TF_TSTMP) === 0) return false
  return now - (tw.deadline - 2000 * sysctl['net.inet.tcp.msl']) >= REUSE_AFTER_US
}

/** RFC 6191 §2: by timestamp where both sides used it, else by sequence number (RFC 1122 §4.2.2.13). */
function mayReopen(tw: TimeWait, seg: Seg): boolean {
  if ((tw.flags & TF_TSTMP) !== 0 && (seg.opt.flags & TOF_TS) !== 0) {
    const d = seg.opt.tsVal - tw.tsRecent | 0
    if (d > 0) return true
    if (d < 0) return false
  }
  return seqGt(seg.seq, tw.rcvNxt)
}

function restart(vn: Vn, tw: TimeWait): void {
  tw.deadline = vn.state.now + 2000 * vn.state.sysctl['net.inet.tcp.msl']
  alarmSet(vn.state.timers, TIMER_TIMEWAIT, tw.inp.id, tw, tw.deadline)
}

function acknowledge(vn: Vn, tw: TimeWait): void {
  const { inp } = tw
  const opt = replyOptions(vn)
  if ((tw.flags & TF_TSTMP) !== 0) {
    opt.flags = TOF_TS
    opt.tsVal = tcpTsNow(vn, tw.tsOffset)
    opt.tsEcr = tw.tsRecent
  }
  tcpStats(vn).sndacks++
  tcpSegment(
    vn, inp.laddr, inp.lport, inp.faddr, inp.fport, tw.sndNxt, tw.rcvNxt, TH_ACK, tw.wndField, opt, inp.ttl, inp.tos,
    inp)
}

/** Keys tried one by one before the map is asked for its first. */
const COUNT_UP = 1024

/**
 * Keys grow, so the oldest record is found by counting up, mostly in a step or two; iterating the map would step over its
 * deleted entries each time. After a long time without eviction (or a flood of half-open records) the gap is jumped.
 */
function dropOldest(vn: Vn): void {
  const { tcp } = vn.state
  for (let i = 0; i < COUNT_UP && !tcp.timewait.has(tcp.oldestTimeWait); i++) tcp.oldestTimeWait++
  let tw = tcp.timewait.get(tcp.oldestTimeWait)
  if (tw === undefined) {
    for (const [key, first] of tcp.timewait) {
      tcp.oldestTimeWait = key
      tw = first
      break
    }
  }
  if (tw === undefined) return
  tcpStats(vn).twOverflow++
  tcpTimeWaitEnd(vn, tw)
}
