/** What is saved of DHCPv6 clients. */

import { createDhcp6Client, createDhcp6Lease } from '../../dhcp6/state.ts'
import type { Dhcp6Client, Dhcp6Lease, Dhcp6State } from '../../dhcp6/state.ts'
import { createAddr } from '../../lib/addr.ts'
import { BOOL, COUNT, COUNTERS, TIME, bytes, int, list, record, table, text } from '../node.ts'
import { ADDRESS } from './dhcp.ts'

const NAME_MAX = 255
const DUID_MAX = 130
const XID_MAX = 0xffffff

const LEASE = record<Dhcp6Lease>(() => createDhcp6Lease(createAddr()), {
  addr: ADDRESS, preferredUntil: TIME, validUntil: TIME, addrId: COUNT,
})

const CLIENT = record<Dhcp6Client>(() => createDhcp6Client(0, 0, false), {
  alarmAt: TIME, ifId: COUNT, wants: int(0, 2), byRouter: BOOL, state: int(0, 11), xid: int(0, XID_MAX), startedAt: TIME,
  tries: COUNT, rtUs: COUNT, deadline: TIME, solMaxRtUs: COUNT, infMaxRtUs: COUNT, server: bytes(DUID_MAX), preference: int(-1, 255),
  notOnLink: BOOL, named: list(ADDRESS), leases: list(LEASE), renewAt: TIME, rebindAt: TIME, dns: list(ADDRESS),
  search: list(text(NAME_MAX)), linkChanged: BOOL,
})

export const DHCP6 = record<Dhcp6State>(null, { clients: table(COUNT, CLIENT), duid: bytes(DUID_MAX), stats: COUNTERS })
