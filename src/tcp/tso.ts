/**
 * Segmentation offload: many full segments leave as one packet of up to 64 KiB, which the device cuts up (or the kernel
 * behind a TAP, or nobody, on a pair). To the connection they are segments all the same, though they share a record in the log of
 * what is in flight until one of them meets with a fate of its own (sent.ts); what is lost goes again singly.
 *
 * Bench `memory`, MTU 1500, and `tap`, offload, Vnet to kernel: bench/README.md has the ratios.
 */

import { inetCanSegment } from '../inet/source.ts'
import type { Vn } from '../kern/vn.ts'
import { frameLargeFree } from '../lib/frame.ts'
import { seqDiff, seqGt } from '../lib/seq.ts'
import { IP_MAXPACKET } from '../wire/ipv4.ts'
import { TCP_MAX_HDR_LEN } from '../wire/tcp.ts'
import { tcpPaceQuantum, tcpPaceRate } from './pace.ts'
import { ECN_HOLD, TF_ACKNOW, TF_FORCE, TF_MORETOCOME } from './state.ts'
import type { Tcb } from './state.ts'

/** What one packet carries at most: an IPv4 packet's length is 16 bits (RFC 791 §3.1), its header up to 60 octets. */
const TSO_MAX = IP_MAXPACKET - 60 - TCP_MAX_HDR_LEN

/**
 * All that is left to send, `len` bytes, is less than a packet can carry, and the user has more: it waits for that, or for an ACK of what
 * is in flight, which is a whole packet at least. (Bench `bench:peers`, tapTxShareOfIdeal: else the end of every write has its own.)
 */
export function tcpTsoWaits(vn: Vn, tcb: Tcb, len: number, room: number): boolean {
  return (tcb.flags & (TF_ACKNOW | TF_FORCE | TF_MORETOCOME)) === TF_MORETOCOME && seqDiff(tcb.sndMax, tcb.sndUna) > TSO_MAX - room &&
    len < TSO_MAX - room && tcpTsoLen(vn, tcb, TSO_MAX, room) > len
}

/** How much of `len` bytes of new data goes in one packet: whole segments of `room`, or one where it must be one. */
export function tcpTsoLen(vn: Vn, tcb: Tcb, len: number, room: number): number {
  const { tcp, sysctl } = vn.state
  // two whole segments at least, or it is one as ever (at an MTU near 64 KiB not even one would fit TSO_MAX)
  if (Math.min(len, TSO_MAX) < 2 * room || sysctl['net.inet.tcp.tso'] === 0 || tcb.sndNxt !== tcb.sndMax || (tcb.flags & TF_FORCE) !== 0 ||
    (tcb.ecn & ECN_HOLD) !== 0 || seqGt(tcb.sndUp, tcb.sndUna)) return room
  // who cuts a packet up knows nothing of source routes
  if ((tcb.inp.ipOptions.length | tcb.inp.ipRoute.length) !== 0) return room
  // each segment wants a signature of its own
  if ((tcp.keys.length | tcp.ao.keys.length) !== 0) return room
  if (!frameLargeFree(vn.pool) || !inetCanSegment(vn, tcb.inp.faddr)) return room
  let most = Math.min(len, TSO_MAX)
  const rate = tcpPaceRate(vn, tcb)
  if (rate > 0) most = Math.min(most, Math.max(room, tcpPaceQuantum(tcb, rate)))
  return most - most % room
}
