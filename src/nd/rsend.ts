/** Router solicitations (RFC 4861 §4.1, §6.3.7). */

import { IFA_PREFERRED } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { etherOutput } from '../link/tx.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { createAddr } from '../lib/addr.ts'
import { addr6AllRouters, addr6IsLinkLocal, macFromGroup6 } from '../lib/addr6.ts'
import { frameAlloc } from '../lib/frame.ts'
import { ETHERTYPE_IPV6 } from '../wire/ethernet.ts'
import { ICMP6_REST, ICMP6_TYPE, ND_OPT_SOURCE_LINKADDR, ND_ROUTER_SOLICIT, ND_RS_LEN } from '../wire/icmpv6.ts'
import { IP6_HDR_LEN } from '../wire/ipv6.ts'
import { ndFinish, ndOption } from './send.ts'
import { ndStats } from './state.ts'

const OPT_LEN = 8

/** Asks all routers; from `::`, and without its Ethernet address, while the link-local address is tentative. */
export function ndRouterSolicit(vn: Vn, ifp: Ifnet): void {
  const f = frameAlloc(vn.pool, IP6_HDR_LEN + ND_RS_LEN + OPT_LEN)
  if (f === null) return countDrop(vn, ndStats(vn), 'nd', 'nobuf', null)
  f.len = ND_RS_LEN
  f.view.setUint32(f.off + ICMP6_TYPE, 0)
  f.view.setUint8(f.off + ICMP6_TYPE, ND_ROUTER_SOLICIT)
  f.view.setUint32(f.off + ICMP6_REST, 0)
  const src = ndLinkLocal(vn, ifp)
  if (src !== null) ndOption(f, ND_OPT_SOURCE_LINKADDR, ifp.mac)
  const dst = addr6AllRouters(ifp.id)
  ndFinish(f, src ?? createAddr(), dst)
  ndStats(vn).txrsolicits++
  etherOutput(vn, ifp, f, macFromGroup6(dst), ETHERTYPE_IPV6)
}

/** Our link-local address there, or null while it may not be used. */
export function ndLinkLocal(vn: Vn, ifp: Ifnet): Addr | null {
  return vn.state.ip6.ifs.get(ifp.id)?.addrs.find((ia) => ia.status === IFA_PREFERRED && addr6IsLinkLocal(ia.addr))?.addr ?? null
}
