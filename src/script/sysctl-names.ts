/**
 * Tunables by names that this Vnet does not have: Linux's, put into its own names and units, and FreeBSD's that it has
 * no use for. A setting that would change what this stack cannot change is not here, so it is unsupported.
 */

import { sysctlDef } from '../vnet/sysctl.ts'

export type Setting = readonly [name: string, value: string]

/** Settings of the Vnet that do what this one asks for (none: it does so anyway), or null. */
export function sysctlForeign(name: string, value: string): readonly Setting[] | null {
  const settings = translated(name, value)
  // what the Vnet does not have is fixed, as FIXED says
  if (settings?.every(([target]) => sysctlDef(target) !== null) === true) return settings
  if (Object.hasOwn(FIXED, name)) return FIXED[name].includes(value) ? [] : null
  return IRRELEVANT.some((pattern) => matches(pattern, name)) ? [] : null
}

/** What a connection may queue at once with Linux's defaults (personality.ts). */
const LINUX_SENDSPACE = 2_626_560

function translated(name: string, value: string): readonly Setting[] | null {
  if (!Object.hasOwn(RENAMED, name)) return computed(name, value)
  const [target, factor] = RENAMED[name]
  return [[target, factor === 1 ? value : String(Number(value) * factor)]]
}

/** Settings whose value needs more than a factor; null for those of RENAMED. */
function computed(name: string, value: string): readonly Setting[] | null {
  const n = Number(value)
  switch (name) {
    case 'net.ipv4.ip_no_pmtu_disc': return [['net.inet.tcp.path_mtu_discovery', value === '0' ? '1' : '0']]
    // n SYNs after the first, each after twice the time of the one before: 2^(n+1) - 1 seconds
    case 'net.ipv4.tcp_syn_retries': return [['net.inet.tcp.keepinit', String((2 ** (n + 1) - 1) * 1000)]]
    case 'net.ipv4.tcp_invalid_ratelimit':
      return n === 0 ? [['net.inet.tcp.ack_war_cnt', '10000']] : [['net.inet.tcp.ack_war_timewindow', value]]
    case 'net.ipv4.tcp_challenge_ack_limit': return [['net.inet.tcp.challenge_limit', String(Math.min(1_000_000, n))]]
    case 'net.ipv4.tcp_congestion_control':
      return [['net.inet.tcp.cc.algorithm', value === 'reno' ? 'newreno' : value]]
    // 1 for clients, 2 for listeners
    case 'net.ipv4.tcp_fastopen':
      return n > 3 ? null : [
        ['net.inet.tcp.fastopen.client_enable', String(n & 1)], ['net.inet.tcp.fastopen.server_enable', String(n >> 1)],
      ]
    // 2 asks for the version with SACK, which is used where there is SACK
    case 'net.ipv4.tcp_frto': return n > 2 ? null : [['net.inet.tcp.frto', String(Math.min(n, 1))]]
    // 1 is RACK, the others are about it
    case 'net.ipv4.tcp_recovery': return [['net.inet.tcp.rack.enable', String(n & 1)]]
    // "least default most": the most bounds the buffer that grows, and the one that a connection begins with here
    case 'net.ipv4.tcp_wmem': {
      const most = Number(value.split(/\s+/)[2])
      const grown: Setting = ['net.inet.tcp.sendbuf_max', String(Math.max(65_536, most))]
      return most < LINUX_SENDSPACE ? [grown, ['net.inet.tcp.sendspace', String(most)]] : [grown]
    }
    case 'net.ipv4.tcp_notsent_lowat':
      return value === '-1' || value === '4294967295' ? [['net.inet.tcp.notsent_lowat', '0']]
        : n > 0 ? [['net.inet.tcp.notsent_lowat', value]] : null
    // "least default most": the most decides on the window scale
    case 'net.ipv4.tcp_rmem':
      return [['net.inet.tcp.recvbuf_max', String(Math.max(65_536, Number(value.split(/\s+/)[2])))]]
    default: return null
  }
}

