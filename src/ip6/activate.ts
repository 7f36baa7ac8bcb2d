/** An address comes into use, and goes out of it: it is ours, and its prefix is on the link. */

import type { Vn } from '../kern/vn.ts'
import { prefixEq } from '../lib/addr6.ts'
import { IFA_PREFERRED } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { ip6LocalAdd, ip6LocalRemove } from './addrs.ts'
import { route6AddConnected, route6DeleteConnected } from './route.ts'
import { IA6_AUTOCONF } from './state.ts'
import type { Ip6Addr } from './state.ts'

/** Packets to it are ours from now on; the prefix of one that was set by hand is on the link (RFC 5942 §4). */
export function ip6AddrActivate(vn: Vn, ifp: Ifnet, ia: Ip6Addr): void {
  ip6LocalAdd(vn, ia.addr, ifp.id)
  if ((ia.flags & IA6_AUTOCONF) === 0) route6AddConnected(vn, ia.addr, ia.prefixLen, ifp.id)
}

/** Undoes ip6AddrActivate; the connected route stays while another usable address has the prefix. */
export function ip6AddrDeactivate(vn: Vn, ifp: Ifnet, ia: Ip6Addr): void {
  ip6LocalRemove(vn, ia.addr)
  const sharing = vn.state.ip6.ifs.get(ifp.id)?.addrs.some((o) => o !== ia && o.status === IFA_PREFERRED &&
    (o.flags & IA6_AUTOCONF) === 0 && o.prefixLen === ia.prefixLen && prefixEq(o.addr, ia.addr, ia.prefixLen)) ?? false
  if (!sharing && (ia.flags & IA6_AUTOCONF) === 0) route6DeleteConnected(vn, ia.addr, ia.prefixLen, ifp.id)
}
