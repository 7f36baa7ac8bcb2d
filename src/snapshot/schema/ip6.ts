/** What is saved of IPv6: interfaces, addresses, routes, path MTUs, fragments, neighbours. */

import type { Icmp6State } from '../../icmp6/state.ts'
import {
  createFragment6, createIp6Addr, createIp6If, createIp6Local, createIp6Policy, createPathMtu6, createReass6, emptyRoute6,
} from '../../ip6/state.ts'
import type {
  Fragment6, Ip6Addr, Ip6If, Ip6Local, Ip6Policy, Ip6State, PathMtu6, Reass6, Route6,
} from '../../ip6/state.ts'
import { createAddr } from '../../lib/addr.ts'
import type { Addr } from '../../lib/addr.ts'
import { createNdPacket, createNdProxy, createNeighbour } from '../../nd/state.ts'
import type { NdPacket, NdProxy, NdState, Neighbour } from '../../nd/state.ts'
import {
  createNdDomain, createNdHost, createNdPrefix, createNdRoute, createNdServer, createNdTemp,
} from '../../nd/state-auto.ts'
import {
  createNdAdvertConfig, createNdAdvertPrefix, createNdAdvertRoute, createNdAdvertiser,
} from '../../nd/state-adverts.ts'
import type { NdAdvertConfig, NdAdvertPrefix, NdAdvertRoute, NdAdvertiser } from '../../nd/state-adverts.ts'
import type { NdDomain, NdHost, NdPrefix, NdRoute, NdServer, NdTemp } from '../../nd/state-auto.ts'
import {
  BOOL, BYTE, bytes, COUNT, COUNTERS, int, INT32, list, MAYBE, PAST, queueMap, record, table, text, TIME, UINT16, UINT31, UINT32,
} from '../node.ts'
import { ADDR, ALARM } from './kern.ts'
import { MAC, PACKET_MAX } from './link.ts'

const NAME_MAX = 255
const PREFIX_LEN = int(0, 128)
/** An address that no factory has made. */
const OWN_ADDR = record<Addr>(createAddr, { w0: INT32, w1: INT32, w2: INT32, w3: INT32, zone: COUNT })

const IP6_ADDR = record<Ip6Addr>(() => createIp6Addr(0, createAddr(), 0, 0), {
  alarmAt: TIME, id: COUNT, addr: ADDR, prefixLen: PREFIX_LEN, status: int(0, 2), flags: UINT31, dadSent: COUNT,
  dadWanted: COUNT, deadline: TIME, nonce: MAC, preferredUntil: TIME, validUntil: TIME,
})

const IP6_IF = record<Ip6If>(() => createIp6If(0), {
  ifId: COUNT, addrs: list(IP6_ADDR), groups: list(OWN_ADDR), linkMtu: UINT32, curHopLimit: BYTE, baseReachableMs: UINT32,
  reachableUs: COUNT, retransMs: UINT32, dadCounter: COUNT,
})

const LOCAL = record<Ip6Local>(() => createIp6Local(createAddr(), 0), { addr: ADDR, ifId: COUNT })

const ROUTE = record<Route6>(emptyRoute6, {
  dst: ADDR, prefixLen: PREFIX_LEN, gateway: ADDR, ifId: COUNT, flags: UINT31, metric: COUNT, use: COUNT, expires: TIME,
})

const PATH_MTU = record<PathMtu6>(() => createPathMtu6(createAddr(), 0, 0), { dst: ADDR, mtu: UINT32, expires: TIME })

const FRAGMENT = record<Fragment6>(() => createFragment6(0, new Uint8Array(0)), { at: UINT16, bytes: bytes(PACKET_MAX) })

const REASS = record<Reass6>(() => createReass6(createAddr(), createAddr(), 0, 0, 0), {
  src: ADDR, dst: ADDR, ident: INT32, ifId: COUNT, deadline: TIME, fragments: list(FRAGMENT), bytes: UINT31,
  total: int(-1, PACKET_MAX), header: bytes(PACKET_MAX), ecn: int(0, 15), flags: UINT31,
})

const POLICY = record<Ip6Policy>(() => createIp6Policy(createAddr(), 0, 0, 0), {
  prefix: OWN_ADDR, prefixLen: PREFIX_LEN, precedence: UINT31, label: UINT31,
})

export const IP6 = record<Ip6State>(null, {
  ifs: table(COUNT, IP6_IF), local: table(INT32, list(LOCAL)), routes: table(PREFIX_LEN, table(INT32, list(ROUTE))),
  routeLens: list(PREFIX_LEN), pmtu: queueMap(INT32, PATH_MTU), pmtuAlarm: ALARM, reass: queueMap(INT32, REASS),
  reassAlarm: ALARM, reassBytes: COUNT, policy: list(POLICY), stats: COUNTERS,
})

