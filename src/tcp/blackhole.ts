/**
 * Path MTU black holes (RFC 2923 §2.1): a router drops what is too big and its ICMP error never comes. When a
 * full-sized segment times out twice, it is tried in smaller pieces; if that does not help either, size was not the
 * reason. Where it does help, probes then look for the largest size that passes (plpmtud.ts).
 */

import type { Vn } from '../kern/vn.ts'
import { fixedHeaders, tcpSegHeaders } from './mss.ts'
import { tcpMtuLimit } from './plpmtud.ts'
import { TCPS_ESTABLISHED } from './state.ts'
import type { Tcb } from './state.ts'
import { tcpStats } from './stats.ts'

/** Timeouts in a row after which smaller segments are tried, and after which the old size is taken back. */
const SUSPECT = 2
/** More are needed where segments of this size have passed before. */
const DOUBT = 3
const GIVE_UP = 5

/** A retransmission timeout, before the segment goes again (`rxtCount` counts it). */
export function tcpBlackholeTimeout(vn: Vn, tcb: Tcb): void {
  const { sysctl } = vn.state
  // the smaller size was acknowledged since, so it stays: this is another loss
  if (tcb.rxtCount < SUSPECT) tcb.holeSavedMtu = -1
  if (sysctl['net.inet.tcp.pmtud_blackhole_detection'] === 0 || tcb.state < TCPS_ESTABLISHED) return
  const mss = sysctl['net.inet.tcp.pmtud_blackhole_mss']
  if (tcb.rxtCount === (tcb.pmtu.acked >= tcb.mss ? DOUBT : SUSPECT) && tcb.mss > mss && tcb.sndBuf.len > mss) {
    tcpStats(vn).pmtudBlackholeActivated++
    tcb.holeSavedMtu = tcb.pathMtu
    // what did not pass bounds the search that follows where the smaller size does (RFC 4821 §7.7)
    tcpMtuLimit(vn, tcb, mss + fixedHeaders(tcb.inp.faddr), tcb.mss + tcpSegHeaders(vn, tcb))
  } else if (tcb.rxtCount === GIVE_UP && tcb.holeSavedMtu >= 0) {
    tcpStats(vn).pmtudBlackholeFailed++
    tcpMtuLimit(vn, tcb, tcb.holeSavedMtu, 0)
    tcb.holeSavedMtu = -1
  }
}
