/** What a host learns from routers, by interface (RFC 4861 §5.1, RFC 4862, RFC 4191, RFC 8106, RFC 8981). */

import type { Alarm } from '../kern/timer.ts'
import type { Addr } from '../lib/addr.ts'

/** Router preferences (RFC 4191 §2.1). */
export const ND_PREF_LOW = -1
export const ND_PREF_MEDIUM = 0
export const ND_PREF_HIGH = 1

/** Metric of a route by a router that does not answer, and more: behind those of all that do (RFC 4861 §6.3.6). */
export const ND_METRIC_UNREACHABLE = 100

/** A default router (the prefix ::/0), a route of RFC 4191, or a redirect (RFC 4861 §8.3). */
export interface NdRoute {
  dst: Addr
  prefixLen: number
  /** `::` for a redirect that says: the destination is on the link. */
  router: Addr
  /** ND_PREF_*. */
  preference: number
  /** µs since boot; Infinity: for good. */
  until: number
  /** It has failed to answer (RFC 4861 §6.3.6): others go first. */
  unreachable: boolean
  isRedirect: boolean
}

/** A temporary address of a prefix (RFC 8981 §3.3). */
export interface NdTemp {
  /** Ip6Addr.id. */
  addrId: number
  createdAt: number
  desyncUs: number
  /** Another has been made in its place (§3.4). */
  replaced: boolean
}

/** A prefix of RFC 4861 §6.3.4 and RFC 4862 §5.5.3. */
export interface NdPrefix {
  prefix: Addr
  prefixLen: number
  /** The destinations are on the link until then; 0: they never were. */
  onLinkUntil: number
  /** Lifetimes of the addresses in it; 0: not for addresses. */
  preferredUntil: number
  validUntil: number
  /** Id of the stable address, 0: none. */
  addrId: number
  /** DAD_Counter of RFC 7217 §5, and failures of temporary addresses in a row (RFC 8981 §3.3.1). */
  dadCounter: number
  tempTries: number
  temps: NdTemp[]
  /** Who has advertised it (RFC 8028 §3.1); packets from the addresses in it go by one of these. */
  routers: Addr[]
}

export interface NdServer { addr: Addr; until: number }

export interface NdDomain { name: string; until: number }

/** One interface's; its alarm serves everything here. */
export interface NdHost extends Alarm {
  ifId: number
  /** Advertisements are listened to (FreeBSD's ACCEPT_RTADV). */
  accepts: boolean
  /** When the next solicitation is due, Infinity: none; those sent; the interval after the last (RFC 7559 §2.1). */
  solicitAt: number
  solicited: number
  intervalUs: number
  linkChanged: boolean
  /** M and O of the last advertisement (RFC 4861 §4.2): ask DHCPv6 for addresses, for the rest. */
  managed: boolean
  otherConfig: boolean
  routes: NdRoute[]
  prefixes: NdPrefix[]
  servers: NdServer[]
  domains: NdDomain[]
}

export function createNdHost(ifId: number): NdHost {
  return {
    alarmAt: Infinity, ifId, accepts: false, solicitAt: Infinity, solicited: 0, intervalUs: 0, linkChanged: false,
    managed: false, otherConfig: false, routes: [], prefixes: [], servers: [], domains: [],
  }
}

export function createNdRoute(dst: Addr, prefixLen: number, router: Addr, until: number): NdRoute {
  return {
    dst: { ...dst }, prefixLen, router: { ...router }, preference: ND_PREF_MEDIUM, until, unreachable: false, isRedirect: false,
  }
}

export function createNdTemp(addrId: number, createdAt: number, desyncUs: number): NdTemp {
  return { addrId, createdAt, desyncUs, replaced: false }
}

export function createNdPrefix(prefix: Addr, prefixLen: number): NdPrefix {
  return {
    prefix: { ...prefix }, prefixLen, onLinkUntil: 0, preferredUntil: 0, validUntil: 0, addrId: 0, dadCounter: 0, tempTries: 0,
    temps: [], routers: [],
  }
}

export function createNdServer(addr: Addr, until: number): NdServer {
  return { addr: { ...addr }, until }
}

export function createNdDomain(name: string, until: number): NdDomain {
  return { name, until }
}