/** The same setting under this Vnet's name, and what its value is multiplied with. */
const RENAMED: Readonly<Record<string, readonly [name: string, factor: number]>> = Object.freeze({
  'net.ipv4.ip_default_ttl': Object.freeze(['net.inet.ip.ttl', 1] as const),
  'net.ipv4.tcp_sack': Object.freeze(['net.inet.tcp.sack.enable', 1] as const),
  'net.ipv4.tcp_moderate_rcvbuf': Object.freeze(['net.inet.tcp.recvbuf_auto', 1] as const),
  'net.ipv4.tcp_dsack': Object.freeze(['net.inet.tcp.sack.dsack', 1] as const),
  'net.ipv4.tcp_ecn': Object.freeze(['net.inet.tcp.ecn.enable', 1] as const),
  'net.ipv4.tcp_tw_reuse': Object.freeze(['net.inet.tcp.tw_reuse', 1] as const),
  'net.ipv4.tcp_retries2': Object.freeze(['net.inet.tcp.retries', 1] as const),
  'net.ipv4.tcp_synack_retries': Object.freeze(['net.inet.tcp.syncache.rexmtlimit', 1] as const),
  'net.ipv4.tcp_keepalive_time': Object.freeze(['net.inet.tcp.keepidle', 1000] as const),
  'net.ipv4.tcp_keepalive_intvl': Object.freeze(['net.inet.tcp.keepintvl', 1000] as const),
  'net.ipv4.tcp_keepalive_probes': Object.freeze(['net.inet.tcp.keepcnt', 1] as const),
  'net.ipv4.tcp_fin_timeout': Object.freeze(['net.inet.tcp.finwait2_timeout', 1000] as const),
  'net.ipv4.tcp_max_orphans': Object.freeze(['net.inet.tcp.maxorphans', 1] as const),
  'net.ipv4.tcp_max_tw_buckets': Object.freeze(['net.inet.tcp.maxtcptw', 1] as const),
  'net.ipv4.tcp_abort_on_overflow': Object.freeze(['net.inet.tcp.syncache.rst_on_sock_fail', 1] as const),
  'net.ipv4.tcp_rto_min_us': Object.freeze(['net.inet.tcp.rexmit_varmin', 0.001] as const),
  'net.ipv4.tcp_rto_max_ms': Object.freeze(['net.inet.tcp.rexmit_max', 1] as const),
  'net.ipv4.tcp_slow_start_after_idle': Object.freeze(['net.inet.tcp.slow_start_after_idle', 1] as const),
  'net.ipv4.tcp_syncookies': Object.freeze(['net.inet.tcp.syncookies', 1] as const),
  'net.ipv4.tcp_mtu_probing': Object.freeze(['net.inet.tcp.pmtud_blackhole_detection', 1] as const),
  'net.ipv4.tcp_base_mss': Object.freeze(['net.inet.tcp.pmtud_blackhole_mss', 1] as const),
  'net.core.somaxconn': Object.freeze(['kern.ipc.soacceptqueue', 1] as const),
  'net.core.wmem_max': Object.freeze(['kern.ipc.maxsockbuf', 1] as const),
  'net.core.rmem_max': Object.freeze(['kern.ipc.maxsockbuf', 1] as const),
})

/** Settings that only say what this stack does anyway. */
const FIXED: Readonly<Record<string, readonly string[]>> = Object.freeze({
  'net.inet.tcp.functions_default': Object.freeze(['freebsd']),
  'net.inet.tcp.drop_synfin': Object.freeze(['0']),
  'net.inet.tcp.insecure_rst': Object.freeze(['0']),
  'net.inet.tcp.insecure_syn': Object.freeze(['0']),
  'net.inet.tcp.insecure_ack': Object.freeze(['0']),
  'net.inet.tcp.icmp_may_rst': Object.freeze(['1']),
  'net.inet.tcp.rfc3390': Object.freeze(['1']),
  'net.inet.tcp.rfc3465': Object.freeze(['1']),
  'net.inet.tcp.rfc6675_pipe': Object.freeze(['1']),
  'net.inet.tcp.do_prr': Object.freeze(['1']),
  'net.inet.tcp.fast_finwait2_recycle': Object.freeze(['0']),
  'net.inet.tcp.nolocaltimewait': Object.freeze(['0', '1']),
  'net.inet.tcp.rexmit_drop_options': Object.freeze(['0']),
  'net.inet.tcp.udp_tunneling_port': Object.freeze(['0']),
  'net.inet.udp.blackhole': Object.freeze(['0']),
  'net.ipv4.tcp_timestamps': Object.freeze(['1', '2']),
  'net.ipv4.tcp_window_scaling': Object.freeze(['1']),
  'net.ipv4.tcp_early_retrans': Object.freeze(['3']),
  'net.ipv4.tcp_rfc1337': Object.freeze(['1']),
  'net.ipv4.tcp_stdurg': Object.freeze(['0']),
  'net.ipv4.tcp_autocorking': Object.freeze(['0']),
  'net.ipv4.tcp_retries1': Object.freeze(['3']),
  'net.ipv4.tcp_mtu_probing': Object.freeze(['0']),
  'net.ipv4.tcp_reordering': Object.freeze(['3']),
  'net.ipv4.tcp_thin_linear_timeouts': Object.freeze(['0']),
  'net.ipv4.tcp_shrink_window': Object.freeze(['0']),
  'net.ipv4.tcp_slow_start_after_idle': Object.freeze(['1']),
  'net.ipv4.tcp_adv_win_scale': Object.freeze(['1']),
  'net.ipv4.tcp_app_win': Object.freeze(['0', '31']),
})

