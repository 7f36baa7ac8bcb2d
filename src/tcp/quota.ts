/**
 * Memory of all connections together (RFC 9293 §3.8.6.1 leaves resource management to the implementation): the bytes in
 * send buffers, unread, and parked out of order, bounded by net.inet.tcp.maxmem. From three quarters of it on each
 * connection gets a fair share and no more: buffers do not grow, windows open no further. What was promised before is
 * taken as long as there is room, which the largest out-of-order queues give up first; only then data is refused.
 */

import type { Vn } from '../kern/vn.ts'
import { ringClear } from '../lib/bytering.ts'
import { seqAdd, seqDiff } from '../lib/seq.ts'
import { tcpReassForget } from './reass.ts'
import { isDormant } from './state-dormant.ts'
import { TF_CANTRCVMORE } from './state.ts'
import type { Seg, Tcb } from './state.ts'
import { tcpStats } from './stats.ts'

/** What every connection may have each way, whatever the others do: without it, nobody would make progress. */
export const TCP_SHARE_MIN = 4096
/** A search for queues to give up that found too little is not repeated for so long. */
const SEARCH_PAUSE_US = 10_000

/** Books what the connection holds now; to be called when its buffers have changed. */
export function tcpCharge(vn: Vn, tcb: Tcb): void {
  const held = tcb.sndBuf.len + tcb.rcvBuf.len + tcpParked(tcb)
  if (held === tcb.held) return
  vn.state.tcp.held += held - tcb.held
  tcb.held = held
}

/** True when memory runs short: no buffer should grow. */
export function tcpPressed(vn: Vn): boolean {
  return vn.state.tcp.held * 4 > vn.state.sysctl['net.inet.tcp.maxmem'] * 3
}

/** The receive buffer's limit as it counts now. */
export function tcpRcvLimit(vn: Vn, tcb: Tcb): number {
  return tcpPressed(vn) ? Math.min(tcb.rcvLimit, share(vn)) : tcb.rcvLimit
}

/** The send buffer's limit as it counts now. */
export function tcpSndLimit(vn: Vn, tcb: Tcb): number {
  if (!tcpPressed(vn)) return tcb.sndLimit
  const full = vn.state.tcp.held >= vn.state.sysctl['net.inet.tcp.maxmem']
  return Math.min(tcb.sndLimit, full ? TCP_SHARE_MIN : share(vn))
}

/**
 * True when the text of a segment (trimmed to the window) can be held, if need be at the cost of a longer out-of-order
 * queue: of any for text in order, of one longer than its own for text out of order.
 */
export function tcpAdmit(vn: Vn, tcb: Tcb, seg: Seg): boolean {
  const { tcp, sysctl, now } = vn.state
  const { reass } = tcb
  // what lies before the last parked octet has its place already
  const grows = seqDiff(seqAdd(seg.seq, seg.len), reass.length > 0 ? reass[reass.length - 1] : tcb.rcvNxt)
  const over = tcp.held + grows - sysctl['net.inet.tcp.maxmem']
  if (grows <= 0 || over <= 0 || (tcb.flags & TF_CANTRCVMORE) !== 0) return true
  const inOrder = seg.seq === tcb.rcvNxt
  if (inOrder && tcb.rcvBuf.len + seg.len <= TCP_SHARE_MIN) return true
  if (now < tcp.searchAt) return false
  const goal = tcp.held - over
  while (tcp.held > goal) {
    const largest = largestQueue(vn, tcb, inOrder ? 0 : tcpParked(tcb) + grows)
    if (largest === null) {
      tcp.searchAt = now + SEARCH_PAUSE_US
      return false
    }
    giveUp(vn, largest)
  }
  return true
}

/** Room that data parked out of order takes, the gaps before it included: the ring reaches up to there. */
function tcpParked(tcb: Tcb): number {
  const { reass } = tcb
  return reass.length === 0 || (tcb.flags & TF_CANTRCVMORE) !== 0 ? 0 : seqDiff(reass[reass.length - 1], tcb.rcvNxt)
}

function share(vn: Vn): number {
  return Math.max(TCP_SHARE_MIN, Math.floor(vn.state.sysctl['net.inet.tcp.maxmem'] / 2 / vn.state.tcp.tcbs.size))
}

/** The connection with the most room taken out of order, more than `least`, other than `not`; null: none. */
function largestQueue(vn: Vn, not: Tcb, least: number): Tcb | null {
  let largest: Tcb | null = null
  let most = least
  for (const tcb of vn.state.tcp.tcbs.values()) {
    if (isDormant(tcb)) continue
    const parked = tcb.reass.length === 0 || tcb === not ? 0 : tcpParked(tcb)
    if (parked <= most) continue
    most = parked
    largest = tcb
  }
  return largest
}

/** RFC 2018 §8 allows it, where there is no other way: data that was not acknowledged by number may be discarded. */
function giveUp(vn: Vn, tcb: Tcb): void {
  tcpStats(vn).reassevicted++
  tcpReassForget(tcb)
  if (tcb.rcvBuf.len === 0) ringClear(tcb.rcvBuf)
  tcpCharge(vn, tcb)
}
