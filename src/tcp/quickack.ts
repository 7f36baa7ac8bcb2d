/**
 * Quick ACKs, as Linux has them: the first segments of a connection, and those after a gap, are acknowledged at once, so
 * that the sender's window grows without the delay of RFC 9293 §3.8.6.3; a conversation that goes back and forth ends it.
 */

import type { Vn } from '../kern/vn.ts'
import type { Tcb } from './state.ts'

/** In-order data came: true when its ACK must not wait. Uses up one of the connection's quick ACKs. */
export function tcpQuickAck(tcb: Tcb): boolean {
  if (tcb.quickAcks === 0) return false
  tcb.quickAcks--
  return true
}

/** Data came out of order, or the user asked for it (TCP_QUICKACK): the next ACKs go at once. */
export function tcpQuickAckStart(vn: Vn, tcb: Tcb, least: number): void {
  tcb.quickAcks = Math.max(tcb.quickAcks, least, vn.state.sysctl['net.inet.tcp.quickacks'])
}

/** Data goes out: soon after data came in it is an answer, and the next ACK may wait for the next answer. */
export function tcpQuickAckAnswer(vn: Vn, tcb: Tcb): void {
  if (tcb.quickAcks === 0 || tcb.meter.dataSegsIn === 0) return
  if (vn.state.now - tcb.meter.dataRcvAt < vn.state.sysctl['net.inet.tcp.delacktime'] * 1000) tcb.quickAcks = 0
}

/** What TCP_QUICKACK asks for where the tunable has none. */
export const QUICKACKS = 16
