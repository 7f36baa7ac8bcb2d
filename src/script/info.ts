/**
 * Fields of tcp_info as scripts name them, from a connection's record. FreeBSD counts windows in bytes, Linux in
 * segments; states have each system's numbers.
 */

import { seqDiff } from '../lib/seq.ts'
import { TF_FASTRECOVERY, TF_SACK_PERMIT, TF_SCALE, TF_TSTMP } from '../tcp/state.ts'
import type { Tcb } from '../tcp/state.ts'
import type { Personality } from './personality.ts'

export function tcpInfoFields(tcb: Tcb, personality: Personality): Record<string, number> {
  const linux = personality === 'linux'
  const flight = seqDiff(tcb.sndMax, tcb.sndUna)
  const segments = (bytes: number): number => tcb.mss > 0 ? Math.ceil(bytes / tcb.mss) : 0
  const inUnits = (bytes: number): number => linux && tcb.mss > 0 ? Math.floor(bytes / tcb.mss) : bytes
  const infinite = tcb.ssthresh >= 0x3fffffff
  return {
    tcpi_state: linux ? LINUX_STATES[tcb.state] : tcb.state,
    tcpi_ca_state: tcb.rxtCount > 0 ? 4 : (tcb.flags & TF_FASTRECOVERY) !== 0 ? 3 : tcb.dupAcks > 0 ? 1 : 0,
    tcpi_retransmits: tcb.rxtCount,
    tcpi_backoff: tcb.rxtShift,
    tcpi_options: ((tcb.flags & TF_TSTMP) !== 0 ? 1 : 0) | ((tcb.flags & TF_SACK_PERMIT) !== 0 ? 2 : 0) |
      ((tcb.flags & TF_SCALE) !== 0 ? 4 : 0),
    tcpi_snd_wscale: tcb.sndWscale,
    tcpi_rcv_wscale: tcb.rcvWscale,
    tcpi_rto: Math.round(tcb.rto),
    tcpi_snd_mss: tcb.mss,
    tcpi_unacked: segments(flight),
    tcpi_rtt: Math.round(tcb.srtt),
    tcpi_rttvar: Math.round(tcb.rttvar),
    tcpi_snd_ssthresh: infinite ? 0x7fffffff : inUnits(tcb.ssthresh),
    tcpi_snd_cwnd: inUnits(tcb.cwnd),
    tcpi_snd_wnd: tcb.sndWnd,
    tcpi_rcv_space: tcb.rcvLimit - tcb.rcvBuf.len,
    tcpi_notsent_bytes: Math.max(0, tcb.sndBuf.len - flight),
    tcpi_rcv_ooopack: tcb.reass.length / 2,
  }
}

/** By TCPS_*. */
const LINUX_STATES: readonly number[] = Object.freeze([7, 10, 2, 3, 1, 8, 4, 11, 9, 5, 6])
