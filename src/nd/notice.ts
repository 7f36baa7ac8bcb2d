/** What others tell autoconfiguration: an address was checked, the link has changed. Only its timer acts on it. */

import { TIMER_NDAUTO, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import { tableIn } from '../lib/table.ts'
import { createNdHost } from './state-auto.ts'

/** Duplicate address detection has an outcome on this interface. */
export function ndAutoNotice(vn: Vn, ifId: number): void {
  const host = vn.state.nd.hosts.get(ifId)
  if (host !== undefined) alarmSet(vn.state.timers, TIMER_NDAUTO, ifId, host, vn.state.now)
}

/** IPv6 was enabled on an Ethernet: it listens to routers where sysctl net.inet6.ip6.accept_rtadv says so. */
export function ndAutoDefault(vn: Vn, ifId: number): void {
  if (vn.state.sysctl['net.inet6.ip6.accept_rtadv'] === 0) return
  const host = createNdHost(ifId)
  host.accepts = true
  tableIn(vn.state.nd, 'hosts').set(ifId, host)
  ndAutoLinkUp(vn, ifId)
}

/** The link has come up: routers are asked again (RFC 4861 §6.3.7). */
export function ndAutoLinkUp(vn: Vn, ifId: number): void {
  const host = vn.state.nd.hosts.get(ifId)
  if (host === undefined) return
  host.linkChanged = true
  ndAutoNotice(vn, ifId)
}
