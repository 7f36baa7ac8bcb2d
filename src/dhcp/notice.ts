/** What others tell a client: an address was checked, the link has changed. Only its timer acts on it. */

import { TIMER_DHCP, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'

/** The state of an address on this interface has changed (RFC 5227). */
export function dhcpAddrNotice(vn: Vn, ifId: number): void {
  const client = vn.state.dhcp.clients.get(ifId)
  if (client !== undefined) alarmSet(vn.state.timers, TIMER_DHCP, ifId, client, vn.state.now)
}

/** The interface is gone, and with it what was learnt there. */
export function dhcpIfGone(vn: Vn, ifId: number): void {
  const { dhcp, dhcp6, resolver } = vn.state
  dhcp.clients.delete(ifId)
  dhcp6.clients.delete(ifId)
  resolver.entries = resolver.entries.filter((entry) => entry.ifId !== ifId)
}

/** The link goes down (neighbours are known still) or has come up. */
export function dhcpLinkNotice(vn: Vn, ifId: number, up: boolean): void {
  const client = vn.state.dhcp.clients.get(ifId)
  if (client === undefined) return
  if (!up) {
    const gateway = client.lease.routes.find((route) => route.gateway !== 0)?.gateway ?? 0
    client.gatewayMac = vn.state.arp.tables.get(ifId)?.get(gateway)?.mac ?? 0
  }
  client.linkChanged = true
  alarmSet(vn.state.timers, TIMER_DHCP, ifId, client, vn.state.now)
}
