/** Records that Vnets share as long as they hold what the factory put there: a state that is to be filled in needs its own. */

import { ARP_STATS_ZERO, arpStats } from '../arp/state.ts'
import { DHCP_STATS_ZERO, dhcpStats } from '../dhcp/state.ts'
import { DHCP6_STATS_ZERO, dhcp6Stats } from '../dhcp6/state.ts'
import { ICMP_STATS_ZERO, icmpStats } from '../icmp/state.ts'
import { ICMP6_STATS_ZERO, icmp6Stats } from '../icmp6/state.ts'
import { IGMP_STATS_ZERO, igmpStats } from '../igmp/state.ts'
import { IP_STATS_ZERO, ipStats } from '../ip/state.ts'
import { IP6_STATS_ZERO, ip6Stats } from '../ip6/state.ts'
import { LINK_STATS_ZERO, linkStats } from '../link/state.ts'
import { MLD_STATS_ZERO, mldStats } from '../mld/state.ts'
import { ND_STATS_ZERO, ndStats } from '../nd/state.ts'
import { RAW_STATS_ZERO, rawStats } from '../raw/state.ts'
import { TCP_STATS_ZERO, tcpStats } from '../tcp/stats.ts'
import { UDP_STATS_ZERO, udpStats } from '../udp/state.ts'
import type { VnetState } from './state.ts'
import { SYSCTL_DEFAULTS, sysctlsIn } from './sysctl.ts'

type Numbers = Readonly<Record<string, number>>

/** Gives a fresh state records of its own, for a snapshot to be read into them. Returns it. */
export function recordsOwn(state: VnetState): VnetState {
  sysctlsIn(state)
  const vn = { state }
  for (const own of [
    arpStats, dhcpStats, dhcp6Stats, icmpStats, icmp6Stats, igmpStats, ipStats, ip6Stats, linkStats, mldStats, ndStats, rawStats,
    tcpStats, udpStats,
  ]) own(vn)
  return state
}

/** Undoes that for records that came out as they are shared. Returns the state. */
export function recordsShare(state: VnetState): VnetState {
  if (sameNumbers(state.sysctl, SYSCTL_DEFAULTS)) state.sysctl = SYSCTL_DEFAULTS
  shareCounters(state.arp, ARP_STATS_ZERO)
  shareCounters(state.dhcp, DHCP_STATS_ZERO)
  shareCounters(state.dhcp6, DHCP6_STATS_ZERO)
  shareCounters(state.icmp, ICMP_STATS_ZERO)
  shareCounters(state.icmp6, ICMP6_STATS_ZERO)
  shareCounters(state.igmp, IGMP_STATS_ZERO)
  shareCounters(state.ip, IP_STATS_ZERO)
  shareCounters(state.ip6, IP6_STATS_ZERO)
  shareCounters(state.link, LINK_STATS_ZERO)
  shareCounters(state.mld, MLD_STATS_ZERO)
  shareCounters(state.nd, ND_STATS_ZERO)
  shareCounters(state.raw, RAW_STATS_ZERO)
  shareCounters(state.tcp, TCP_STATS_ZERO)
  shareCounters(state.udp, UDP_STATS_ZERO)
  return state
}

function shareCounters<T extends object>(owner: { stats: Readonly<T> }, zero: Readonly<T>): void {
  if (sameNumbers(owner.stats as Numbers, zero as Numbers)) owner.stats = zero
}

function sameNumbers(a: Numbers, b: Numbers): boolean {
  for (const key in b) if (a[key] !== b[key]) return false
  return true
}
