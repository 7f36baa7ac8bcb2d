/** DHCPv6 clients (RFC 8415 §18.2): one for each interface that asks, whether for addresses or for the rest alone. */

import type { Alarm } from '../kern/timer.ts'
import type { Addr } from '../lib/addr.ts'
import { NO_BYTES } from '../lib/empty.ts'
import { createTable } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'
import type { Own, Vn } from '../kern/vn.ts'

/** What a client is to get: nothing any more, configuration without addresses (§6.1), addresses and configuration (§6.2). */
export const DHCP6_NOTHING = 0
export const DHCP6_INFORMATION = 1
export const DHCP6_ADDRESSES = 2

/** What a client is doing; DOWN while the link is, INIT before the first message of an exchange. */
export const DHCP6S_DOWN = 0
export const DHCP6S_INIT = 1
export const DHCP6S_INFORMING = 2
export const DHCP6S_INFORMED = 3
export const DHCP6S_SOLICITING = 4
export const DHCP6S_REQUESTING = 5
export const DHCP6S_BOUND = 6
export const DHCP6S_RENEWING = 7
export const DHCP6S_REBINDING = 8
export const DHCP6S_CONFIRMING = 9
export const DHCP6S_DECLINING = 10
export const DHCP6S_RELEASING = 11

/** The states in words. */
export const DHCP6S_WORDS: readonly string[] = Object.freeze([
  'down', 'init', 'informing', 'informed', 'soliciting', 'requesting', 'bound', 'renewing', 'rebinding', 'confirming', 'declining',
  'releasing',
])

/** SOL_MAX_RT and INF_MAX_RT (§7.6), µs. */
const MAX_RT = 3_600_000_000

/** An address of the interface's IA_NA (§12.1). */
export interface Dhcp6Lease {
  addr: Addr
  /** µs since boot; NEVER for one without end. */
  preferredUntil: number
  validUntil: number
  /** Ip6Addr.id; 0 where the interface had the address already. */
  addrId: number
}

export interface Dhcp6Client extends Alarm {
  ifId: number
  /** DHCP6_NOTHING …; and whether router advertisements have said so, not a call. */
  wants: number
  byRouter: boolean
  /** DHCP6S_*. */
  state: number
  /** 24 bits. */
  xid: number
  /** When the exchange began: Elapsed Time counts from then. */
  startedAt: number
  /** Messages sent in this exchange; the retransmission timeout in force (§15: RT), µs. */
  tries: number
  rtUs: number
  deadline: number
  /** SOL_MAX_RT and INF_MAX_RT, which servers may set (§21.24, §21.25), µs. */
  solMaxRtUs: number
  infMaxRtUs: number
  /** DUID of the server whose Advertise was the best, then of the one that leased; empty: none. */
  server: Uint8Array
  /** Preference of the best Advertise so far (§21.8); −1: none. */
  preference: number
  /** A server has said in this exchange that the leases are not of this link (§18.2.10.1). */
  notOnLink: boolean
  /** Addresses that the exchange is about: advertised and asked for; declined; released. */
  named: Addr[]
  leases: Dhcp6Lease[]
  /** T1 and T2 as times; NEVER: without end. */
  renewAt: number
  rebindAt: number
  dns: Addr[]
  search: string[]
  /** The link has changed since the timer last looked. */
  linkChanged: boolean
}

/** Messages by fate; FreeBSD has its client outside the kernel, so the names are ours. */
export interface Dhcp6Stats {
  received: number
  tooshort: number
  badform: number
  badtype: number
  noserver: number
  notours: number
  unexpected: number
  refused: number
  badlease: number
  advertises: number
  replies: number
  bound: number
  expired: number
  declines: number
  releases: number
  sent: number
  nosource: number
  nobuf: number
}

export interface Dhcp6State {
  /** By interface id. */
  clients: Table<Dhcp6Client>
  /** This node's identifier (§11), made when the first client starts and kept: one for all interfaces. Empty: none yet. */
  duid: Uint8Array
  stats: Readonly<Dhcp6Stats>
}

/** The counters of every Vnet in which nothing was counted. */
export const DHCP6_STATS_ZERO: Readonly<Dhcp6Stats> = Object.freeze(createDhcp6Stats())

/** To count in: the Vnet's own from now on. */
export function dhcp6Stats(vn: Pick<Vn, 'state'>): Own<Dhcp6Stats> {
  const { dhcp6 } = vn.state
  if (dhcp6.stats === DHCP6_STATS_ZERO) dhcp6.stats = createDhcp6Stats()
  return dhcp6.stats as Own<Dhcp6Stats>
}

export function createDhcp6State(): Dhcp6State {
  return {
    clients: createTable(),
    duid: NO_BYTES,
    stats: DHCP6_STATS_ZERO,
  }
}

export function createDhcp6Client(ifId: number, wants: number, byRouter: boolean): Dhcp6Client {
  return {
    alarmAt: Infinity, ifId, wants, byRouter, state: DHCP6S_DOWN, xid: 0, startedAt: 0, tries: 0, rtUs: 0, deadline: Infinity,
    solMaxRtUs: MAX_RT, infMaxRtUs: MAX_RT, server: NO_BYTES, preference: -1, notOnLink: false, named: [], leases: [],
    renewAt: Infinity, rebindAt: Infinity, dns: [], search: [], linkChanged: false,
  }
}

export function createDhcp6Lease(addr: Addr): Dhcp6Lease {
  return { addr: { ...addr }, preferredUntil: 0, validUntil: 0, addrId: 0 }
}

function createDhcp6Stats(): Dhcp6Stats {
  return {
    received: 0, tooshort: 0, badform: 0, badtype: 0, noserver: 0, notours: 0, unexpected: 0, refused: 0, badlease: 0,
    advertises: 0, replies: 0, bound: 0, expired: 0, declines: 0, releases: 0, sent: 0, nosource: 0, nobuf: 0,
  }
}
