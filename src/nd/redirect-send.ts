/** Redirects sent by a router (RFC 4861 §4.5, §8.2). */

import { icmp6Allowed } from '../icmp6/limit.ts'
import { route6Lookup } from '../ip6/route.ts'
import { IP6_MMTU } from '../ip6/state.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6IsLinkLocal, addr6Write, sameWords } from '../lib/addr6.ts'
import { frameAlloc } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { linkOutput6 } from '../link/output6.ts'
import { IFT_ETHER } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import {
  ICMP6_REST, ICMP6_TYPE, ND_OPT_REDIRECTED, ND_OPT_TARGET_LINKADDR, ND_REDIRECT, ND_REDIRECT_DST, ND_REDIRECT_LEN, ND_TARGET,
} from '../wire/icmpv6.ts'
import { IP6_HDR_LEN } from '../wire/ipv6.ts'
import { ndLinkLocal } from './rsend.ts'
import { ndFinish, ndOption } from './send.ts'
import { ndFind } from './table.ts'
import { ndStats } from './state.ts'

const OPT_LEN = 8
/** What is left for the packet that is quoted: the message stays within the least MTU (§8.2). */
const QUOTE_MOST = (IP6_MMTU - IP6_HDR_LEN - ND_REDIRECT_LEN - 2 * OPT_LEN) & ~7

/**
 * Tells the sender of `f` (at its IPv6 header), a neighbour on the interface by which it goes out again, that `nextHop` is the
 * better first hop. Within the limit of ICMPv6 errors; in silence where RFC 4861 §8.2 wants none. Borrows the frame.
 */
export function ndRedirectSend(vn: Vn, ifp: Ifnet, f: Frame, nextHop: Addr): void {
  const { src, dst } = f
  if (ifp.type !== IFT_ETHER || vn.state.sysctl['net.inet6.ip6.redirect'] === 0) return
  const neighbour = addr6IsLinkLocal(src) || route6Lookup(vn, src, true)?.ifId === ifp.id
  const own = ndLinkLocal(vn, ifp)
  // the target is the destination itself, or a router's link-local address
  if (!neighbour || own === null || (!addr6IsLinkLocal(nextHop) && !sameWords(nextHop, dst)) || sameWords(nextHop, src)) return
  if (!icmp6Allowed(vn)) return
  const quoted = Math.min(QUOTE_MOST, f.off + f.len - f.l3)
  const padded = (quoted + 7) & ~7
  const g = frameAlloc(vn.pool, IP6_HDR_LEN + ND_REDIRECT_LEN + 2 * OPT_LEN + padded)
  if (g === null) return countDrop(vn, ndStats(vn), 'nd', 'nobuf', null)
  const { view, off } = g
  g.len = ND_REDIRECT_LEN
  view.setUint32(off + ICMP6_TYPE, 0)
  view.setUint8(off + ICMP6_TYPE, ND_REDIRECT)
  view.setUint32(off + ICMP6_REST, 0)
  addr6Write(view, off + ND_TARGET, nextHop)
  addr6Write(view, off + ND_REDIRECT_DST, dst)
  const known = ndFind(vn, ifp.id, nextHop)
  if (known !== null && known.mac !== 0) ndOption(g, ND_OPT_TARGET_LINKADDR, known.mac)
  const at = off + g.len
  g.slab.fill(0, at, at + OPT_LEN + padded)
  view.setUint8(at, ND_OPT_REDIRECTED)
  view.setUint8(at + 1, (OPT_LEN + padded) >> 3)
  g.slab.set(f.slab.subarray(f.l3, f.l3 + quoted), at + OPT_LEN)
  g.len += OPT_LEN + padded
  ndStats(vn).txredirects++
  ndFinish(g, own, src)
  linkOutput6(vn, ifp, g, src)
}
