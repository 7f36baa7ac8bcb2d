/** What is saved of IPv4: addresses, routes, path MTUs, fragments. */

import { createFragment, createPathMtu, createReassQueue, createRoute, IDENT_BUCKETS } from '../../ip/state.ts'
import type { Fragment, IpState, PathMtu, ReassQueue, Route } from '../../ip/state.ts'
import {
  BYTE, bytes, COUNT, COUNTERS, int, INT32, list, PAST, queueMap, record, table, TIME, UINT16, UINT31, words,
} from '../node.ts'
import { ALARM } from './kern.ts'
import { PACKET_MAX } from './link.ts'

const HEADER_MAX = 60

const ROUTE = record<Route>(() => createRoute(0, 0, 0, 0, 0), {
  dst: INT32, prefixLen: int(0, 32), gateway: INT32, ifId: COUNT, flags: UINT31, metric: COUNT, use: COUNT,
  deadUntil: PAST, expires: TIME,
})

const FRAGMENT = record<Fragment>(() => createFragment(0, new Uint8Array(0)), { at: UINT16, bytes: bytes(PACKET_MAX) })

const REASS_QUEUE = record<ReassQueue>(() => createReassQueue(0, 0, 0, 0, 0, 0), {
  src: INT32, dst: INT32, proto: BYTE, ident: UINT16, ifId: COUNT, deadline: TIME, fragments: list(FRAGMENT),
  bytes: UINT31, total: int(-1, PACKET_MAX), header: bytes(HEADER_MAX), ecn: int(0, 15), flags: UINT31,
})

const PATH_MTU = record<PathMtu>(() => createPathMtu(0, 0), { mtu: UINT31, expires: TIME })

export const IP = record<IpState>(null, {
  alarmAt: TIME, local: table(INT32, COUNT), broadcasts: table(INT32, list(COUNT)),
  routes: table(int(0, 32), table(INT32, list(ROUTE))), routeLens: list(int(0, 32)), redirects: queueMap(INT32, ROUTE),
  pmtu: queueMap(INT32, PATH_MTU), cacheAlarm: ALARM, reass: queueMap(INT32, REASS_QUEUE), reassFragments: COUNT,
  reassBytes: COUNT, hashKey: list(INT32, 4), idents: words(IDENT_BUCKETS), stats: COUNTERS,
}, {
  // once there was a map for each of the 33 prefix lengths, most of them empty
  fields: { routes: list(table(INT32, list(ROUTE)), 33) },
  take(to, gone, lacks) {
    if (!lacks.has('routes')) return
    const routes = gone['routes'] as Map<number, Route[]>[]
    to.routes = new Map([...routes.entries()].filter(([, byPrefix]) => byPrefix.size > 0))
  },
})
