/** What a router advertises on an interface (RFC 4861 §6.2.1), and when it did. */

import type { Alarm } from '../kern/timer.ts'
import type { Addr } from '../lib/addr.ts'

export interface NdAdvertPrefix {
  prefix: Addr
  prefixLen: number
  onLink: boolean
  autonomous: boolean
  /** Seconds; 0xffffffff: for good. */
  validS: number
  preferredS: number
}

/** A route of RFC 4191. */
export interface NdAdvertRoute { dst: Addr; prefixLen: number; preference: number; lifetimeS: number }

/** RFC 4861 §6.2.1's variables, by interface. */
export interface NdAdvertConfig {
  /** MinRtrAdvInterval, MaxRtrAdvInterval. */
  minS: number
  maxS: number
  /** AdvDefaultLifetime; 0 where the Vnet does not forward. */
  lifetimeS: number
  /** ND_PREF_*. */
  preference: number
  managed: boolean
  otherConfig: boolean
  /** 0: not said. */
  hopLimit: number
  linkMtu: number
  reachableMs: number
  retransMs: number
  prefixes: NdAdvertPrefix[]
  routes: NdAdvertRoute[]
  servers: Addr[]
  search: string[]
  /** Of servers and search. */
  dnsLifetimeS: number
}

export interface NdAdvertiser extends Alarm {
  ifId: number
  config: NdAdvertConfig
  /** Unsolicited ones sent so far, up to the initial three. */
  initial: number
  /** When the next one is due. */
  deadline: number
  /** −Infinity: never. */
  sentAt: number
}

/** RFC 4861 §6.2.1's defaults. */
export function createNdAdvertConfig(): NdAdvertConfig {
  return {
    minS: 200, maxS: 600, lifetimeS: 1800, preference: 0, managed: false, otherConfig: false, hopLimit: 64, linkMtu: 0,
    reachableMs: 0, retransMs: 0, prefixes: [], routes: [], servers: [], search: [], dnsLifetimeS: 1800,
  }
}

/** AdvValidLifetime 30 days, AdvPreferredLifetime 7 days. */
export function createNdAdvertPrefix(prefix: Addr, prefixLen: number): NdAdvertPrefix {
  return { prefix: { ...prefix }, prefixLen, onLink: true, autonomous: true, validS: 2_592_000, preferredS: 604_800 }
}

export function createNdAdvertRoute(dst: Addr, prefixLen: number): NdAdvertRoute {
  return { dst: { ...dst }, prefixLen, preference: 0, lifetimeS: 1800 }
}

export function createNdAdvertiser(ifId: number, config: NdAdvertConfig): NdAdvertiser {
  return { alarmAt: Infinity, ifId, config, initial: 0, deadline: Infinity, sentAt: -Infinity }
}
