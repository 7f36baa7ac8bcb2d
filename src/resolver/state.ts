/** Which name servers to ask, and where to look for short names: as configured, and as learnt on each interface. */

import type { Addr } from '../lib/addr.ts'

/** Who told; the better source comes first in a list. */
export const RESOLVER_STATIC = 0
export const RESOLVER_DHCP4 = 1
export const RESOLVER_DHCP6 = 2
export const RESOLVER_RA = 3

export interface ResolverEntry {
  /** RESOLVER_*. */
  source: number
  /** The interface it was learnt on, 0 for a configured one. */
  ifId: number
  servers: Addr[]
  /** Domains to search, the host's own first. */
  search: string[]
}

export interface ResolverState {
  /** In the order of `source`, then of learning. */
  entries: ResolverEntry[]
}

export function createResolverState(): ResolverState {
  return { entries: [] }
}

export function createResolverEntry(source: number, ifId: number): ResolverEntry {
  return { source, ifId, servers: [], search: [] }
}
