/** What a server's message configures besides addresses: name servers, search list (RFC 3646), times of the protocol itself. */

import type { Vn } from '../kern/vn.ts'
import { addrIsLoopback } from '../lib/addr.ts'
import { addr6InZone, addr6IsAny, addr6IsMulticast } from '../lib/addr6.ts'
import { resolverSet } from '../resolver/resolver.ts'
import { RESOLVER_DHCP6 } from '../resolver/state.ts'
import { D6O_DNS, D6O_DOMAIN_SEARCH, D6O_INF_MAX_RT, D6O_SOL_MAX_RT, dhcp6Addresses, dhcp6Names, dhcp6Word } from '../wire/dhcp6.ts'
import type { Dhcp6Option } from '../wire/dhcp6.ts'
import type { Dhcp6Client } from './state.ts'

const SECOND = 1_000_000
const MOST = 8
/** §21.24, §21.25: other values are ignored. */
const MAX_RT_LEAST = 60
const MAX_RT_MOST = 86_400

/** Takes name servers and domains in place of what the last message said: what it leaves out is gone (§18.2.10). */
export function dhcp6Configure(vn: Vn, client: Dhcp6Client, view: DataView, options: readonly Dhcp6Option[]): void {
  client.dns = dhcp6Addresses(view, options, D6O_DNS).filter((a) => !addr6IsAny(a) && !addr6IsMulticast(a) && !addrIsLoopback(a))
    .slice(0, MOST).map((a) => addr6InZone(a, client.ifId))
  client.search = dhcp6Names(view, options, D6O_DOMAIN_SEARCH, MOST)
  resolverSet(vn, RESOLVER_DHCP6, client.ifId, client.dns, client.search)
}

/** Nothing of it is left. */
export function dhcp6Unconfigure(vn: Vn, client: Dhcp6Client): void {
  client.dns = []
  client.search = []
  resolverSet(vn, RESOLVER_DHCP6, client.ifId, [], [])
}

/** SOL_MAX_RT and INF_MAX_RT, which count even in a message that says a failure (§18.2.9, §18.2.10). */
export function dhcp6MaxRt(client: Dhcp6Client, view: DataView, options: readonly Dhcp6Option[]): void {
  const sol = dhcp6Word(view, options, D6O_SOL_MAX_RT, 0)
  if (sol >= MAX_RT_LEAST && sol <= MAX_RT_MOST) client.solMaxRtUs = sol * SECOND
  const inf = dhcp6Word(view, options, D6O_INF_MAX_RT, 0)
  if (inf >= MAX_RT_LEAST && inf <= MAX_RT_MOST) client.infMaxRtUs = inf * SECOND
}
