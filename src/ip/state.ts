/** IPv4 state of a Vnet. */

import type { Alarm } from '../kern/timer.ts'
import type { Ip4 } from '../lib/addr.ts'
import { NO_BYTES, NO_WORDS } from '../lib/empty.ts'
import { createTable } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'
import type { Own, Vn } from '../kern/vn.ts'

/** Route.flags, FreeBSD's names. */
export const RTF_UP = 0x1
/** Next hop is `gateway`; without it the destination is a neighbour on the interface. */
export const RTF_GATEWAY = 0x2
export const RTF_HOST = 0x4
/** Packets are refused with an error. */
export const RTF_REJECT = 0x8
/** Made by a redirect. */
export const RTF_DYNAMIC = 0x10
export const RTF_STATIC = 0x800
/** Packets vanish. */
export const RTF_BLACKHOLE = 0x1000
/** Learnt from router advertisements. */
export const RTF_PROTO1 = 0x8000
/** The connected route of an interface address: goes with the address only. */
export const RTF_PINNED = 0x100000

export interface Route {
  dst: Ip4
  prefixLen: number
  /** 0 when the destination is on the link. */
  gateway: Ip4
  ifId: number
  /** RTF_*. */
  flags: number
  /** Lower wins among routes to the same prefix. */
  metric: number
  /** Packets sent by it. */
  use: number
  /** Until then its gateway counts as dead (RFC 1122 §3.3.1.4), or -Infinity. */
  deadUntil: number
  /** When a route made by a redirect ends (µs since boot), else Infinity. */
  expires: number
}

/** One received fragment: its bytes, copied out of the frame. */
export interface Fragment {
  /** Offset in the datagram's data. */
  at: number
  bytes: Uint8Array
}

/** A datagram being put together (RFC 791 §3.2, RFC 815). */
export interface ReassQueue {
  src: Ip4
  dst: Ip4
  proto: number
  ident: number
  ifId: number
  deadline: number
  /** In order of offset, without overlaps. */
  fragments: Fragment[]
  /** Data bytes in `fragments`. */
  bytes: number
  /** Data length of the whole, -1 until the last fragment has come. */
  total: number
  /** The IP header of the first fragment; empty until it has come. */
  header: Uint8Array
  /** Bits 1 << ECN field of the fragments seen (RFC 3168 §5.3). */
  ecn: number
  /** F_BCAST and F_MCAST of the fragments. */
  flags: number
}

export interface PathMtu {
  mtu: number
  expires: number
}

/** FreeBSD's ipstat, and one counter for each further reason to discard. */
export interface IpStats {
  total: number
  toosmall: number
  tooshort: number
  badvers: number
  badhlen: number
  badlen: number
  badsum: number
  badaddr: number
  spoofed: number
  linkbcast: number
  badoptions: number
  sourceroute: number
  wrongif: number
  fragments: number
  fragdropped: number
  fragtimeout: number
  fragbadlen: number
  fragtiny: number
  fragoverlap: number
  fragdup: number
  fragecn: number
  toolong: number
  reassembled: number
  delivered: number
  noproto: number
  nogroup: number
  cantforward: number
  forward: number
  ttlexceeded: number
  noforwardbcast: number
  redirectsent: number
  localout: number
  rawout: number
  odropped: number
  noroute: number
  rejected: number
  badsource: number
  bcastdenied: number
  fragmented: number
  ofragments: number
  cantfrag: number
  nobuf: number
}

export interface IpState extends Alarm {
  /** Our usable addresses → interface id. */
  local: Table<number>
  /** Directed broadcast addresses → ids of the interfaces that have them. */
  broadcasts: Table<number[]>
  /** Routes by prefix length, where there are any, then by network; best metric first. */
  routes: Table<Map<Ip4, Route[]>>
  /** Prefix lengths that have routes, longest first. */
  routeLens: number[]
  /** Host routes learnt by redirects, oldest first. */
  redirects: Table<Route>
  /** Path MTU by destination (RFC 1191), oldest first. */
  pmtu: Table<PathMtu>
  /** The alarm of `pmtu` and `redirects`. */
  cacheAlarm: Alarm
  /** By keyed hash of (source, destination, protocol, identification); oldest first. `alarmAt` is theirs. */
  reass: Table<ReassQueue>
  reassFragments: number
  reassBytes: number
  /** Secret of the hashes of reassembly and identification; all 0 until first used. */
  hashKey: [number, number, number, number]
  /** Identification counters (RFC 6864), one for each hash of (source, destination, protocol); none until first used. */
  idents: Uint16Array
  stats: Readonly<IpStats>
}

/** Identification counters, once there are any. */
export const IDENT_BUCKETS = 256

/** The counters of every Vnet in which nothing was counted. */
export const IP_STATS_ZERO: Readonly<IpStats> = Object.freeze(createIpStats())

/** To count in: the Vnet's own from now on. */
export function ipStats(vn: Pick<Vn, 'state'>): Own<IpStats> {
  const { ip } = vn.state
  if (ip.stats === IP_STATS_ZERO) ip.stats = createIpStats()
  return ip.stats as Own<IpStats>
}

export function createIpState(): IpState {
  return {
    alarmAt: Infinity,
    local: createTable(),
    broadcasts: createTable(),
    routes: createTable(),
    routeLens: [],
    redirects: createTable(),
    pmtu: createTable(),
    cacheAlarm: { alarmAt: Infinity },
    reass: createTable(),
    reassFragments: 0,
    reassBytes: 0,
    hashKey: [0, 0, 0, 0],
    idents: NO_WORDS,
    stats: IP_STATS_ZERO,
  }
}

export function createRoute(dst: Ip4, prefixLen: number, gateway: Ip4, ifId: number, flags: number): Route {
  return { dst, prefixLen, gateway, ifId, flags, metric: 0, use: 0, deadUntil: -Infinity, expires: Infinity }
}

export function createPathMtu(mtu: number, expires: number): PathMtu {
  return { mtu, expires }
}

export function createFragment(at: number, bytes: Uint8Array): Fragment {
  return { at, bytes }
}

/** A datagram of which nothing has come yet. */
export function createReassQueue(
  src: Ip4, dst: Ip4, proto: number, ident: number, ifId: number, deadline: number,
): ReassQueue {
  return {
    src, dst, proto, ident, ifId, deadline, fragments: [], bytes: 0, total: -1, header: NO_BYTES, ecn: 0,
    flags: 0,
  }
}

function createIpStats(): IpStats {
  return {
    total: 0, toosmall: 0, tooshort: 0, badvers: 0, badhlen: 0, badlen: 0, badsum: 0, badaddr: 0, spoofed: 0,
    linkbcast: 0, badoptions: 0, sourceroute: 0, wrongif: 0, fragments: 0, fragdropped: 0, fragtimeout: 0,
    fragbadlen: 0, fragtiny: 0, fragoverlap: 0, fragdup: 0, fragecn: 0, toolong: 0, reassembled: 0, delivered: 0,
    noproto: 0, nogroup: 0, cantforward: 0, forward: 0, ttlexceeded: 0, noforwardbcast: 0, redirectsent: 0, localout: 0,
    rawout: 0, odropped: 0, noroute: 0, rejected: 0, badsource: 0, bcastdenied: 0, fragmented: 0, ofragments: 0,
    cantfrag: 0, nobuf: 0,
  }
}
