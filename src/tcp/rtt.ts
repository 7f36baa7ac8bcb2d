/** The retransmission timeout (RFC 6298), with many samples per round trip as of RFC 7323 appendix G. Times in µs. */

import type { Vn } from '../kern/vn.ts'
import { seqGt } from '../lib/seq.ts'
import { tcpMeterRtt } from './meter.ts'
import type { Tcb } from './state.ts'
import { tcpUserTimeoutMs } from './uto.ts'
import { tcpStats } from './stats.ts'

/** Clock granularity G: timestamps tick in milliseconds. */
export const GRANULARITY_US = 1000

/** Takes a round-trip sample; the caller made sure that it is not ambiguous (Karn, MUST-18). */
export function tcpRttSample(vn: Vn, tcb: Tcb, rttUs: number, flightBytes: number): void {
  tcpStats(vn).rttupdated++
  tcb.rxtShift = 0
  tcb.rec.tlpReady = true
  // a reply within one tick is still a sample, and 0 stands for "none yet"
  const rtt = Math.max(1, rttUs)
  tcpMeterRtt(tcb, rtt)
  if (tcb.srtt === 0) {
    tcb.srtt = rtt
    tcb.rttvar = rtt / 2
  } else if (tcb.rec.adapts && seqGt(tcb.sndUna, tcb.rec.adaptSeq)) adapt(tcb, rtt)
  else {
    const samples = Math.max(1, Math.ceil(flightBytes / (2 * tcb.mss)))
    tcb.rttvar += (Math.abs(tcb.srtt - rtt) - tcb.rttvar) / (4 * samples)
    tcb.srtt += (rtt - tcb.srtt) / (8 * samples)
  }
  const sysctl = vn.state.sysctl
  const rto = tcb.srtt + Math.max(GRANULARITY_US, sysctl['net.inet.tcp.rexmit_varmin'] * 1000, 4 * tcb.rttvar) +
    sysctl['net.inet.tcp.rexmit_slop'] * 1000
  tcb.rto = Math.min(
    Math.max(rto, sysctl['net.inet.tcp.rexmit_min'] * 1000), sysctl['net.inet.tcp.rexmit_max'] * 1000)
}

/** RFC 4015 §3.2 step 12: the timer was too quick, so the old values count again, or the sample if that is more. */
function adapt(tcb: Tcb, rtt: number): void {
  const { rec } = tcb
  rec.adapts = false
  tcb.srtt = Math.max(rec.srttPrev, rtt)
  tcb.rttvar = Math.max(rec.rttvarPrev, rtt / 2)
}

/** Before any sample (RFC 6298 §2.1). */
export function tcpRttInit(vn: Vn, tcb: Tcb): void {
  tcb.srtt = 0
  tcb.rttvar = 0
  tcb.rto = vn.state.sysctl['net.inet.tcp.rexmit_initial'] * 1000
}

/** The timeout as backed off now (RFC 6298 §5.5), cut short where the user's own limit comes first. */
export function tcpRtoBackedOff(vn: Vn, tcb: Tcb): number {
  const { now, sysctl } = vn.state
  const rto = Math.min(tcb.rto * 2 ** Math.min(tcb.rxtShift, 16), sysctl['net.inet.tcp.rexmit_max'] * 1000)
  const limit = tcb.stallAt < 0 ? 0 : tcpUserTimeoutMs(vn, tcb)
  if (limit === 0) return rto
  return Math.min(rto, Math.max(GRANULARITY_US, tcb.stallAt + limit * 1000 - now))
}
