/**
 * What is measured of a connection for TCP_INFO and nothing else (meter.ts): how much, when, and what held the sender.
 * Times in µs since boot, durations in µs.
 */

import { SEQ_ZERO } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'

export interface TcpMeter {
  segsIn: number
  segsOut: number
  dataSegsIn: number
  dataSegsOut: number
  /** Sequence space that the peer acknowledged, and that came in order, as Linux counts it: a FIN is an octet. */
  bytesAcked: number
  bytesReceived: number
  /** Octets sent, those sent again included; and those sent again. */
  bytesSent: number
  bytesRetrans: number
  /** Segments sent again: data, SYN, FIN. */
  retrans: number
  /** Segments that came out of order. */
  oooSegs: number
  /** Longest text of a received segment: what the peer's segments are like. */
  rcvMss: number
  /** Round trip as the receiver sees it, µs (0: none yet); the last echo it was taken from; or since when, up to which number. */
  rcvRtt: number
  rcvRttEcho: number
  rcvRttAt: number
  rcvRttSeq: Seq
  /** Times that a closed window was told to the peer. */
  zeroWindows: number
  ackSentAt: number
  ackRcvAt: number
  dataRcvAt: number
  /** Window probes without an answer. */
  probesOut: number
  /** Smallest round trip of the connection's life, or 0. */
  minRtt: number
  /** Segments that reached the peer, and those of them that were acknowledged with ECE. */
  delivered: number
  deliveredCe: number
  /** The delivery rate: bytes in µs (0: none yet), and whether the user's rate was the limit. */
  rateBytes: number
  rateUs: number
  rateAppLimited: boolean
  /** Timeouts, runs of timeouts, time spent in such runs, and when the present one began (−1: none). */
  rtos: number
  rtoRuns: number
  rtoUs: number
  rtoAt: number
  /** Timeouts at which the route was put in question. */
  rehash: number
  /** HELD_*: what holds the sender, since when; and time with data to send, of that for the window and the buffer. */
  held: number
  heldAt: number
  busyUs: number
  rwndUs: number
  sndbufUs: number
}

export function createTcpMeter(): TcpMeter {
  return {
    segsIn: 0, segsOut: 0, dataSegsIn: 0, dataSegsOut: 0, bytesAcked: 0, bytesReceived: 0, bytesSent: 0, bytesRetrans: 0,
    retrans: 0, oooSegs: 0, rcvMss: 0, rcvRtt: 0, rcvRttEcho: 0,
    rcvRttAt: -1, rcvRttSeq: SEQ_ZERO, zeroWindows: 0, ackSentAt: 0, ackRcvAt: 0, dataRcvAt: 0, probesOut: 0, minRtt: 0,
    delivered: 0, deliveredCe: 0, rateBytes: 0, rateUs: 0, rateAppLimited: false,
    rtos: 0, rtoRuns: 0, rtoUs: 0, rtoAt: -1, rehash: 0, held: 0, heldAt: 0, busyUs: 0, rwndUs: 0, sndbufUs: 0,
  }
}
