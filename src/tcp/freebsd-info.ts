/**
 * TCP_INFO with the field set of FreeBSD's `struct tcp_info`: windows in bytes, sequence numbers as they are on the
 * wire. Fields that FreeBSD reserves for Linux's names (`__tcpi_…`) have their Linux value here, where FreeBSD says 0.
 */

import type { Vn } from '../kern/vn.ts'
import { linuxInfoOf } from './linux-info.ts'
import type { LinuxTcpInfo } from './linux-info.ts'
import type { Tcb } from './state.ts'

/** Names that FreeBSD has without the underscores, with the same meaning and unit. */
type Shared = 'tcpi_options' | 'tcpi_snd_wscale' | 'tcpi_rcv_wscale' | 'tcpi_rto' | 'tcpi_snd_mss' | 'tcpi_rcv_mss' |
  'tcpi_rtt' | 'tcpi_rttvar' | 'tcpi_snd_wnd' | 'tcpi_rcv_ooopack' | 'tcpi_delivered_ce'
type Reserved = 'ca_state' | 'retransmits' | 'probes' | 'backoff' | 'ato' | 'unacked' | 'sacked' | 'lost' | 'retrans' |
  'fackets' | 'last_data_sent' | 'last_ack_sent' | 'last_ack_recv' | 'pmtu' | 'rcv_ssthresh' | 'advmss' | 'reordering' |
  'rcv_rtt'

export type FreebsdTcpInfo = Pick<LinuxTcpInfo, Shared> & { [K in Reserved as `__tcpi_${K}`]: number } & {
  tcpi_state: number
  /** µs, as every time of FreeBSD's. */
  tcpi_last_data_recv: number
  tcpi_snd_ssthresh: number
  tcpi_snd_cwnd: number
  tcpi_rcv_space: number
  tcpi_snd_nxt: number
  tcpi_rcv_nxt: number
  tcpi_snd_rexmitpack: number
  tcpi_snd_zerowin: number
  tcpi_snd_una: number
  tcpi_snd_max: number
  tcpi_rcv_adv: number
  tcpi_rcv_numsacks: number
  tcpi_dupacks: number
  tcpi_rttmin: number
}

/** TCP_INFO of a record as FreeBSD tells it. Changes nothing. */
export function freebsdInfoOf(vn: Vn, tcb: Tcb): FreebsdTcpInfo {
  const linux = linuxInfoOf(vn, tcb)
  const { meter } = tcb
  return {
    tcpi_state: tcb.state,
    __tcpi_ca_state: linux.tcpi_ca_state,
    __tcpi_retransmits: linux.tcpi_retransmits,
    __tcpi_probes: linux.tcpi_probes,
    __tcpi_backoff: linux.tcpi_backoff,
    tcpi_options: linux.tcpi_options,
    tcpi_snd_wscale: linux.tcpi_snd_wscale,
    tcpi_rcv_wscale: linux.tcpi_rcv_wscale,
    tcpi_rto: linux.tcpi_rto,
    __tcpi_ato: linux.tcpi_ato,
    tcpi_snd_mss: linux.tcpi_snd_mss,
    tcpi_rcv_mss: linux.tcpi_rcv_mss,
    __tcpi_unacked: linux.tcpi_unacked,
    __tcpi_sacked: linux.tcpi_sacked,
    __tcpi_lost: linux.tcpi_lost,
    __tcpi_retrans: linux.tcpi_retrans,
    __tcpi_fackets: linux.tcpi_fackets,
    __tcpi_last_data_sent: linux.tcpi_last_data_sent,
    __tcpi_last_ack_sent: linux.tcpi_last_ack_sent,
    tcpi_last_data_recv: Math.max(0, Math.floor(vn.state.now - tcb.rcvAt)),
    __tcpi_last_ack_recv: linux.tcpi_last_ack_recv,
    __tcpi_pmtu: linux.tcpi_pmtu,
    __tcpi_rcv_ssthresh: linux.tcpi_rcv_ssthresh,
    tcpi_rtt: linux.tcpi_rtt,
    tcpi_rttvar: linux.tcpi_rttvar,
    tcpi_snd_ssthresh: tcb.ssthresh,
    tcpi_snd_cwnd: tcb.cwnd,
    __tcpi_advmss: linux.tcpi_advmss,
    __tcpi_reordering: linux.tcpi_reordering,
    __tcpi_rcv_rtt: linux.tcpi_rcv_rtt,
    tcpi_rcv_space: linux.tcpi_rcv_wnd,
    tcpi_snd_wnd: tcb.sndWnd,
    tcpi_snd_nxt: tcb.sndNxt >>> 0,
    tcpi_rcv_nxt: tcb.rcvNxt >>> 0,
    tcpi_snd_rexmitpack: meter.retrans,
    tcpi_rcv_ooopack: meter.oooSegs,
    tcpi_snd_zerowin: meter.zeroWindows,
    tcpi_delivered_ce: linux.tcpi_delivered_ce,
    tcpi_snd_una: tcb.sndUna >>> 0,
    tcpi_snd_max: tcb.sndMax >>> 0,
    tcpi_rcv_adv: tcb.rcvAdv >>> 0,
    tcpi_rcv_numsacks: tcb.reass.length / 2,
    tcpi_dupacks: tcb.dupAcks,
    tcpi_rttmin: linux.tcpi_min_rtt,
  }
}
