/**
 * Multicast reception of both families: what sockets have asked for (RFC 3376 §3.1, RFC 3810 §4.1), what follows for
 * each interface (§3.2, §4.2), and what routers on its link are told. IGMP and MLD are two ways to say it.
 */

import type { Alarm } from '../kern/timer.ts'
import { createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { createTable } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'

/** Filter modes. INCLUDE without sources is no reception at all. */
export const MCAST_INCLUDE = 0
export const MCAST_EXCLUDE = 1

/** What one socket wants of one group on one interface. */
export interface McFilter {
  ifId: number
  group: Addr
  /** MCAST_*. */
  mode: number
  sources: Addr[]
}

/** The multicast options of a socket; one that never set any has no such record. */
export interface McSocket {
  /** Interface to send multicasts by (IP_MULTICAST_IF, IPV6_MULTICAST_IF), 0 for the route's. */
  ifId4: number
  ifId6: number
  /** Time to live of multicasts, -1 for the tunable's. */
  ttl: number
  hops: number
  /** 1: a copy of what is sent comes back to the members here; -1: as the tunable says. */
  loop4: number
  loop6: number
  /** IP_MULTICAST_ALL: also multicasts that other sockets have joined. */
  all4: boolean
  all6: boolean
  filters: McFilter[]
}

/** A source whose change of state is still to be told `count` times (RFC 3376 §5.1). */
export interface McChange {
  source: Addr
  count: number
}

/** What an interface receives of a group, and what of it routers are still to be told. */
export interface McGroup {
  group: Addr
  /** The interface state of RFC 3376 §3.2. */
  mode: number
  sources: Addr[]
  /** Reports with a filter mode change that are still to go, and sources that have changed. */
  modeChanges: number
  changes: McChange[]
  /** When the next state change report goes. */
  changeAt: number
  /** When a query for this group (in the old versions: any) is answered, and about which sources it was. */
  respondAt: number
  asked: Addr[]
  /** Versions before source filters: unsolicited reports still to go; ours was the latest report heard. */
  oldReports: number
  lastReporter: boolean
}

/** Multicast of one family on one interface. Its timers are owned by `id`. */
export interface McLink extends Alarm {
  id: number
  ifId: number
  /** AF_INET or AF_INET6. */
  family: number
  groups: McGroup[]
  /** Until when a querier of IGMPv1 or MLDv1, of IGMPv2, counts as present; -Infinity: none. */
  v1Until: number
  v2Until: number
  /** The version that is spoken now (RFC 3376 §7.2.1). */
  version: number
  /** The querier's figures (QRV, QQIC, Max Resp Code). */
  robustness: number
  queryIntervalUs: number
  responseUs: number
  /** When the pending answer to a general query goes. */
  generalAt: number
  /** When the solicited-node groups of the interface's addresses are to be looked at. */
  syncAt: number
}

export interface McastState {
  /** By socket id. */
  sockets: Table<McSocket>
  /** By mcastLinkId. */
  links: Table<McLink>
}

export function createMcastState(): McastState {
  return { sockets: createTable(), links: createTable() }
}

export function createMcSocket(): McSocket {
  return { ifId4: 0, ifId6: 0, ttl: -1, hops: -1, loop4: -1, loop6: -1, all4: false, all6: false, filters: [] }
}

export function createMcFilter(ifId: number, group: Addr, mode: number): McFilter {
  return { ifId, group: { ...group }, mode, sources: [] }
}

export function createMcChange(source: Addr, count: number): McChange {
  return { source: { ...source }, count }
}

export function createMcGroup(group: Addr): McGroup {
  return {
    group: { ...group }, mode: MCAST_INCLUDE, sources: [], modeChanges: 0, changes: [], changeAt: Infinity,
    respondAt: Infinity, asked: [], oldReports: 0, lastReporter: false,
  }
}

/** A link with the defaults of RFC 3376 §8 and RFC 3810 §9. */
export function createMcLink(id: number, ifId: number, family: number, version: number): McLink {
  return {
    alarmAt: Infinity, id, ifId, family, groups: [], v1Until: -Infinity, v2Until: -Infinity, version, robustness: 2,
    queryIntervalUs: 125_000_000, responseUs: 10_000_000, generalAt: Infinity, syncAt: Infinity,
  }
}

/** An empty address for lists of them. */
export function createMcSource(): Addr {
  return createAddr()
}
