/** What `%{ … }%` may ask of the Vnet beside tcp_info: counters, and what router advertisements have taught. */

import { RESOLVER_RA } from '../resolver/state.ts'
import type { Vnet } from '../vnet/vnet.ts'

/** `stat_nd_badsource`: a counter; `ra_servers`, `ra_domains`: how many are in use. Null: another name. */
export function stateValue(vnet: Vnet, name: string): number | null {
  const { state } = vnet
  const heard = state.resolver.entries.filter((e) => e.source === RESOLVER_RA)
  if (name === 'ra_servers') return heard.reduce((n, e) => n + e.servers.length, 0)
  if (name === 'ra_domains') return heard.reduce((n, e) => n + e.search.length, 0)
  const m = /^stat_(nd|mld|icmp6|ip6)_(\w+)$/.exec(name)
  if (m === null) return null
  const stats: Readonly<Record<string, number>> = { ...state[m[1] as 'nd' | 'mld' | 'icmp6' | 'ip6'].stats }
  return Object.hasOwn(stats, m[2]) ? stats[m[2]] : null
}
