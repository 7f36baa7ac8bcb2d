/** What is saved of DHCP clients and of the name servers. */

import { createDhcpClient, createDhcpLease, createDhcpRoute } from '../../dhcp/state.ts'
import type { DhcpClient, DhcpLease, DhcpRoute, DhcpState } from '../../dhcp/state.ts'
import { createAddr } from '../../lib/addr.ts'
import type { Addr } from '../../lib/addr.ts'
import { createResolverEntry } from '../../resolver/state.ts'
import type { ResolverEntry, ResolverState } from '../../resolver/state.ts'
import { BOOL, bytes, COUNT, COUNTERS, int, INT32, list, record, table, text, TIME, UINT16 } from '../node.ts'
import { MAC } from './link.ts'

const NAME_MAX = 255

const ROUTE = record<DhcpRoute>(() => createDhcpRoute(0, 0, 0), { dst: INT32, prefixLen: int(0, 32), gateway: INT32 })

const LEASE = record<DhcpLease>(createDhcpLease, {
  addr: INT32, prefixLen: int(0, 32), server: INT32, routes: list(ROUTE), dns: list(INT32), search: list(text(NAME_MAX)),
  hostname: text(NAME_MAX), mtu: UINT16, renewAt: TIME, rebindAt: TIME, expiresAt: TIME,
})

const CLIENT = record<DhcpClient>(() => createDhcpClient(0, new Uint8Array(0), ''), {
  alarmAt: TIME, ifId: COUNT, state: int(0, 8), xid: INT32, startedAt: TIME, sentAt: TIME, tries: COUNT,
  deadline: TIME, lease: LEASE, offer: LEASE, clientId: bytes(NAME_MAX), hostname: text(NAME_MAX), mtuBefore: UINT16,
  gatewayMac: MAC, linkChanged: BOOL,
})

export const DHCP = record<DhcpState>(null, { clients: table(COUNT, CLIENT), stats: COUNTERS })

export const ADDRESS = record<Addr>(createAddr, { w0: INT32, w1: INT32, w2: INT32, w3: INT32, zone: COUNT })

const ENTRY = record<ResolverEntry>(() => createResolverEntry(0, 0), {
  source: int(0, 3), ifId: COUNT, servers: list(ADDRESS), search: list(text(NAME_MAX)),
})

export const RESOLVER = record<ResolverState>(null, { entries: list(ENTRY) })
