/** DHCPv4 clients (RFC 2131 §4.4): one for each interface that gets its address that way. */

import type { Alarm } from '../kern/timer.ts'
import type { Ip4, Mac } from '../lib/addr.ts'
import { createTable } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'
import type { Own, Vn } from '../kern/vn.ts'

/** The states of RFC 2131 figure 5, CHECKING for the address probe (§4.4.1), DOWN while the link is. */
export const DHCPS_DOWN = 0
export const DHCPS_INIT = 1
export const DHCPS_SELECTING = 2
export const DHCPS_REQUESTING = 3
export const DHCPS_CHECKING = 4
export const DHCPS_BOUND = 5
export const DHCPS_RENEWING = 6
export const DHCPS_REBINDING = 7
export const DHCPS_REBOOTING = 8

/** The states in words. */
export const DHCPS_WORDS: readonly string[] = Object.freeze([
  'down', 'init', 'selecting', 'requesting', 'checking', 'bound', 'renewing', 'rebinding', 'rebooting',
])

export interface DhcpRoute { dst: Ip4; prefixLen: number; gateway: Ip4 }

/** What a server has granted. */
export interface DhcpLease {
  /** 0: no lease. */
  addr: Ip4
  prefixLen: number
  server: Ip4
  routes: DhcpRoute[]
  dns: Ip4[]
  search: string[]
  hostname: string
  /** 0: not said. */
  mtu: number
  /** When it was asked for; times count from then (§4.4.1). NEVER for one without end. */
  renewAt: number
  rebindAt: number
  expiresAt: number
}

export interface DhcpClient extends Alarm {
  ifId: number
  /** DHCPS_*. */
  state: number
  xid: number
  /** When acquisition began and when the last request went: for `secs` and for the lease's times. */
  startedAt: number
  sentAt: number
  /** Messages sent in this state. */
  tries: number
  deadline: number
  /** The lease that is in use, or was when the link went down. */
  lease: DhcpLease
  /** What is offered or acknowledged, and not in use yet. */
  offer: DhcpLease
  clientId: Uint8Array
  hostname: string
  /** The MTU before the lease changed it, 0 where it did not. */
  mtuBefore: number
  /** The gateway's Ethernet address when the link went down: is it still there (RFC 4436)? 0: not known. */
  gatewayMac: Mac
  /** The link has changed since the timer last looked. */
  linkChanged: boolean
}

/** Messages by fate; FreeBSD's stack has no client, so the names are ours. */
export interface DhcpStats {
  received: number
  tooshort: number
  badform: number
  notours: number
  unexpected: number
  badlease: number
  offers: number
  acks: number
  naks: number
  conflicts: number
  bound: number
  expired: number
  reachable: number
  sent: number
  declines: number
  releases: number
  nobuf: number
}

export interface DhcpState {
  /** By interface id. */
  clients: Table<DhcpClient>
  stats: Readonly<DhcpStats>
}

/** The counters of every Vnet in which nothing was counted. */
export const DHCP_STATS_ZERO: Readonly<DhcpStats> = Object.freeze(createDhcpStats())

/** To count in: the Vnet's own from now on. */
export function dhcpStats(vn: Pick<Vn, 'state'>): Own<DhcpStats> {
  const { dhcp } = vn.state
  if (dhcp.stats === DHCP_STATS_ZERO) dhcp.stats = createDhcpStats()
  return dhcp.stats as Own<DhcpStats>
}

export function createDhcpState(): DhcpState {
  return {
    clients: createTable(),
    stats: DHCP_STATS_ZERO,
  }
}

export function createDhcpLease(): DhcpLease {
  return {
    addr: 0, prefixLen: 0, server: 0, routes: [], dns: [], search: [], hostname: '', mtu: 0, renewAt: Infinity,
    rebindAt: Infinity, expiresAt: Infinity,
  }
}

export function createDhcpClient(ifId: number, clientId: Uint8Array, hostname: string): DhcpClient {
  return {
    alarmAt: Infinity, ifId, state: DHCPS_INIT, xid: 0, startedAt: 0, sentAt: 0, tries: 0, deadline: Infinity,
    lease: createDhcpLease(), offer: createDhcpLease(), clientId, hostname, mtuBefore: 0, gatewayMac: 0,
    linkChanged: false,
  }
}

export function createDhcpRoute(dst: Ip4, prefixLen: number, gateway: Ip4): DhcpRoute {
  return { dst, prefixLen, gateway }
}

function createDhcpStats(): DhcpStats {
  return {
    received: 0, tooshort: 0, badform: 0, notours: 0, unexpected: 0, badlease: 0, offers: 0, acks: 0, naks: 0,
    conflicts: 0, bound: 0, expired: 0, reachable: 0, sent: 0, declines: 0, releases: 0, nobuf: 0,
  }
}