export const ICMP6 = record<Icmp6State>(null, { tokens: MAYBE, refilledAt: TIME, stats: COUNTERS })

const ND_PACKET = record<NdPacket>(() => createNdPacket(new Uint8Array(0), 0, 0, 0, 0, 0), {
  bytes: bytes(PACKET_MAX + 40), flags: UINT31, csum: int(0, 2), gsoSize: UINT16, l4: UINT16, proto: BYTE,
})

const NEIGHBOUR = record<Neighbour>(() => createNeighbour(createAddr(), 0), {
  addr: ADDR, ifId: COUNT, mac: MAC, status: int(0, 5), isRouter: BOOL, deadline: TIME, asked: COUNT, queue: list(ND_PACKET),
})

const ND_ROUTE = record<NdRoute>(() => createNdRoute(createAddr(), 0, createAddr(), 0), {
  dst: ADDR, prefixLen: PREFIX_LEN, router: ADDR, preference: int(-1, 1), until: TIME, unreachable: BOOL, isRedirect: BOOL,
})

const ND_TEMP = record<NdTemp>(() => createNdTemp(0, 0, 0), { addrId: COUNT, createdAt: COUNT, desyncUs: COUNT, replaced: BOOL })

const ND_PREFIX = record<NdPrefix>(() => createNdPrefix(createAddr(), 0), {
  prefix: ADDR, prefixLen: PREFIX_LEN, onLinkUntil: TIME, preferredUntil: TIME, validUntil: TIME, addrId: COUNT,
  dadCounter: COUNT, tempTries: COUNT, temps: list(ND_TEMP), routers: list(OWN_ADDR),
})

const ND_SERVER = record<NdServer>(() => createNdServer(createAddr(), 0), { addr: ADDR, until: TIME })
const ND_DOMAIN = record<NdDomain>(() => createNdDomain('', 0), { name: text(NAME_MAX), until: TIME })

const ND_HOST = record<NdHost>(() => createNdHost(0), {
  alarmAt: TIME, ifId: COUNT, accepts: BOOL, solicitAt: TIME, solicited: COUNT, intervalUs: COUNT, linkChanged: BOOL, managed: BOOL,
  otherConfig: BOOL, routes: list(ND_ROUTE), prefixes: list(ND_PREFIX), servers: list(ND_SERVER), domains: list(ND_DOMAIN),
})

const ND_ADVERT_PREFIX = record<NdAdvertPrefix>(() => createNdAdvertPrefix(createAddr(), 0), {
  prefix: ADDR, prefixLen: PREFIX_LEN, onLink: BOOL, autonomous: BOOL, validS: UINT32, preferredS: UINT32,
})

const ND_ADVERT_ROUTE = record<NdAdvertRoute>(() => createNdAdvertRoute(createAddr(), 0), {
  dst: ADDR, prefixLen: PREFIX_LEN, preference: int(-1, 1), lifetimeS: UINT32,
})

const ND_ADVERT_CONFIG = record<NdAdvertConfig>(createNdAdvertConfig, {
  minS: int(3, 1350), maxS: int(4, 1800), lifetimeS: UINT16, preference: int(-1, 1), managed: BOOL, otherConfig: BOOL, hopLimit: BYTE,
  linkMtu: UINT32, reachableMs: UINT32, retransMs: UINT32, prefixes: list(ND_ADVERT_PREFIX), routes: list(ND_ADVERT_ROUTE),
  servers: list(OWN_ADDR), search: list(text(NAME_MAX)), dnsLifetimeS: UINT32,
})

const ND_ADVERTISER = record<NdAdvertiser>(() => createNdAdvertiser(0, createNdAdvertConfig()), {
  alarmAt: TIME, ifId: COUNT, config: ND_ADVERT_CONFIG, initial: COUNT, deadline: TIME, sentAt: PAST,
})

const ND_PROXY = record<NdProxy>(() => createNdProxy(createAddr(), 0), { addr: ADDR, ifId: COUNT })

export const ND = record<NdState>(null, {
  alarmAt: TIME, table: queueMap(INT32, list(NEIGHBOUR)), count: COUNT, heldBytes: COUNT, unsure: COUNT, hosts: table(COUNT, ND_HOST),
  advertisers: table(COUNT, ND_ADVERTISER), proxies: list(ND_PROXY), stats: COUNTERS,
})