/** About what this stack does not have and no script can see (metrics kept, logs, memory, queues); `*` ends a pattern. */
const IRRELEVANT: readonly string[] = Object.freeze([
  'kern.*', 'vm.*', 'kernel.*', 'net.inet6.*', 'net.ipv6.*', 'net.isr.*', 'net.link.*', 'net.inet.sctp.*',
  'net.sctp.*', 'net.inet.tcp.hostcache.*', 'net.inet.tcp.log*', 'net.inet.tcp.bb.*', 'net.inet.tcp.tso*',
  'net.inet.tcp.lro.*', 'net.inet.tcp.per_cpu_timers', 'net.inet.tcp.pcbcount', 'net.inet.tcp.tcbhashsize',
  'net.inet.tcp.minmss_overload', 'net.inet.tcp.soreceive_stream', 'net.inet.tcp.ts_offset_per_conn',
  'net.inet.tcp.isn_reseed_interval', 'net.inet.tcp.signature_*', 'net.inet.tcp.reass.maxsegments',
  'net.inet.tcp.sack.maxholes', 'net.inet.tcp.sack.globalmaxholes', 'net.inet.tcp.hpts.*',
  'net.inet.tcp.recvbuf_inc', 'net.inet.tcp.map_limit', 'net.inet.tcp.rack.*', 'net.inet.ip.portrange.*',
  'net.inet.ip.random_id*',
  'net.inet.ip.intr_queue_maxlen', 'net.inet.ip.process_options', 'net.inet.icmp.icmplim*',
  'net.inet.udp.log_in_vain', 'net.inet.raw.*', 'security.*', 'net.core.default_qdisc', 'net.core.netdev_*',
  'net.core.optmem_max', 'net.core.rps_*', 'net.core.busy_*', 'net.core.wmem_default',
  'net.core.rmem_default', 'net.core.high_order_alloc_disable', 'net.core.tstamp_allow_data',
  'net.core.txrehash', 'net.ipv4.conf.*', 'net.ipv4.neigh.*', 'net.ipv4.route.*', 'net.ipv4.icmp_*',
  'net.ipv4.ip_local_*', 'net.ipv4.ip_nonlocal_bind', 'net.ipv4.ip_early_demux', 'net.ipv4.tcp_early_demux',
  'net.ipv4.ipfrag_*', 'net.ipv4.fib_*', 'net.ipv4.udp_*', 'net.ipv4.ping_group_range',
  'net.ipv4.tcp_no_metrics_save', 'net.ipv4.tcp_no_ssthresh_metrics_save', 'net.ipv4.tcp_mem',
  'net.ipv4.tcp_min_tso_segs', 'net.ipv4.tcp_tso_*', 'net.ipv4.tcp_limit_output_bytes',
  'net.ipv4.tcp_min_rtt_wlen', 'net.ipv4.tcp_pacing_*', 'net.ipv4.tcp_available_*',
  'net.ipv4.tcp_allowed_congestion_control', 'net.ipv4.tcp_probe_*', 'net.ipv4.tcp_fwmark_accept',
  'net.ipv4.tcp_l3mdev_accept', 'net.ipv4.tcp_low_latency', 'net.ipv4.tcp_fack',
  'net.ipv4.tcp_max_syn_backlog', 'net.ipv4.tcp_max_reordering', 'net.ipv4.tcp_orphan_retries',
  'net.ipv4.tcp_reflect_tos_off', 'net.ipv4.tcp_plb_*', 'net.ipv4.tcp_ehash_entries',
  'net.ipv4.tcp_child_ehash_entries', 'net.ipv4.tcp_migrate_req', 'net.ipv4.tcp_tw_*',
  'net.ipv4.tcp_comp_sack_*', 'net.ipv4.tcp_backlog_ack_defer', 'net.ipv4.tcp_workaround_signed_windows',
  'net.ipv4.tcp_fastopen_*', 'net.ipv4.tcp_mtu_probe_floor', 'net.ipv4.tcp_min_snd_mss',
])

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}
