/** What is saved of multicast reception. */

import { AF_INET, AF_INET6 } from '../../inet/state.ts'
import type { IgmpState } from '../../igmp/state.ts'
import type { Addr } from '../../lib/addr.ts'
import { createAddr } from '../../lib/addr.ts'
import { createMcChange, createMcFilter, createMcGroup, createMcLink, createMcSocket } from '../../mcast/state.ts'
import type { McChange, McFilter, McGroup, McLink, McSocket, McastState } from '../../mcast/state.ts'
import type { MldState } from '../../mld/state.ts'
import { BOOL, BYTE, COUNT, COUNTERS, int, INT32, list, PAST, record, table, TIME } from '../node.ts'
import { ADDR } from './kern.ts'

/** An address in a list. */
const SOURCE = record<Addr>(createAddr, { w0: INT32, w1: INT32, w2: INT32, w3: INT32, zone: COUNT })

const FILTER = record<McFilter>(() => createMcFilter(0, createAddr(), 0), {
  ifId: COUNT, group: ADDR, mode: int(0, 1), sources: list(SOURCE),
})

const SOCKET = record<McSocket>(createMcSocket, {
  ifId4: COUNT, ifId6: COUNT, ttl: int(-1, 255), hops: int(-1, 255), loop4: int(-1, 1), loop6: int(-1, 1), all4: BOOL,
  all6: BOOL, filters: list(FILTER),
})

const CHANGE = record<McChange>(() => createMcChange(createAddr(), 0), { source: ADDR, count: BYTE })

const GROUP = record<McGroup>(() => createMcGroup(createAddr()), {
  group: ADDR, mode: int(0, 1), sources: list(SOURCE), modeChanges: BYTE, changes: list(CHANGE), changeAt: TIME,
  respondAt: TIME, asked: list(SOURCE), oldReports: BYTE, lastReporter: BOOL,
})

const LINK = record<McLink>(() => createMcLink(0, 0, AF_INET, 0), {
  alarmAt: TIME, id: COUNT, ifId: COUNT, family: int(AF_INET, AF_INET6), groups: list(GROUP), v1Until: PAST,
  v2Until: PAST, version: int(0, 3), robustness: int(1, 7), queryIntervalUs: COUNT, responseUs: COUNT, generalAt: TIME,
  syncAt: TIME,
})

export const MCAST = record<McastState>(null, { sockets: table(COUNT, SOCKET), links: table(COUNT, LINK) })

export const MLD = record<MldState>(null, { stats: COUNTERS })

export const IGMP = record<IgmpState>(null, { stats: COUNTERS })
