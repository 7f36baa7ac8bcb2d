/** Is this still the network that the lease is of? The old gateway is asked by ARP (RFC 4436 §2.1). */

import { arpSendRequest } from '../arp/send.ts'
import { ARP_REACHABLE } from '../arp/state.ts'
import { arpFind, arpInsert, arpSchedule } from '../arp/table.ts'
import { NEVER } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import type { Ip4 } from '../lib/addr.ts'
import type { Ifnet } from '../link/state.ts'
import { dhcpStats } from './state.ts'
import type { DhcpClient } from './state.ts'

/** REACHABILITY_TIMEOUT of RFC 4436 §2.1. */
const TIMEOUT = 200_000
/** How long an unanswered question stays in the ARP table. */
const ASKED = 1_000_000

/** Asks the gateway under the Ethernet address that it had; returns when the answer must be there, NEVER: not asked. */
export function dhcpReachStart(vn: Vn, client: DhcpClient, ifp: Ifnet): number {
  const gateway = gatewayOf(client)
  if (client.gatewayMac === 0 || gateway === 0 || vn.state.sysctl['net.inet.dhcp.dna'] === 0) return NEVER
  const entry = arpFind(vn, ifp.id, gateway) ?? arpInsert(vn, ifp.id, gateway)
  if (entry === null) return NEVER
  entry.asked = 1
  entry.askedAt = vn.state.now
  arpSchedule(vn, entry, vn.state.now + ASKED)
  arpSendRequest(vn, ifp, client.lease.addr, gateway, client.gatewayMac)
  return vn.state.now + TIMEOUT
}

/** True, once, when the gateway has answered from its old Ethernet address. */
export function dhcpReachTest(vn: Vn, client: DhcpClient): boolean {
  if (client.gatewayMac === 0) return false
  const entry = arpFind(vn, client.ifId, gatewayOf(client))
  const same = entry?.status === ARP_REACHABLE && entry.mac === client.gatewayMac
  client.gatewayMac = 0
  if (same) dhcpStats(vn).reachable++
  return same
}

function gatewayOf(client: DhcpClient): Ip4 {
  return client.lease.routes.find((route) => route.gateway !== 0)?.gateway ?? 0
}
