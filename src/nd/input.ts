/** Neighbour messages from the link: validated (RFC 4861 §7.1), then by type. */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { F_REASSEMBLED } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { ICMP6_CODE, ND_NEIGHBOR_ADVERT, ND_NEIGHBOR_LEN, ND_NEIGHBOR_SOLICIT } from '../wire/icmpv6.ts'
import { ndAdvertInput } from './advert.ts'
import { ndSolicitInput } from './solicit.ts'
import type { NdStats } from './state.ts'

/** Takes a message of `type` (f.l4 at its header, checksum right, f.src and f.dst set). Borrows the frame. */
export function ndInput(vn: Vn, f: Frame, type: number): void {
  const { stats } = vn.state.nd
  const ifp = vn.state.link.ifnets.get(f.ifId)
  // RFC 6980 §5: fragments would walk round those who watch over neighbour discovery
  if ((f.flags & F_REASSEMBLED) !== 0) return drop(vn, 'fragmented', f)
  // §6.1, §7.1: no router has touched it
  if (f.ttl !== 255) return drop(vn, 'badhoplimit', f)
  if (f.view.getUint8(f.l4 + ICMP6_CODE) !== 0) return drop(vn, 'badcode', f)
  if (ifp === undefined || !(type === ND_NEIGHBOR_SOLICIT || type === ND_NEIGHBOR_ADVERT)) return drop(vn, 'ignored', f)
  if (f.off + f.len - f.l4 < ND_NEIGHBOR_LEN) return drop(vn, 'tooshort', f)
  if (type === ND_NEIGHBOR_SOLICIT) {
    stats.rxsolicits++
    return ndSolicitInput(vn, ifp, f)
  }
  stats.rxadverts++
  ndAdvertInput(vn, ifp, f)
}

function drop(vn: Vn, counter: keyof NdStats, f: Frame): void {
  countDrop(vn, vn.state.nd.stats, 'nd', counter, f)
}
