/**
 * TCP_INFO with the field set of Linux's `struct tcp_info`, under its names. Units are Linux's: times in µs where the name
 * is not `last_…` or `total_rto_time` (ms), windows of the sender in segments, those of the receiver in bytes.
 */

import { inetPathMtu } from '../inet/source.ts'
import type { Vn } from '../kern/vn.ts'
import { seqDiff } from '../lib/seq.ts'
import { tcpCaState } from './ca.ts'
import { tcpTimerOn } from './deadline.ts'
import { tcbSeen } from './state-dormant.ts'
import { tcpIsDone } from './drop.ts'
import { HELD_IDLE, HELD_RWND, HELD_SNDBUF, tcpRcvMss } from './meter.ts'
import { tcpMssOffer } from './mss.ts'
import { tcpPaceRate } from './pace.ts'
import { sentAt } from './sent.ts'
import { SENT_FLAGS, SF_LOST, SF_RETRANS, SF_SACKED } from './state-sent.ts'
import type { Sent } from './state-sent.ts'
import {
  ECN_ON, TCPS_ESTABLISHED, TCPS_LISTEN, TF_SACK_PERMIT, TF_SCALE, TF_TSTMP, TT_PERSIST,
} from './state.ts'
import type { TcpMeter } from './state-meter.ts'
import type { Tcb } from './state.ts'
import { tcpRcvWnd } from './window.ts'

/** `struct tcp_info` as Linux has it; what each field says is in docs/trace.md. */
export interface LinuxTcpInfo {
  tcpi_state: number
  tcpi_ca_state: number
  tcpi_retransmits: number
  tcpi_probes: number
  tcpi_backoff: number
  tcpi_options: number
  tcpi_snd_wscale: number
  tcpi_rcv_wscale: number
  tcpi_delivery_rate_app_limited: number
  tcpi_fastopen_client_fail: number
  tcpi_rto: number
  tcpi_ato: number
  tcpi_snd_mss: number
  tcpi_rcv_mss: number
  tcpi_unacked: number
  tcpi_sacked: number
  tcpi_lost: number
  tcpi_retrans: number
  tcpi_fackets: number
  tcpi_last_data_sent: number
  tcpi_last_ack_sent: number
  tcpi_last_data_recv: number
  tcpi_last_ack_recv: number
  tcpi_pmtu: number
  tcpi_rcv_ssthresh: number
  tcpi_rtt: number
  tcpi_rttvar: number
  tcpi_snd_ssthresh: number
  tcpi_snd_cwnd: number
  tcpi_advmss: number
  tcpi_reordering: number
  tcpi_rcv_rtt: number
  tcpi_rcv_space: number
  tcpi_total_retrans: number
  tcpi_pacing_rate: number
  tcpi_max_pacing_rate: number
  tcpi_bytes_acked: number
  tcpi_bytes_received: number
  tcpi_segs_out: number
  tcpi_segs_in: number
  tcpi_notsent_bytes: number
  tcpi_min_rtt: number
  tcpi_data_segs_in: number
  tcpi_data_segs_out: number
  tcpi_delivery_rate: number
  tcpi_busy_time: number
  tcpi_rwnd_limited: number
  tcpi_sndbuf_limited: number
  tcpi_delivered: number
  tcpi_delivered_ce: number
  tcpi_bytes_sent: number
  tcpi_bytes_retrans: number
  tcpi_dsack_dups: number
  tcpi_reord_seen: number
  tcpi_rcv_ooopack: number
  tcpi_snd_wnd: number
  tcpi_rcv_wnd: number
  tcpi_rehash: number
  tcpi_total_rto: number
  tcpi_total_rto_recoveries: number
  tcpi_total_rto_time: number
}

/** Linux's value for a threshold or a rate without a limit. */
const INFINITE_SSTHRESH = 0x7fffffff
const NO_MINIMUM = 0xffffffff
const NO_LIMIT = 2 ** 64

/** TCP_INFO of a socket at the Vnet's time, or null for an id that does not exist. */
export function tcpLinuxInfo(vn: Vn, id: number): LinuxTcpInfo | null {
  const record = vn.state.tcp.tcbs.get(id)
  return record === undefined ? null : linuxInfoOf(vn, tcbSeen(record))
}

