/** Slow start (RFC 5681 §3.1) with appropriate byte counting (RFC 3465), as NewReno and CUBIC share it. */

import type { Vn } from '../../kern/vn.ts'
import { CWND_MAX } from '../state-cc.ts'
import type { Tcb } from '../state.ts'
import { REC_LOSS } from '../state-sent.ts'
import { cwvOn } from './cwv.ts'
import { hystartAck, hystartApplies } from './hystart.ts'

/** RFC 9406 §4.3: L, in segments, where HyStart++ looks after the burst's effect. */
const HYSTART_LIMIT = 8

/** The window grows by what is acknowledged, up to `abc_l_var` segments per ACK. To be called once sndUna has moved. */
export function slowStart(vn: Vn, tcb: Tcb, acked: number): void {
  const { mss } = tcb
  let limit = vn.state.sysctl['net.inet.tcp.abc_l_var']
  if (!hystartApplies(vn, tcb)) {
    // RFC 3465 §2.3: after a timeout the ACKs of old segments count for one segment each
    if (tcb.rec.phase === REC_LOSS) limit = 1
    tcb.cwnd = Math.min(CWND_MAX, tcb.cwnd + Math.min(acked, limit * mss))
    return
  }
  const divisor = hystartAck(vn, tcb, tcb.sndUna)
  if (tcb.cwnd >= tcb.ssthresh) return
  limit = Math.max(limit, HYSTART_LIMIT)
  tcb.cwnd = Math.min(CWND_MAX, tcb.cwnd + Math.floor(Math.min(acked, limit * mss) / divisor))
}

/**
 * Whether the window was used so much that it may grow (RFC 7661 §1.1): `flight` is what was in flight before the ACK.
 * In slow start half of it, for doubling tells use from a short pause; later all of it but a segment.
 */
export function windowUsed(vn: Vn, tcb: Tcb, flight: number): boolean {
  // RFC 7661 §4.3, §4.4: validated, the standard methods hold; else only a sender that cwnd limits may let it grow
  if (cwvOn(vn)) return !tcb.cwv.nonValidated || flight + tcb.mss > tcb.cwnd
  return tcb.cwnd < tcb.ssthresh ? tcb.cwnd < 2 * flight : flight + tcb.mss > tcb.cwnd
}
