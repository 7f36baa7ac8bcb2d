/** IPv6 state of a Vnet. */

import type { Alarm } from '../kern/timer.ts'
import { createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { createTable } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'
import type { Own, Vn } from '../kern/vn.ts'

/** Least MTU of an IPv6 link, and of every path (RFC 8200 §5). */
export const IP6_MMTU = 1280
export const IP6_MAXPAYLOAD = 65_535

/** Ip6Addr.flags: made by stateless autoconfiguration (RFC 4862); temporary (RFC 8981); no longer preferred; leased (RFC 8415). */
export const IA6_AUTOCONF = 1
export const IA6_TEMPORARY = 2
export const IA6_DEPRECATED = 4
export const IA6_DHCP = 8

/** An address of an interface. Its `status` is an IFA_* of link/state.ts. */
export interface Ip6Addr extends Alarm {
  id: number
  addr: Addr
  prefixLen: number
  status: number
  /** IA6_*. */
  flags: number
  /** Solicitations that duplicate address detection has sent, and will send (RFC 4862 §5.4, RFC 7527 §4.1). */
  dadSent: number
  dadWanted: number
  /** When its next step is due: a solicitation, or the end of detection. */
  deadline: number
  /** Nonce of the last solicitation, 48 bits (RFC 7527 §4.1); 0: none. */
  nonce: number
  /** µs since boot; Infinity for addresses that were set by hand (RFC 4862 §5.5.4). */
  preferredUntil: number
  validUntil: number
}

/** What IPv6 knows of an interface; there only where IPv6 is enabled. */
export interface Ip6If {
  ifId: number
  addrs: Ip6Addr[]
  /** Groups listened to besides all-nodes and the solicited-node groups of `addrs`. */
  groups: Addr[]
  /** MTU that routers advertise, 0: none (RFC 4861 §6.3.2 LinkMTU). */
  linkMtu: number
  /** Hop limit that routers advertise, 0: none (CurHopLimit). */
  curHopLimit: number
  baseReachableMs: number
  /** Reachable time drawn from it, µs (RFC 4861 §6.3.2). */
  reachableUs: number
  retransMs: number
  /** DAD_Counter of the link-local address (RFC 7217 §5). */
  dadCounter: number
}

export interface Route6 {
  dst: Addr
  prefixLen: number
  /** `::` when the destination is on the link. */
  gateway: Addr
  ifId: number
  /** RTF_* of ip/state.ts. */
  flags: number
  /** Lower wins among routes to the same prefix. */
  metric: number
  use: number
  /** When a route learnt from the wire ends (µs since boot), else Infinity. */
  expires: number
}

export interface Ip6Local { addr: Addr; ifId: number }

export interface PathMtu6 { dst: Addr; mtu: number; expires: number }

/** One received fragment: its bytes, copied out of the frame; `at` is its offset in the fragmentable part. */
export interface Fragment6 { at: number; bytes: Uint8Array }

/** A packet being put together (RFC 8200 §4.5). */
export interface Reass6 {
  src: Addr
  dst: Addr
  ident: number
  ifId: number
  deadline: number
  /** In order of offset, without overlaps. */
  fragments: Fragment6[]
  bytes: number
  /** Length of the fragmentable part, −1 until the last fragment has come. */
  total: number
  /** The headers before the fragment header, of the first fragment; empty until it has come. */
  header: Uint8Array
  /** Bits 1 << ECN field of the fragments seen (RFC 3168 §5.3). */
  ecn: number
  /** F_BCAST and F_MCAST of the fragments. */
  flags: number
}

/** FreeBSD's ip6stat, and one counter for each further reason to discard. */
export interface Ip6Stats {
  total: number
  toosmall: number
  tooshort: number
  badvers: number
  badscope: number
  badaddr: number
  spoofed: number
  linkbcast: number
  nogroup: number
  cantforward: number
  forward: number
  ttlexceeded: number
  delivered: number
  noproto: number
  nonxt: number
  badoptions: number
  toomanyhdr: number
  toomanyopt: number
  exthdrtoolong: number
  badhopopts: number
  rthdr: number
  jumbo: number
  localout: number
  odropped: number
  noroute: number
  rejected: number
  badsource: number
  cantfrag: number
  fragmented: number
  ofragments: number
  fragments: number
  atomicfrags: number
  fragnested: number
  fragdropped: number
  fragtimeout: number
  fragbadlen: number
  fragtoolong: number
  fragincomplete: number
  fragoverlap: number
  fragdup: number
  fragecn: number
  reassembled: number
  nobuf: number
}

/** A row of the policy table (RFC 6724 §2.1). */
export interface Ip6Policy { prefix: Addr; prefixLen: number; precedence: number; label: number }

export interface Ip6State {
  /** By interface id: where IPv6 is enabled. */
  ifs: Table<Ip6If>
  /** Our usable addresses by keyed hash. */
  local: Table<Ip6Local[]>
  /** Routes by prefix length, then by keyed hash of the prefix; best metric first. */
  routes: Table<Map<number, Route6[]>>
  /** Prefix lengths that have routes, longest first. */
  routeLens: number[]
  /** Path MTU by keyed hash of the destination (RFC 8201), oldest first. */
  pmtu: Table<PathMtu6>
  pmtuAlarm: Alarm
  /** By keyed hash of source, destination and identification; oldest first. */
  reass: Table<Reass6>
  reassAlarm: Alarm
  reassBytes: number
  /** Longest prefix first; none: the default table. */
  policy: Ip6Policy[]
  stats: Readonly<Ip6Stats>
}

/** The counters of every Vnet in which nothing was counted. */
export const IP6_STATS_ZERO: Readonly<Ip6Stats> = Object.freeze(createIp6Stats())

/** To count in: the Vnet's own from now on. */
export function ip6Stats(vn: Pick<Vn, 'state'>): Own<Ip6Stats> {
  const { ip6 } = vn.state
  if (ip6.stats === IP6_STATS_ZERO) ip6.stats = createIp6Stats()
  return ip6.stats as Own<Ip6Stats>
}

export function createIp6State(): Ip6State {
  return {
    ifs: createTable(), local: createTable(), routes: createTable(), routeLens: [], pmtu: createTable(),
    pmtuAlarm: { alarmAt: Infinity }, reass: createTable(), reassAlarm: { alarmAt: Infinity }, reassBytes: 0,
    policy: [], stats: IP6_STATS_ZERO,
  }
}

export function createIp6Policy(prefix: Addr, prefixLen: number, precedence: number, label: number): Ip6Policy {
  return { prefix: { ...prefix }, prefixLen, precedence, label }
}

/** An address that is not in use yet. */
export function createIp6Addr(id: number, addr: Addr, prefixLen: number, status: number): Ip6Addr {
  return {
    alarmAt: Infinity, id, addr, prefixLen, status, flags: 0, dadSent: 0, dadWanted: 0, deadline: Infinity, nonce: 0,
    preferredUntil: Infinity, validUntil: Infinity,
  }
}

/** RFC 4861 §10: REACHABLE_TIME 30 s, RETRANS_TIMER 1 s. */
export function createIp6If(ifId: number): Ip6If {
  return {
    ifId, addrs: [], groups: [], linkMtu: 0, curHopLimit: 0, baseReachableMs: 30_000, reachableUs: 30_000_000,
    retransMs: 1000, dadCounter: 0,
  }
}

export function createRoute6(dst: Addr, prefixLen: number, gateway: Addr, ifId: number, flags: number): Route6 {
  return { dst: { ...dst }, prefixLen, gateway: { ...gateway }, ifId, flags, metric: 0, use: 0, expires: Infinity }
}

export function createIp6Local(addr: Addr, ifId: number): Ip6Local {
  return { addr: { ...addr }, ifId }
}

export function createPathMtu6(dst: Addr, mtu: number, expires: number): PathMtu6 {
  return { dst: { ...dst }, mtu, expires }
}

export function createFragment6(at: number, bytes: Uint8Array): Fragment6 {
  return { at, bytes }
}

/** A packet of which nothing has come yet. */
export function createReass6(src: Addr, dst: Addr, ident: number, ifId: number, deadline: number): Reass6 {
  return {
    src: { ...src }, dst: { ...dst }, ident, ifId, deadline, fragments: [], bytes: 0, total: -1,
    header: new Uint8Array(0), ecn: 0, flags: 0,
  }
}

/** For snapshots: a record to be filled. */
export function emptyRoute6(): Route6 {
  return createRoute6(createAddr(), 0, createAddr(), 0, 0)
}

function createIp6Stats(): Ip6Stats {
  return {
    total: 0, toosmall: 0, tooshort: 0, badvers: 0, badscope: 0, badaddr: 0, spoofed: 0, linkbcast: 0,
    nogroup: 0, cantforward: 0, forward: 0, ttlexceeded: 0, delivered: 0, noproto: 0, nonxt: 0, badoptions: 0, toomanyhdr: 0, toomanyopt: 0,
    exthdrtoolong: 0, badhopopts: 0, rthdr: 0, jumbo: 0, localout: 0, odropped: 0, noroute: 0, rejected: 0,
    badsource: 0, cantfrag: 0, fragmented: 0, ofragments: 0, nobuf: 0,
    fragments: 0, atomicfrags: 0, fragnested: 0, fragdropped: 0, fragtimeout: 0, fragbadlen: 0, fragtoolong: 0,
    fragincomplete: 0, fragoverlap: 0, fragdup: 0, fragecn: 0, reassembled: 0,
  }
}