/** As tcpLinuxInfo, of a record. Changes nothing. */
export function linuxInfoOf(vn: Vn, tcb: Tcb): LinuxTcpInfo {
  const { now, sysctl, tcp } = vn.state
  const { meter } = tcb
  const listener = tcp.listeners.get(tcb.inp.id)
  const live = tcb.state >= TCPS_ESTABLISHED && !tcpIsDone(tcb)
  const flight = seqDiff(tcb.sndMax, tcb.sndUna)
  const rate = tcpPaceRate(vn, tcb)
  // that of late, else that of the handshake
  const minRtt = tcb.sent.minRtt > 0 ? tcb.sent.minRtt : meter.minRtt
  const held = live && meter.held !== HELD_IDLE ? now - meter.heldAt : 0
  return {
    tcpi_state: LINUX_STATES[tcb.state],
    tcpi_ca_state: tcpCaState(tcb),
    tcpi_retransmits: tcb.rxtCount,
    tcpi_probes: meter.probesOut + tcb.keepProbes,
    tcpi_backoff: backoff(tcb),
    tcpi_options: optionBits(tcb),
    tcpi_snd_wscale: tcb.sndWscale,
    tcpi_rcv_wscale: tcb.rcvWscale,
    tcpi_delivery_rate_app_limited: meter.rateAppLimited ? 1 : 0,
    tcpi_fastopen_client_fail: 0,
    tcpi_rto: Math.round(Math.min(tcb.rto * 2 ** backoffOfRto(tcb), sysctl['net.inet.tcp.rexmit_max'] * 1000)),
    tcpi_ato: meter.dataSegsIn > 0 && sysctl['net.inet.tcp.delayed_ack'] === 1
      ? sysctl['net.inet.tcp.delacktime'] * 1000 : 0,
    tcpi_snd_mss: tcb.mss,
    tcpi_rcv_mss: tcpRcvMss(tcb),
    // of a listener: connections that wait for accept, and how many may
    tcpi_unacked: listener === undefined ? segments(tcb, flight) : listener.queue.length,
    tcpi_sacked: listener === undefined ? marked(tcb.sent, SF_SACKED) : listener.backlog,
    tcpi_lost: marked(tcb.sent, SF_LOST),
    tcpi_retrans: marked(tcb.sent, SF_RETRANS),
    tcpi_fackets: foremost(tcb.sent),
    tcpi_last_data_sent: ago(now, tcb.sndAt),
    tcpi_last_ack_sent: ago(now, meter.ackSentAt),
    tcpi_last_data_recv: ago(now, meter.dataRcvAt),
    tcpi_last_ack_recv: ago(now, meter.ackRcvAt),
    tcpi_pmtu: pathMtu(vn, tcb),
    tcpi_rcv_ssthresh: tcb.rcvLimit,
    tcpi_rtt: Math.round(tcb.srtt),
    tcpi_rttvar: Math.round(tcb.rttvar),
    tcpi_snd_ssthresh: tcb.ssthresh >= 0x3fffffff ? INFINITE_SSTHRESH : whole(tcb, tcb.ssthresh),
    tcpi_snd_cwnd: whole(tcb, tcb.cwnd),
    tcpi_advmss: tcb.state === TCPS_LISTEN ? 0 : tcpMssOffer(vn, tcb.inp.faddr, tcb.userMss),
    tcpi_reordering: Math.min(Math.max(DUPTHRESH, tcb.rec.reordMost + 1), MAX_REORDERING),
    tcpi_rcv_rtt: Math.round(meter.rcvRtt),
    tcpi_rcv_space: tcb.rcvLimit,
    tcpi_total_retrans: meter.retrans,
    tcpi_pacing_rate: rate === 0 ? unpacedRate(tcb) : Math.round(rate),
    tcpi_max_pacing_rate: tcb.maxPaceRate === 0 ? NO_LIMIT : tcb.maxPaceRate,
    tcpi_bytes_acked: meter.bytesAcked,
    tcpi_bytes_received: meter.bytesReceived,
    tcpi_segs_out: meter.segsOut,
    tcpi_segs_in: meter.segsIn,
    tcpi_notsent_bytes: Math.max(0, tcb.sndBuf.len - flight),
    tcpi_min_rtt: minRtt === 0 ? NO_MINIMUM : Math.round(minRtt),
    tcpi_data_segs_in: meter.dataSegsIn,
    tcpi_data_segs_out: meter.dataSegsOut,
    tcpi_delivery_rate: meter.rateUs > 0 ? Math.floor(meter.rateBytes * 1e6 / meter.rateUs) : 0,
    tcpi_busy_time: Math.round(meter.busyUs + held),
    tcpi_rwnd_limited: Math.round(meter.rwndUs + (meter.held === HELD_RWND ? held : 0)),
    tcpi_sndbuf_limited: Math.round(meter.sndbufUs + (meter.held === HELD_SNDBUF ? held : 0)),
    // as Linux, the SYN is the first
    tcpi_delivered: meter.delivered + (tcb.sndUna !== tcb.iss ? 1 : 0),
    tcpi_delivered_ce: meter.deliveredCe,
    tcpi_bytes_sent: meter.bytesSent,
    tcpi_bytes_retrans: meter.bytesRetrans,
    tcpi_dsack_dups: tcb.rec.dsackDups,
    tcpi_reord_seen: tcb.rec.reordSeen,
    tcpi_rcv_ooopack: meter.oooSegs,
    tcpi_snd_wnd: tcb.sndWnd,
    tcpi_rcv_wnd: tcpRcvWnd(tcb),
    tcpi_rehash: meter.rehash,
    tcpi_total_rto: meter.rtos,
    tcpi_total_rto_recoveries: meter.rtoRuns,
    tcpi_total_rto_time: Math.floor((meter.rtoUs + timingOut(now, meter)) / 1000),
  }
}

