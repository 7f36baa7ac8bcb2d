/** Interfaces: made, configured and removed (FreeBSD's ifnet). */

import { arpFlushIf } from '../arp/table.ts'
import { dhcpIfGone } from '../dhcp/notice.ts'
import { routeFlushIf } from '../ip/route.ts'
import { ip6Disable } from '../ip6/ifaddr.ts'
import type { Vn } from '../kern/vn.ts'
import type { Mac } from '../lib/addr.ts'
import { EINVAL, ENOENT } from '../lib/errno.ts'
import { tableIn } from '../lib/table.ts'
import { mcastLinkGone } from '../mcast/link.ts'
import { IP_MAXPACKET } from '../wire/ipv4.ts'
import { ifDelAddr } from './ifaddr.ts'
import {
  IFF_BROADCAST, IFF_LOOPBACK, IFF_MULTICAST, IFF_POINTOPOINT, IFF_RUNNING, IFT_ETHER, IFT_LOOP, createIfnet,
} from './state.ts'
import type { Ifnet } from './state.ts'

export { ifAddAddr, ifAnnounceAll, ifDelAddr } from './ifaddr.ts'
export { ifSetFlags } from './ifflags.ts'

/** Least MTU that carries IPv4 (RFC 791 §3.2). */
export const IF_MIN_MTU = 68

/** A new interface, down (adding an address brings it up), with a carrier. `mac` is 0 where there is none. */
export function ifCreate(vn: Vn, name: string, type: number, mac: Mac, mtu: number): Ifnet {
  const link = vn.state.link
  const ifp = createIfnet(link.nextIfId++, name, type, mac, Math.max(IF_MIN_MTU, Math.min(IP_MAXPACKET, mtu)))
  ifp.flags = IFF_RUNNING | IFF_MULTICAST |
    (type === IFT_ETHER ? IFF_BROADCAST : type === IFT_LOOP ? IFF_LOOPBACK : IFF_POINTOPOINT)
  tableIn(link, 'ifnets').set(ifp.id, ifp)
  if (type === IFT_LOOP && link.loopIfId === 0) link.loopIfId = ifp.id
  return ifp
}

/** Removes an interface with its addresses, routes and neighbours. ENOENT. */
export function ifDestroy(vn: Vn, ifId: number): number {
  const link = vn.state.link
  const ifp = link.ifnets.get(ifId)
  if (ifp === undefined) return ENOENT
  for (const ia of [...ifp.addrs]) ifDelAddr(vn, ifId, ia.addr)
  routeFlushIf(vn, ifId)
  arpFlushIf(vn, ifId)
  ip6Disable(vn, ifId)
  dhcpIfGone(vn, ifId)
  mcastLinkGone(vn, ifId)
  link.ifnets.delete(ifId)
  if (link.loopIfId === ifId) link.loopIfId = 0
  return 0
}

/** The interface of this name, or null. */
export function ifByName(vn: Vn, name: string): Ifnet | null {
  for (const ifp of vn.state.link.ifnets.values()) if (ifp.name === name) return ifp
  return null
}

/** EINVAL: below 68 (RFC 791 §3.2) or above 65,535. ENOENT. */
export function ifSetMtu(vn: Vn, ifId: number, mtu: number): number {
  const ifp = vn.state.link.ifnets.get(ifId)
  if (ifp === undefined) return ENOENT
  if (!Number.isInteger(mtu) || mtu < IF_MIN_MTU || mtu > IP_MAXPACKET) return EINVAL
  ifp.mtu = mtu
  return 0
}
