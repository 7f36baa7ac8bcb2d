/** Neighbour messages from the link: validated (RFC 4861 §7.1), then by type. */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { F_REASSEMBLED } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import {
  ICMP6_CODE, ND_NEIGHBOR_ADVERT, ND_NEIGHBOR_LEN, ND_NEIGHBOR_SOLICIT, ND_RA_LEN, ND_REDIRECT, ND_REDIRECT_LEN, ND_ROUTER_ADVERT,
  ND_ROUTER_SOLICIT, ND_RS_LEN,
} from '../wire/icmpv6.ts'
import { ndAdvertInput } from './advert.ts'
import { ndRouterAdvertInput } from './radvert.ts'
import { ndRedirectInput } from './redirect.ts'
import { ndRouterSolicitInput } from './rsolicit.ts'
import { ndSolicitInput } from './solicit.ts'
import { ndStats } from './state.ts'
import type { NdStats } from './state.ts'

/** Takes a message of `type` (f.l4 at its header, checksum right, f.src and f.dst set). Borrows the frame. */
export function ndInput(vn: Vn, f: Frame, type: number): void {
  const stats = ndStats(vn)
  const ifp = vn.state.link.ifnets.get(f.ifId)
  // RFC 6980 §5: fragments would walk round those who watch over neighbour discovery
  if ((f.flags & F_REASSEMBLED) !== 0) return drop(vn, 'fragmented', f)
  // §6.1, §7.1: no router has touched it
  if (f.ttl !== 255) return drop(vn, 'badhoplimit', f)
  if (f.view.getUint8(f.l4 + ICMP6_CODE) !== 0) return drop(vn, 'badcode', f)
  if (ifp === undefined) return drop(vn, 'ignored', f)
  if (f.off + f.len - f.l4 < leastLen(type)) return drop(vn, 'tooshort', f)
  switch (type) {
    case ND_NEIGHBOR_SOLICIT:
      stats.rxsolicits++
      return ndSolicitInput(vn, ifp, f)
    case ND_NEIGHBOR_ADVERT:
      stats.rxadverts++
      return ndAdvertInput(vn, ifp, f)
    case ND_ROUTER_ADVERT:
      stats.rxradverts++
      return ndRouterAdvertInput(vn, ifp, f)
    case ND_ROUTER_SOLICIT:
      stats.rxrsolicits++
      return ndRouterSolicitInput(vn, ifp, f)
    case ND_REDIRECT: return ndRedirectInput(vn, ifp, f)
    default: return drop(vn, 'ignored', f)
  }
}

/** RFC 4861 §6.1.1, §6.1.2, §7.1, §8.1. */
function leastLen(type: number): number {
  if (type === ND_ROUTER_SOLICIT) return ND_RS_LEN
  if (type === ND_ROUTER_ADVERT) return ND_RA_LEN
  return type === ND_NEIGHBOR_SOLICIT || type === ND_NEIGHBOR_ADVERT ? ND_NEIGHBOR_LEN : ND_REDIRECT_LEN
}

function drop(vn: Vn, counter: keyof NdStats, f: Frame): void {
  countDrop(vn, ndStats(vn), 'nd', counter, f)
}