/** Linux's bounds of its estimate of reordering, in segments. */
const DUPTHRESH = 3
const MAX_REORDERING = 300

/** What Linux would pace with where nothing paces: twice what the window lets through in slow start, 1.2 times after it. */
function unpacedRate(tcb: Tcb): number {
  if (tcb.srtt === 0) return NO_LIMIT
  const gain = tcb.cwnd < tcb.ssthresh / 2 ? 2 : 1.2
  return Math.floor(gain * Math.max(tcb.cwnd, seqDiff(tcb.sndMax, tcb.sndUna)) * 1e6 / tcb.srtt)
}

/** By TCPS_*. */
const LINUX_STATES: readonly number[] = Object.freeze([7, 10, 2, 3, 1, 8, 4, 11, 9, 5, 6])

/** TCPI_OPT_TIMESTAMPS, _SACK, _WSCALE, _ECN. */
function optionBits(tcb: Tcb): number {
  return ((tcb.flags & TF_TSTMP) !== 0 ? 1 : 0) | ((tcb.flags & TF_SACK_PERMIT) !== 0 ? 2 : 0) |
    ((tcb.flags & TF_SCALE) !== 0 ? 4 : 0) | ((tcb.ecn & ECN_ON) !== 0 ? 8 : 0)
}

/** Doublings so far; the persist timer's count is one ahead, for it counts when it is set. */
function backoff(tcb: Tcb): number {
  return tcpTimerOn(tcb, TT_PERSIST) ? Math.max(0, tcb.rxtShift - 1) : tcb.rxtShift
}

/** Probes have an interval of their own: they leave the timeout alone. */
function backoffOfRto(tcb: Tcb): number {
  return tcpTimerOn(tcb, TT_PERSIST) ? 0 : Math.min(tcb.rxtShift, 16)
}

function pathMtu(vn: Vn, tcb: Tcb): number {
  if (tcb.state === TCPS_LISTEN) return 0
  const mtu = inetPathMtu(vn, tcb.inp.faddr)
  return tcb.pathMtu > 0 ? Math.min(tcb.pathMtu, mtu) : mtu
}

/** Segments in flight with this mark (SF_*). */
function marked(sent: Sent, mark: number): number {
  let n = 0
  for (let k = 0; k < sent.count; k++) if ((sent.log[sentAt(sent, k) + SENT_FLAGS] & mark) !== 0) n++
  return n
}

/** Segments up to the foremost that is SACKed. */
function foremost(sent: Sent): number {
  for (let k = sent.count; k > 0; k--) if ((sent.log[sentAt(sent, k - 1) + SENT_FLAGS] & SF_SACKED) !== 0) return k
  return 0
}

function segments(tcb: Tcb, bytes: number): number {
  return tcb.mss > 0 ? Math.ceil(bytes / tcb.mss) : bytes > 0 ? 1 : 0
}

function whole(tcb: Tcb, bytes: number): number {
  return tcb.mss > 0 ? Math.floor(bytes / tcb.mss) : 0
}

/** Milliseconds since `at`. */
function ago(now: number, at: number): number {
  return Math.max(0, Math.floor((now - at) / 1000))
}

function timingOut(now: number, meter: TcpMeter): number {
  return meter.rtoAt >= 0 ? now - meter.rtoAt : 0
}
