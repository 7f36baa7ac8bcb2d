/** What TCP keeps about its transmissions: the segments in flight, and what the ACK being processed said of them. */

import { SEQ_ZERO } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'

/** Places in a record: number behind the last octet, time of the last transmission, SF_*, and the totals at that time. */
export const SENT_END = 0
export const SENT_AT = 1
export const SENT_FLAGS = 2
export const SENT_DELIVERED = 3
export const SENT_DELIVERED_AT = 4
export const SENT_FIRST_AT = 5
export const SENT_IN_FLIGHT = 6
export const SENT_LOST = 7
export const SENT_STRIDE = 8

export const SF_SACKED = 1
export const SF_LOST = 2
/** Sent again, and that transmission is thought to be in flight. */
export const SF_RETRANS = 4
/** Was sent more than once: an ACK of it is ambiguous (Karn). */
export const SF_EVER = 8
export const SF_APPLIMITED = 16
/** Its delivery was counted, though a timeout has taken its SACKED mark away. */
export const SF_COUNTED = 32
/** Was sent again though not deemed lost: both transmissions count as in flight. */
export const SF_TWICE = 64
/** All of them. */
export const SF_ALL = 127
/**
 * Above the marks: bytes in each segment of a record that holds several, which left as one packet (tso.ts), else 0. Such a record
 * has no mark but SF_APPLIMITED: before any other is made it is taken apart (sent.ts, sentUnpack).
 */
export const SENT_SIZE_SHIFT = 8

/** What the sender remembers of its segments in flight, and the totals that delivery rates are taken from (sent.ts). */
export interface Sent {
  /** A ring of records, SENT_STRIDE numbers each; oldest at record `head`, `count` of them. */
  log: number[]
  head: number
  count: number
  /** Bytes in flight that are SACKed, deemed lost and not sent again, and sent twice though not deemed lost. */
  sacked: number
  lost: number
  retrans: number
  /** Records that are SACKed. */
  sackedCount: number
  /** Bytes that reached the peer since the beginning, and when the last of them was heard of, µs. */
  delivered: number
  deliveredAt: number
  /** When the segment was sent that was last heard of: the beginning of the sampled sending interval, µs. */
  firstSentAt: number
  /** `delivered` up to which samples only tell how much there was to send, or 0. */
  appLimited: number
  /** Bytes ever deemed lost, and bytes that went again, each counted the first time only. */
  lostTotal: number
  twiceTotal: number
  /** Smallest round trip of late in µs (0: none yet), and when it was taken. */
  minRtt: number
  minRttAt: number
}

/** Tcb.rec.phase: nothing lost, fast recovery, recovery from a timeout. */
export const REC_OPEN = 0
export const REC_FAST = 1
export const REC_LOSS = 2

/** Tcb.rec.frto (RFC 5682): not under way; waits for the first ACK after the timeout; for the second. */
export const FRTO_OFF = 0
export const FRTO_FIRST = 1
export const FRTO_SECOND = 2

/** Numbers in Recovery.resent at most: with more holes than that reports of duplicates take nothing back. */
export const RESENT_MAX = 64

/** Where loss recovery stands; its end is `Tcb.recover`. */
export interface Recovery {
  /** REC_*. */
  phase: number
  /** Proportional rate reduction (RFC 6937): flight at its start, bytes delivered and sent since. */
  recoverFs: number
  prrDelivered: number
  prrOut: number
  /** RFC 6675's rescue retransmission was made. */
  rescued: boolean
  /**
   * RACK.segment (RFC 8985 §5.3): when it was sent (−1: none yet) and its end; its round trip; the highest number known
   * to have arrived.
   */
  rackAt: number
  rackEnd: Seq
  rackRtt: number
  fack: Seq
  reorderSeen: boolean
  /** Reordering window in quarters of the smallest round trip, and recoveries until it shrinks again. */
  reoMult: number
  reoPersist: number
  /** A duplicate was reported in the round that ends at `dsackRound`. */
  inDsackRound: boolean
  dsackRound: Seq
  /** A loss probe that ends at `tlpEnd` is out, and it repeated old data; a round trip was measured since the last one. */
  tlpOut: boolean
  tlpRetrans: boolean
  tlpReady: boolean
  tlpEnd: Seq
  /** When the recovery that may have to be undone sent its first segment again, µs; an ACK is to tell by its timestamp. */
  undoAt: number
  eifelWaits: boolean
  /** FRTO_*, and the number behind what a timeout sent again. */
  frto: number
  frtoEnd: Seq
  /** [start, end) pairs, flat: sent again in this recovery, each once, and not reported as duplicates. */
  resent: Seq[]
  /** Reports of duplicates say nothing in this recovery, and in this connection (RFC 3708 §3 (A.4)). */
  dsackVoid: boolean
  networkDoubles: boolean
  /** Number behind all that was ever sent again, where anything was. */
  resentEnd: Seq
  resentEver: boolean
  /** The recovery before can be undone until sndUna has passed this. */
  undoEnd: Seq
  /** Before the timeout (RFC 4015 §3.2 step 0), 0: it was none; with the first sample of numbers behind adaptSeq they count again. */
  srttPrev: number
  rttvarPrev: number
  adapts: boolean
  adaptSeq: Seq
  /** Duplicates reported; segments seen to arrive out of order, and how many others overtook one at most. */
  dsackDups: number
  reordSeen: number
  reordMost: number
}

