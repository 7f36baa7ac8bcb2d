/**
 * Connections in little: half-open and TIME-WAIT ones, of which there can be many and which nobody has a socket for, and what
 * makes a socket a listener.
 */

import { createInpcb } from '../inet/state.ts'
import type { Inpcb } from '../inet/state.ts'
import type { Alarm } from '../kern/timer.ts'
import { SEQ_ZERO } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'

/** What makes a socket a listener; keyed by its id. */
export interface Listener {
  backlog: number
  /** Established connections that wait for accept, oldest first. */
  queue: number[]
  /** Half-open connections: the ends of a chain through `Syncache.older` and `newer` (0: none), and their number. */
  synOldest: number
  synNewest: number
  synCount: number
  /** Connections opened by a SYN whose handshake is not complete (RFC 7413 §4.2), and until when those count that were reset. */
  fastPending: number
  fastReset: number[]
}

/** SYN-RECEIVED of a passive open, in little. `inp.id` is the key. */
export interface Syncache extends Alarm {
  inp: Inpcb
  listener: number
  /** Neighbours in the listener's chain, by age; 0 at the ends. */
  older: number
  newer: number
  deadline: number
  rexmits: number
  /** Timeouts, those included at which nothing was sent; and whether an ACK came without the data that is waited for. */
  timeouts: number
  acked: boolean
  /** When the first SYN,ACK went, µs. */
  sentAt: number
  iss: Seq
  irs: Seq
  /** TF_TSTMP, TF_SCALE, TF_SACK_PERMIT as negotiated. */
  flags: number
  /** FO_GIVE, FO_EXP. */
  fastFlags: number
  peerMss: number
  /** ECN_ON, or 0. */
  ecn: number
  sndWscale: number
  rcvWscale: number
  /** Window advertised in the SYN,ACK. */
  wnd: number
  /** Window of the peer's SYN, unscaled as SYN windows are. */
  sndWnd: number
  tsOffset: number
  tsRecent: number
  tsRecentAt: number
}

/** TIME-WAIT, in little. `inp.id` is the key. */
export interface TimeWait extends Alarm {
  inp: Inpcb
  deadline: number
  sndNxt: Seq
  rcvNxt: Seq
  /** Window field as last advertised. */
  wndField: number
  /** TF_TSTMP. */
  flags: number
  tsOffset: number
  tsRecent: number
  challenges: number
  challengeAt: number
}

export function createListener(backlog: number): Listener {
  return { backlog, queue: [], synOldest: 0, synNewest: 0, synCount: 0, fastPending: 0, fastReset: [] }
}

export function createSyncache(id: number, family: number): Syncache {
  return {
    alarmAt: Infinity, inp: createInpcb(id, family), listener: 0, older: 0, newer: 0, deadline: Infinity, rexmits: 0,
    timeouts: 0, acked: false,
    sentAt: 0,
    iss: SEQ_ZERO, irs: SEQ_ZERO, flags: 0, fastFlags: 0, peerMss: 0, ecn: 0, sndWscale: 0, rcvWscale: 0, wnd: 0, sndWnd: 0,
    tsOffset: 0, tsRecent: 0, tsRecentAt: 0,
  }
}

export function createTimeWait(id: number, family: number): TimeWait {
  return {
    alarmAt: Infinity, inp: createInpcb(id, family), deadline: Infinity, sndNxt: SEQ_ZERO, rcvNxt: SEQ_ZERO,
    wndField: 0, flags: 0, tsOffset: 0, tsRecent: 0, challenges: 0, challengeAt: -Infinity,
  }
}
