/** What others tell a client: routers name DHCPv6, an address was checked, the link has changed. Only its timer acts on it. */

import { TIMER_DHCP6, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import { tableIn } from '../lib/table.ts'
import { DHCP6_ADDRESSES, DHCP6_INFORMATION, DHCP6_NOTHING, createDhcp6Client } from './state.ts'

/**
 * An advertisement that was listened to said M and O (RFC 4861 §4.2). What was asked for once is kept when the flags go
 * (RFC 4862 §5.5.3 leaves it open): addresses have lifetimes of their own.
 */
export function dhcp6RouterNews(vn: Vn, ifId: number, managed: boolean, otherConfig: boolean): void {
  const wants = managed ? DHCP6_ADDRESSES : otherConfig ? DHCP6_INFORMATION : DHCP6_NOTHING
  if (wants === DHCP6_NOTHING || vn.state.sysctl['net.inet6.dhcp6.accept_ra'] === 0) return
  const { clients } = vn.state.dhcp6
  let client = clients.get(ifId)
  if (client === undefined) {
    client = createDhcp6Client(ifId, wants, true)
    client.linkChanged = true
    tableIn(vn.state.dhcp6, 'clients').set(ifId, client)
  } else if (client.byRouter && wants > client.wants) {
    client.wants = wants
    client.linkChanged = true
  } else return
  alarmSet(vn.state.timers, TIMER_DHCP6, ifId, client, vn.state.now)
}

/** Routers are no longer listened to: what they started ends. */
export function dhcp6RoutersGone(vn: Vn, ifId: number): void {
  const client = vn.state.dhcp6.clients.get(ifId)
  if (client?.byRouter !== true) return
  client.wants = DHCP6_NOTHING
  dhcp6AddrNotice(vn, ifId)
}

/** Duplicate address detection has an outcome on this interface (RFC 4862 §5.4). */
export function dhcp6AddrNotice(vn: Vn, ifId: number): void {
  const client = vn.state.dhcp6.clients.get(ifId)
  if (client !== undefined) alarmSet(vn.state.timers, TIMER_DHCP6, ifId, client, vn.state.now)
}

/** The link goes down, or has come up. */
export function dhcp6LinkNotice(vn: Vn, ifId: number): void {
  const client = vn.state.dhcp6.clients.get(ifId)
  if (client === undefined) return
  client.linkChanged = true
  dhcp6AddrNotice(vn, ifId)
}