/**
 * What the ACK being processed tells congestion control (delivery rate estimation); a scratch record, valid from the
 * scoreboard's update to the end of the event.
 */
export interface RateSample {
  /** Bytes delivered in `intervalUs` µs; the interval is 0 where there is no valid sample. */
  delivered: number
  intervalUs: number
  /** Round trip of the youngest segment delivered that was sent once, or −1. */
  rttUs: number
  /** Bytes in flight, and `Sent.delivered`, before this ACK. */
  priorInFlight: number
  priorTotal: number
  /** The ACK reported a duplicate (RFC 2883), and which octets. */
  dsack: boolean
  dsackStart: Seq
  dsackEnd: Seq
  /** Bytes newly acknowledged (cumulatively), newly SACKed, newly deemed lost. */
  newlyAcked: number
  newlySacked: number
  newlyLost: number
  /** The sample was taken while there was too little to send. */
  appLimited: boolean
  /** `Sent.delivered` when the sampled segment was sent (−1: no sample), and when that was the total, µs. */
  priorDelivered: number
  priorDeliveredAt: number
  /** When the sampled segment was sent and its number behind the last octet: which one is youngest. */
  sentAt: number
  end: Seq
  /** How long the sampled interval was on the sending side, µs. */
  sendElapsed: number
  /** Bytes in flight after the sampled segment went, and `Sent.lostTotal` by then. */
  txInFlight: number
  txLost: number
}

export function createRateSample(): RateSample {
  return {
    delivered: 0, intervalUs: 0, rttUs: -1, priorInFlight: 0, priorTotal: 0,
    dsack: false, dsackStart: SEQ_ZERO, dsackEnd: SEQ_ZERO, newlyAcked: 0, newlySacked: 0, newlyLost: 0,
    appLimited: false, priorDelivered: -1, priorDeliveredAt: 0, sentAt: 0, end: SEQ_ZERO, sendElapsed: 0,
    txInFlight: 0, txLost: 0,
  }
}

export function createSent(): Sent {
  return {
    log: [], head: 0, count: 0, sacked: 0, lost: 0, retrans: 0, sackedCount: 0, delivered: 0, deliveredAt: 0, firstSentAt: 0,
    appLimited: 0, lostTotal: 0, twiceTotal: 0, minRtt: 0, minRttAt: 0,
  }
}

export function createRecovery(): Recovery {
  return {
    phase: REC_OPEN, recoverFs: 0, prrDelivered: 0, prrOut: 0, rescued: false,
    rackAt: -1, rackEnd: SEQ_ZERO, rackRtt: 0, fack: SEQ_ZERO, reorderSeen: false, reoMult: 1, reoPersist: 0,
    inDsackRound: false, dsackRound: SEQ_ZERO,
    tlpOut: false, tlpRetrans: false, tlpReady: false, tlpEnd: SEQ_ZERO,
    undoAt: 0, eifelWaits: false, frto: FRTO_OFF, frtoEnd: SEQ_ZERO, resent: [], dsackVoid: false, networkDoubles: false,
    resentEnd: SEQ_ZERO, resentEver: false, undoEnd: SEQ_ZERO, srttPrev: 0, rttvarPrev: 0, adapts: false, adaptSeq: SEQ_ZERO,
    dsackDups: 0, reordSeen: 0, reordMost: 0,
  }
}
