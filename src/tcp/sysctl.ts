/** Tunables of TCP, under FreeBSD's names where it has them. Times are in milliseconds. */

import { sysctlBool, sysctlEnum, sysctlInt } from '../kern/sysctl.ts'
import type { SysctlDef } from '../kern/sysctl.ts'
import { CC_CUBIC, CC_NAMES } from './cc/names.ts'

const HOUR_MS = 3_600_000

export const TCP_SYSCTLS = Object.freeze({
  'kern.ipc.soacceptqueue': sysctlInt(4096, 1, 65_535, 'connections', 'Largest backlog of a listener'),
  'net.inet.tcp.sendspace': sysctlInt(1_048_576, 1024, 1_073_741_824, 'bytes', 'Send buffer limit of a new socket'),
  'net.inet.tcp.recvspace': sysctlInt(1_048_576, 1024, 1_073_741_824, 'bytes', 'Receive buffer limit of a new socket'),
  'net.inet.tcp.recvbuf_max': sysctlInt(
    2_097_152, 65_536, 1_073_741_824, 'bytes', 'Largest receive buffer of auto-tuning; window scales are chosen for it'),
  'net.inet.tcp.recvbuf_auto': sysctlBool(1, 'Receive buffers grow with what comes in a round trip'),
  'net.inet.tcp.sendbuf_auto': sysctlBool(1, 'Send buffers grow with what may be in flight'),
  'net.inet.tcp.sendbuf_inc': sysctlInt(8192, 1024, 16_777_216, 'bytes', 'Unit in which a send buffer grows'),
  'net.inet.tcp.sendbuf_max': sysctlInt(
    2_097_152, 65_536, 1_073_741_824, 'bytes', 'Largest send buffer of auto-tuning'),
  'net.inet.tcp.maxmem': sysctlInt(
    1_073_741_824, 65_536, 1_099_511_627_776, 'bytes', 'Bytes that all connections together hold, at most'),
  'net.inet.tcp.recvwin_follow': sysctlBool(
    0, 'Offer the free space in every segment once it is a segment or a quarter of the buffer (as FreeBSD does)'),
  'net.inet.tcp.delack_full': sysctlBool(
    0, 'Acknowledge when more than a full-sized segment has come, instead of every second segment (as Linux does)'),
  'net.inet.tcp.ackmerge_max': sysctlInt(
    65_536, 0, 1_073_741_824, 'bytes', 'What an ACK may cover into which the next ones of its batch are merged, 0: none'),
  'net.inet.tcp.notsent_lowat': sysctlInt(
    0, 0, 1_073_741_824, 'bytes', 'Data not yet sent from which on no more is taken from the user, 0: no limit'),
  'net.inet.tcp.rfc1323': sysctlBool(1, 'Offer window scaling and timestamps (RFC 7323)'),
  'net.inet.tcp.tso': sysctlBool(1, 'Send many segments as one packet through devices that cut it up'),
  'net.inet.tcp.sack.enable': sysctlBool(1, 'Offer and accept selective acknowledgments (RFC 2018)'),
  'net.inet.tcp.sack.dsack': sysctlBool(1, 'Tell of data that came twice (RFC 2883)'),
  'net.inet.tcp.option_order': sysctlEnum(
    Object.freeze(['freebsd', 'linux']), 0, 'Order of the options of a SYN, as one system or the other writes them'),
  'net.inet.tcp.mssdflt': sysctlInt(536, 88, 65_495, 'bytes', 'Send MSS when the peer sent no MSS option (IPv4)'),
  'net.inet.tcp.v6mssdflt': sysctlInt(1220, 88, 65_475, 'bytes', 'Send MSS when the peer sent no MSS option (IPv6)'),
  'net.inet.tcp.minmss': sysctlInt(
    216, 88, 65_495, 'bytes', 'Smallest send MSS that a peer or an ICMP error can ask for'),
  'net.inet.tcp.path_mtu_discovery': sysctlBool(1, 'Set DF and follow the path MTU (RFC 1191)'),
  'net.inet.tcp.pmtud_blackhole_detection': sysctlBool(
    1, 'Try smaller segments when full ones time out (RFC 2923 §2.1), then probe for larger ones (RFC 4821)'),
  'net.inet.tcp.pmtud_blackhole_mss': sysctlInt(1200, 88, 65_495, 'bytes', 'Send MSS tried in a suspected black hole'),
  'net.inet.tcp.tolerate_missing_ts': sysctlBool(0, 'Accept segments without the negotiated timestamp (RFC 7323 §3.2)'),
  'net.inet.tcp.cc.algorithm': sysctlEnum(CC_NAMES, CC_CUBIC, 'Congestion control of new connections'),
  // FreeBSD has this one off; RFC 8511 §1 recommends it wherever marks come from a short queue
  'net.inet.tcp.cc.abe': sysctlBool(1, 'A congestion mark shrinks the window less than a loss (RFC 8511)'),
  'net.inet.tcp.cc.hystartplusplus': sysctlBool(1, 'Leave the initial slow start when round trips grow (RFC 9406)'),
  'net.inet.tcp.newcwv': sysctlBool(0, 'Keep a window that is not used for five minutes, validated by what is (RFC 7661)'),
  'net.inet.tcp.slow_start_after_idle': sysctlBool(
    1, 'After an idle time of a timeout begin with the initial window again (RFC 5681 §4.1)'),
  'net.inet.tcp.pacing': sysctlBool(0, 'Spread every connection\'s segments over its round trip'),
  'net.inet.tcp.initcwnd_segments': sysctlInt(10, 1, 64, 'segments', 'Initial window (RFC 6928)'),
  'net.inet.tcp.abc_l_var': sysctlInt(2, 1, 64, 'segments', 'Slow-start growth per ACK (RFC 3465 §2.2)'),
  'net.inet.tcp.ecn.enable': sysctlInt(
    2, 0, 2, '', 'ECN (RFC 3168): 0 never, 1 ask for it and agree to it, 2 agree where the peer asks'),
  'net.inet.tcp.ecn.maxretries': sysctlInt(1, 0, 12, '', 'Retransmissions of a SYN that still ask for ECN'),
  'net.inet.tcp.rack.enable': sysctlBool(1, 'Detect losses by time, probe for tail losses (RFC 8985), where SACK is'),
  'net.inet.tcp.rack.max_ack_delay': sysctlInt(
    40, 0, 1000, 'ms', 'Delay of an ACK that a loss probe of a single segment allows for (RFC 8985 §7.2)'),
  'net.inet.tcp.eifel': sysctlBool(
    1, 'Take back what recovery did where timestamps show it was begun without need (RFC 3522, RFC 4015)'),
  'net.inet.tcp.frto': sysctlBool(
    1, 'After a timeout try new data first, to see whether anything was lost at all (RFC 5682)'),
  'net.inet.tcp.rfc3042': sysctlBool(1, 'Limited transmit (RFC 3042)'),
  'net.inet.tcp.delayed_ack': sysctlBool(1, 'Delay ACKs of every other segment (RFC 9293 §3.8.6.3)'),
  'net.inet.tcp.delacktime': sysctlInt(40, 1, 499, 'ms', 'How long an ACK is delayed at most'),
  'net.inet.tcp.quickacks': sysctlInt(0, 0, 255, '', 'First ACKs of a connection that are not delayed (Linux: 16)'),
  'net.inet.tcp.sockbuf_round': sysctlBool(
    0, 'Round the buffers of a new connection up to whole segments (as FreeBSD does)'),
  // RFC 6298 §2.4 asks for a floor of 1 s; like FreeBSD (and Linux in effect) we rather add a slop that covers the
  // peer's delayed ACK, because with timestamps a spurious timeout is rare and a one-second stall is not
  'net.inet.tcp.rexmit_min': sysctlInt(30, 1, 60_000, 'ms', 'Lower bound of the retransmission timeout'),
  'net.inet.tcp.rexmit_slop': sysctlInt(200, 0, 60_000, 'ms', 'Added to the computed retransmission timeout'),
  'net.inet.tcp.rexmit_varmin': sysctlInt(
    0, 0, 60_000, 'ms', 'Least that stands for the variation within the timeout (Linux: 200)'),
  'net.inet.tcp.rexmit_initial': sysctlInt(1000, 10, 60_000, 'ms', 'Timeout before the first sample (RFC 6298 §2.1)'),
  'net.inet.tcp.rexmit_max': sysctlInt(64_000, 1000, 600_000, 'ms', 'Upper bound of the timeout (RFC 6298 §2.5)'),
  'net.inet.tcp.retries': sysctlInt(12, 1, 255, '', 'Retransmissions after which a connection is dropped (R2)'),
  'net.inet.tcp.persmin': sysctlInt(200, 1, 60_000, 'ms', 'Shortest interval of zero-window probes'),
  'net.inet.tcp.persmax': sysctlInt(60_000, 1000, 3_600_000, 'ms', 'Longest interval of zero-window probes'),
  // RFC 9293 §3.8.3 MUST-23: a SYN is retransmitted for three minutes at least, where FreeBSD gives up after 75 s
  'net.inet.tcp.keepinit': sysctlInt(200_000, 1000, HOUR_MS, 'ms', 'Time to establish a connection'),
  'net.inet.tcp.idlesleep': sysctlInt(
    1000, 0, 24 * HOUR_MS, 'ms', 'Idle time after which a connection or a listener gives memory back and sleeps, 0: none sleeps'),
  'net.inet.tcp.keepidle': sysctlInt(2 * HOUR_MS, 10, 24 * HOUR_MS, 'ms', 'Idle time before keep-alive probes'),
  'net.inet.tcp.keepintvl': sysctlInt(75_000, 10, HOUR_MS, 'ms', 'Time between keep-alive probes'),
  'net.inet.tcp.keepcnt': sysctlInt(8, 1, 255, '', 'Unanswered keep-alive probes before a connection is dropped'),
  'net.inet.tcp.always_keepalive': sysctlBool(0, 'Keep-alive on every connection, not only where asked for'),
  'net.inet.tcp.msl': sysctlInt(30_000, 1, 240_000, 'ms', 'Maximum segment lifetime'),
  'net.inet.tcp.tw_reuse': sysctlBool(
    1, 'A connect may use a port in TIME-WAIT after a second where timestamps tell the connections apart (RFC 6191)'),
  'net.inet.tcp.maxtcptw': sysctlInt(16_384, 1, 1_048_576, '', 'TIME-WAIT records kept at most'),
  'net.inet.tcp.finwait2_timeout': sysctlInt(60_000, 10, HOUR_MS, 'ms', 'FIN-WAIT-2 without a user'),
  'net.inet.tcp.maxorphans': sysctlInt(8192, 0, 1_048_576, '', 'Connections without a user, at most'),
  'net.inet.tcp.reass.maxqueuelen': sysctlInt(1024, 1, 10_000, '', 'Out-of-order ranges of one connection, at most'),
  'net.inet.tcp.syncache.cachelimit': sysctlInt(16_384, 1, 1_048_576, '', 'Half-open connections of the Vnet, at most'),
  'net.inet.tcp.syncache.listenlimit': sysctlInt(
    4096, 1, 1_048_576, '', 'Half-open connections of a listener, at most'),
  'net.inet.tcp.syncache.rexmtlimit': sysctlInt(3, 0, 12, '', 'Retransmissions of a SYN,ACK'),
  // off, unlike FreeBSD: a full accept queue is a short condition, and the SYN,ACK is retransmitted anyway
  'net.inet.tcp.syncache.rst_on_sock_fail': sysctlBool(0, 'Reset a completed handshake that finds the queue full'),
  'net.inet.tcp.syncookies': sysctlBool(
    1, 'Answer SYNs that find the syncache full with a cookie instead of dropping an older one (RFC 4987 §3.6)'),
  'net.inet.tcp.syncookies_only': sysctlBool(0, 'Answer every SYN with a cookie'),
  'net.inet.tcp.fastopen.server_enable': sysctlBool(1, 'Fast Open for listeners that ask for it (RFC 7413)'),
  'net.inet.tcp.fastopen.client_enable': sysctlBool(1, 'Fast Open for connections that ask for it (RFC 7413)'),
  'net.inet.tcp.fastopen.acceptany': sysctlBool(0, 'Take any Fast Open cookie for a good one (tests)'),
  'net.inet.tcp.fastopen.autokey': sysctlInt(120, 0, 1_000_000, 's', 'Time between keys of Fast Open cookies, 0: for ever'),
  'net.inet.tcp.fastopen.path_disable_time': sysctlInt(
    900, 0, 1_000_000, 's', 'How long Fast Open is not tried on a path where it did not work'),
  'net.inet.tcp.fastopen.ccache_limit': sysctlInt(256, 1, 4096, 'paths', 'Servers whose Fast Open cookie is kept'),
  'net.inet.tcp.uto.enable': sysctlBool(0, 'Send and heed the user timeout option (RFC 5482)'),
  'net.inet.tcp.uto.advertise': sysctlInt(
    300_000, 1000, 1_966_020_000, 'ms', 'User timeout advertised for connections without one of their own'),
  'net.inet.tcp.uto.lower': sysctlInt(100_000, 1000, 1_966_020_000, 'ms', 'Least user timeout that a peer can ask for'),
  'net.inet.tcp.uto.upper': sysctlInt(HOUR_MS, 1000, 1_966_020_000, 'ms', 'Longest user timeout that a peer can ask for'),
  'net.inet.tcp.ao.drop_unknown': sysctlBool(
    0, 'Discard segments with TCP-AO from peers without a key, instead of taking them as unsigned (RFC 5925 §7.3)'),
  'net.inet.tcp.ao.accept_icmp': sysctlBool(
    0, 'Believe ICMP errors about established connections with TCP-AO (RFC 5925 §7.8)'),
  'net.inet.tcp.blackhole': sysctlBool(0, 'Do not answer segments to closed ports'),
  'net.inet.tcp.trace': sysctlInt(0, 0, 1_000_000, 'records', 'Length of the event trace of all connections (0: off)'),
  'net.inet.tcp.ack_war_timewindow': sysctlInt(1000, 1, 60_000, 'ms', 'Period of the challenge ACK limits'),
  'net.inet.tcp.ack_war_cnt': sysctlInt(5, 0, 10_000, '', 'Challenge ACKs of a connection in a period (RFC 5961 §10)'),
  'net.inet.tcp.challenge_limit': sysctlInt(
    1000, 0, 1_000_000, '', 'Challenge ACKs of the Vnet in a period (RFC 5961 §7)'),
} satisfies Record<string, SysctlDef>)
