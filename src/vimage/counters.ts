/** Counters as `netstat -s` shows them: by protocol, each with its words. */

import { ARP_STATS_TEXT } from '../arp/stats.ts'
import { DHCP_STATS_TEXT } from '../dhcp/stats.ts'
import { DHCP6_STATS_TEXT } from '../dhcp6/stats.ts'
import { ICMP_STATS_TEXT } from '../icmp/stats.ts'
import { ICMP6_STATS_TEXT } from '../icmp6/stats.ts'
import { IGMP_STATS_TEXT } from '../igmp/stats.ts'
import { IP_STATS_TEXT } from '../ip/stats.ts'
import { IP6_STATS_TEXT } from '../ip6/stats.ts'
import { LINK_STATS_TEXT } from '../link/stats.ts'
import { MLD_STATS_TEXT } from '../mld/stats.ts'
import { ND_STATS_TEXT } from '../nd/stats.ts'
import { RAW_STATS_TEXT } from '../raw/stats.ts'
import { TCP_STATS_TEXT } from '../tcp/stats.ts'
import { UDP_STATS_TEXT } from '../udp/stats.ts'
import type { Runner } from '../vnet/runner.ts'

export interface CounterRow {
  /** 'tcp', 'udp', 'ip', 'icmp', 'ip6', 'icmp6', 'nd', 'igmp', 'mld', 'dhcp', 'dhcp6', 'raw', 'arp' or 'link'. */
  protocol: string
  /** The counter's name in that protocol: 'ip' and 'badsum' are "ip.badsum" in a trace. */
  name: string
  value: number
  /** What it says, with the number first. */
  text: string
}

/** Every counter, or only those that are not zero. */
export function counterRows(runner: Runner, nonZero: boolean): CounterRow[] {
  const { tcp, udp, ip, icmp, ip6, icmp6, nd, igmp, mld, dhcp, dhcp6, raw, arp, link } = runner.vnet.state
  const rows = [
    ...group('tcp', tcp.stats, TCP_STATS_TEXT), ...group('udp', udp.stats, UDP_STATS_TEXT),
    ...group('ip', ip.stats, IP_STATS_TEXT), ...group('icmp', icmp.stats, ICMP_STATS_TEXT),
    ...group('ip6', ip6.stats, IP6_STATS_TEXT), ...group('icmp6', icmp6.stats, ICMP6_STATS_TEXT),
    ...group('nd', nd.stats, ND_STATS_TEXT), ...group('igmp', igmp.stats, IGMP_STATS_TEXT),
    ...group('mld', mld.stats, MLD_STATS_TEXT), ...group('dhcp', dhcp.stats, DHCP_STATS_TEXT),
    ...group('dhcp6', dhcp6.stats, DHCP6_STATS_TEXT),
    ...group('raw', raw.stats, RAW_STATS_TEXT), ...group('arp', arp.stats, ARP_STATS_TEXT),
    ...group('link', link.stats, LINK_STATS_TEXT),
  ]
  return nonZero ? rows.filter((row) => row.value !== 0) : rows
}

function group<K extends string>(
  protocol: string, stats: Readonly<Record<K, number>>, text: Readonly<Record<K, string>>,
): CounterRow[] {
  return (Object.keys(text) as K[]).map((name) => {
    const value = stats[name]
    return { protocol, name, value, text: text[name].replace('%d', String(value)) }
  })
}
