/** What congestion window validation (RFC 7661) knows of a connection. */

import { SEQ_ZERO } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'

/** Measurement periods that pipeACK is the highest sample of (RFC 7661 §4.5.1). */
export const CWV_PERIODS = 5

export interface Cwv {
  /** False: pipeACK is undefined, which counts as validated (RFC 7661 §4.1). */
  defined: boolean
  /** Highest sample of each measurement period, the present one first, and when that began, µs. */
  samples: number[]
  periodAt: number
  /** The sample under way: bytes acknowledged so far, and the number whose acknowledgment completes it. */
  sampling: boolean
  sum: number
  mark: Seq
  /** In the non-validated phase, as of the last look. */
  nonValidated: boolean
  /** When cwnd was last known to be validated, or was adjusted for not having been, µs. */
  validAt: number
  /** max(pipeACK, LossFlightSize) while a loss of the non-validated phase is recovered from (§4.4.1); 0: none is. */
  lossBase: number
  /** `Sent.twiceTotal` when that recovery began. */
  lossTwice: number
}

export function createCwv(): Cwv {
  return {
    defined: false, samples: [0, 0, 0, 0, 0], periodAt: 0, sampling: false, sum: 0, mark: SEQ_ZERO, nonValidated: false,
    validAt: 0, lossBase: 0, lossTwice: 0,
  }
}
