/** A router advertisement put together (RFC 4861 §4.2, §4.6, §6.2.3; RFC 4191 §2, RFC 8106 §5). */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6AllNodes, addr6Write, macFromGroup6 } from '../lib/addr6.ts'
import { frameAlloc } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { IFF_RUNNING, IFF_UP } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { etherOutput } from '../link/tx.ts'
import { ETHERTYPE_IPV6 } from '../wire/ethernet.ts'
import {
  ICMP6_TYPE, ND_OPT_DNSSL, ND_OPT_MTU, ND_OPT_PI_AUTO, ND_OPT_PI_ONLINK, ND_OPT_PREFIX_INFO, ND_OPT_RDNSS, ND_OPT_ROUTE_INFO,
  ND_OPT_SOURCE_LINKADDR, ND_RA_FLAGS, ND_RA_HLIM, ND_RA_LEN, ND_RA_LIFETIME, ND_RA_MANAGED, ND_RA_OTHER, ND_RA_REACHABLE,
  ND_RA_RETRANS, ND_ROUTER_ADVERT,
} from '../wire/icmpv6.ts'
import { IP6_HDR_LEN } from '../wire/ipv6.ts'
import { ndLinkLocal } from './rsend.ts'
import { ndFinish, ndOption } from './send.ts'
import type { NdAdvertConfig } from './state-adverts.ts'
import { ndStats } from './state.ts'

/** What one packet has room for on a link of the least MTU, more or less: the bound on options. */
const OPTIONS_MOST = 1200

/** Sends it to all nodes. False where it cannot: the link is down, or there is no link-local address to send from yet. */
export function ndRouterAdvertise(vn: Vn, ifp: Ifnet, config: NdAdvertConfig, lifetimeS: number): boolean {
  const src = ndLinkLocal(vn, ifp)
  const ready = IFF_UP | IFF_RUNNING
  if (src === null || (ifp.flags & ready) !== ready) return false
  const f = frameAlloc(vn.pool, IP6_HDR_LEN + ND_RA_LEN + OPTIONS_MOST)
  if (f === null) {
    countDrop(vn, ndStats(vn), 'nd', 'nobuf', null)
    return false
  }
  const { view, off } = f
  f.len = ND_RA_LEN
  view.setUint32(off + ICMP6_TYPE, 0)
  view.setUint8(off + ICMP6_TYPE, ND_ROUTER_ADVERT)
  view.setUint8(off + ND_RA_HLIM, config.hopLimit)
  const dhcp = (config.managed ? ND_RA_MANAGED : 0) | (config.otherConfig ? ND_RA_OTHER : 0)
  // RFC 4191 §2.2: no preference where there is no default router
  view.setUint8(off + ND_RA_FLAGS, dhcp | (lifetimeS === 0 ? 0 : (config.preference & 3) << 3))
  view.setUint16(off + ND_RA_LIFETIME, lifetimeS)
  view.setUint32(off + ND_RA_REACHABLE, config.reachableMs)
  view.setUint32(off + ND_RA_RETRANS, config.retransMs)
  ndOption(f, ND_OPT_SOURCE_LINKADDR, ifp.mac)
  options(f, config)
  const dst = addr6AllNodes(ifp.id)
  ndFinish(f, src, dst)
  ndStats(vn).txradverts++
  etherOutput(vn, ifp, f, macFromGroup6(dst), ETHERTYPE_IPV6)
  return true
}

function options(f: Frame, config: NdAdvertConfig): void {
  const { view } = f
  if (config.linkMtu !== 0) {
    const at = append(f, ND_OPT_MTU, 1)
    if (at >= 0) view.setUint32(at + 4, config.linkMtu)
  }
  for (const p of config.prefixes) {
    const at = append(f, ND_OPT_PREFIX_INFO, 4)
    if (at < 0) return
    view.setUint8(at + 2, p.prefixLen)
    view.setUint8(at + 3, (p.onLink ? ND_OPT_PI_ONLINK : 0) | (p.autonomous ? ND_OPT_PI_AUTO : 0))
    view.setUint32(at + 4, p.validS)
    view.setUint32(at + 8, p.preferredS)
    addr6Write(view, at + 16, p.prefix)
  }
  for (const r of config.routes) {
    const at = append(f, ND_OPT_ROUTE_INFO, 3)
    if (at < 0) return
    view.setUint8(at + 2, r.prefixLen)
    view.setUint8(at + 3, (r.preference & 3) << 3)
    view.setUint32(at + 4, r.lifetimeS)
    addr6Write(view, at + 8, r.dst)
  }
  servers(f, config.servers, config.dnsLifetimeS)
  search(f, config.search, config.dnsLifetimeS)
}

function servers(f: Frame, list: readonly Addr[], lifetimeS: number): void {
  const at = list.length === 0 ? -1 : append(f, ND_OPT_RDNSS, 1 + 2 * list.length)
  if (at < 0) return
  f.view.setUint32(at + 4, lifetimeS)
  list.forEach((a, i) => { addr6Write(f.view, at + 8 + 16 * i, a) })
}

function search(f: Frame, names: readonly string[], lifetimeS: number): void {
  const bytes = names.flatMap((name) => [
    ...name.split('.').flatMap((label) => [label.length, ...[...label].map((c) => c.charCodeAt(0))]), 0,
  ])
  const at = bytes.length === 0 ? -1 : append(f, ND_OPT_DNSSL, 1 + Math.ceil(bytes.length / 8))
  if (at < 0) return
  f.view.setUint32(at + 4, lifetimeS)
  f.slab.set(bytes, at + 8)
}

/** An option of `words` eight octets, zeros so far; −1 where there is no room. */
function append(f: Frame, type: number, words: number): number {
  const at = f.off + f.len
  if (f.len + words * 8 > ND_RA_LEN + OPTIONS_MOST) return -1
  f.slab.fill(0, at, at + words * 8)
  f.view.setUint8(at, type)
  f.view.setUint8(at + 1, words)
  f.len += words * 8
  return at
}
