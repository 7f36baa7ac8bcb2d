/** Interfaces going up and down. */

import { arpProbeStart } from '../arp/probe.ts'
import { arpFlushIf } from '../arp/table.ts'
import { ip6IfDown, ip6IfUp } from '../ip6/ifaddr.ts'
import { dhcpLinkNotice } from '../dhcp/notice.ts'
import { dhcp6LinkNotice } from '../dhcp6/notice.ts'
import type { Vn } from '../kern/vn.ts'
import { ENOENT } from '../lib/errno.ts'
import { mcastLinkUp } from '../mcast/link.ts'
import { IFF_RUNNING, IFF_UP } from './state.ts'

/**
 * Sets the flags. Going down forgets the neighbours; coming up with a carrier, and the carrier's return, probe or
 * announce the addresses again (RFC 5227 §2.1: on link-state change) and report the groups. ENOENT.
 */
export function ifSetFlags(vn: Vn, ifId: number, flags: number): number {
  const ifp = vn.state.link.ifnets.get(ifId)
  if (ifp === undefined) return ENOENT
  const ready = IFF_UP | IFF_RUNNING
  const wasReady = (ifp.flags & ready) === ready
  ifp.flags = flags
  const isReady = (flags & ready) === ready
  if (wasReady !== isReady) {
    dhcpLinkNotice(vn, ifId, isReady)
    dhcp6LinkNotice(vn, ifId)
  }
  if (wasReady && !isReady) {
    arpFlushIf(vn, ifId)
    ip6IfDown(vn, ifp)
  }
  if (!wasReady && isReady) {
    for (const ia of ifp.addrs) arpProbeStart(vn, ifp, ia)
    ip6IfUp(vn, ifp)
    mcastLinkUp(vn, ifId)
  }
  return 0
}
