/** The Vnet's resolv.conf: what DHCP and router advertisements (RFC 8106) say, put together. */

import type { Vn } from '../kern/vn.ts'
import { addrEq } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { createResolverEntry } from './state.ts'
import type { ResolverState } from './state.ts'

/** Most servers and domains that a reader sees. */
const MOST = 16

/** Replaces what `source` has said on an interface (0: configured); nothing at all takes the entry away. */
export function resolverSet(
  vn: Vn, source: number, ifId: number, servers: readonly Addr[], search: readonly string[],
): void {
  const { resolver } = vn.state
  const entries = resolver.entries.filter((e) => e.source !== source || e.ifId !== ifId)
  if (servers.length > 0 || search.length > 0) {
    const entry = createResolverEntry(source, ifId)
    entry.servers = servers.slice(0, MOST).map((a) => ({ ...a }))
    entry.search = search.slice(0, MOST)
    const i = entries.findIndex((e) => e.source > source)
    entries.splice(i < 0 ? entries.length : i, 0, entry)
  }
  resolver.entries = entries
}

/** The servers to ask, the best first. */
export function resolverServers(state: ResolverState): Addr[] {
  const servers: Addr[] = []
  for (const entry of state.entries) {
    for (const a of entry.servers) if (!servers.some((b) => addrEq(a, b))) servers.push({ ...a })
  }
  return servers.slice(0, MOST)
}

/** The domains to search, the best first. */
export function resolverSearch(state: ResolverState): string[] {
  return [...new Set(state.entries.flatMap((entry) => entry.search))].slice(0, MOST)
}
