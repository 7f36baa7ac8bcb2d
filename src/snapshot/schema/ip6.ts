/** What is saved of IPv6: interfaces, addresses, routes, path MTUs, fragments, neighbours. */

import type { Icmp6State } from '../../icmp6/state.ts'
import {
  createFragment6, createIp6Addr, createIp6If, createIp6Local, createPathMtu6, createReass6, emptyRoute6,
} from '../../ip6/state.ts'
import type {
  Fragment6, Ip6Addr, Ip6If, Ip6Local, Ip6State, PathMtu6, Reass6, Route6,
} from '../../ip6/state.ts'
import { createAddr } from '../../lib/addr.ts'
import type { Addr } from '../../lib/addr.ts'
import { createNdPacket, createNeighbour } from '../../nd/state.ts'
import type { NdPacket, NdState, Neighbour } from '../../nd/state.ts'
import {
  BOOL, BYTE, bytes, COUNT, COUNTERS, int, INT32, list, MAYBE, queueMap, record, table, TIME, UINT16, UINT31, UINT32,
} from '../node.ts'
import { ADDR, ALARM } from './kern.ts'
import { MAC, PACKET_MAX } from './link.ts'

const PREFIX_LEN = int(0, 128)
/** An address that no factory has made. */
const OWN_ADDR = record<Addr>(createAddr, { w0: INT32, w1: INT32, w2: INT32, w3: INT32, zone: COUNT })

const IP6_ADDR = record<Ip6Addr>(() => createIp6Addr(0, createAddr(), 0, 0), {
  alarmAt: TIME, id: COUNT, addr: ADDR, prefixLen: PREFIX_LEN, status: int(0, 2), flags: UINT31, dadSent: COUNT,
  dadWanted: COUNT, deadline: TIME, nonce: MAC, preferredUntil: TIME, validUntil: TIME,
})

const IP6_IF = record<Ip6If>(() => createIp6If(0), {
  ifId: COUNT, addrs: list(IP6_ADDR), groups: list(OWN_ADDR), linkMtu: UINT32, curHopLimit: BYTE, baseReachableMs: UINT32,
  reachableUs: COUNT, retransMs: UINT32,
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

export const IP6 = record<Ip6State>(null, {
  ifs: table(COUNT, IP6_IF), local: table(INT32, list(LOCAL)), routes: table(PREFIX_LEN, table(INT32, list(ROUTE))),
  routeLens: list(PREFIX_LEN), pmtu: queueMap(INT32, PATH_MTU), pmtuAlarm: ALARM, reass: queueMap(INT32, REASS),
  reassAlarm: ALARM, reassBytes: COUNT, stats: COUNTERS,
})

export const ICMP6 = record<Icmp6State>(null, { tokens: MAYBE, refilledAt: TIME, stats: COUNTERS })

const ND_PACKET = record<NdPacket>(() => createNdPacket(new Uint8Array(0), 0, 0, 0, 0, 0), {
  bytes: bytes(PACKET_MAX + 40), flags: UINT31, csum: int(0, 2), gsoSize: UINT16, l4: UINT16, proto: BYTE,
})

const NEIGHBOUR = record<Neighbour>(() => createNeighbour(createAddr(), 0), {
  addr: ADDR, ifId: COUNT, mac: MAC, status: int(0, 5), isRouter: BOOL, deadline: TIME, asked: COUNT, queue: list(ND_PACKET),
})

export const ND = record<NdState>(null, {
  alarmAt: TIME, table: queueMap(INT32, list(NEIGHBOUR)), count: COUNT, heldBytes: COUNT, unsure: COUNT, stats: COUNTERS,
})
