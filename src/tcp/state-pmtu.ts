/** What a connection knows of its path's MTU beyond `Tcb.pathMtu`: the search for a larger one, and reports in doubt. */

import { SEQ_ZERO } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'

/** Sizes are those of IP packets, where not said otherwise. */
export interface Pmtu {
  /** Smallest size that is known not to pass, while a search is on (RFC 4821 §7.1, search_high). */
  high: number
  /** Size that the search tries next; 0: no search. */
  next: number
  /** Probes of this size that were lost. */
  tries: number
  /** Size of the probe in flight and its first octet; 0: none. */
  probe: number
  probeSeq: Seq
  /** When a larger MTU may be looked for again, µs. */
  raiseAt: number
  /** Longest text of one segment that was acknowledged (RFC 5927 §7.2, maxsizeacked). */
  acked: number
  /** A longer one that is in flight, and the number behind it; 0: none. */
  sent: number
  sentEnd: Seq
  /** MTU that an ICMP error claims against what was acknowledged, and the segment that it quotes; 0: none. */
  claim: number
  claimSeq: Seq
}

export function createPmtu(): Pmtu {
  return {
    high: 0, next: 0, tries: 0, probe: 0, probeSeq: SEQ_ZERO, raiseAt: 0, acked: 0, sent: 0, sentEnd: SEQ_ZERO, claim: 0,
    claimSeq: SEQ_ZERO,
  }
}

/** That of every connection that has sent nothing and heard of nothing. */
export const PMTU_UNKNOWN: Readonly<Pmtu> = Object.freeze(createPmtu())

/** What a connection knows, to add to it: its own from now on. */
export function pmtuIn(tcb: { pmtu: Readonly<Pmtu> }): Pmtu {
  if (tcb.pmtu === PMTU_UNKNOWN) tcb.pmtu = createPmtu()
  return tcb.pmtu
}
