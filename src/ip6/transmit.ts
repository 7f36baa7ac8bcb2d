/** From a finished IPv6 header to the link: what is too big is refused, or fragmented by its source (RFC 8200 §4.5, §5). */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { EMSGSIZE } from '../lib/errno.ts'
import { F_DF, F_FORWARD, frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { linkOutput6 } from '../link/output6.ts'
import { IFCAP_TSO } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { IPPROTO_TCP } from '../wire/ipv4.ts'
import { tcpDataOffset } from '../wire/tcp.ts'
import { ip6Fragment } from './fragment.ts'
import { ip6Segment } from './segment.ts'
import { ip6Stats } from './state.ts'

/**
 * Sends the packet in `f` (f.off = f.l3 at a complete header) to `nextHop` on `ifp`; consumes it. EMSGSIZE: too big for
 * `mtu`, and forwarded or not to be fragmented. Otherwise as linkOutput6.
 */
export function ip6Transmit(vn: Vn, ifp: Ifnet, f: Frame, mtu: number, nextHop: Addr): number {
  if (ip6WireLen(f) <= mtu) {
    if (f.gsoSize !== 0 && (ifp.capabilities & IFCAP_TSO) === 0) return ip6Segment(vn, ifp, f, nextHop)
    const errno = linkOutput6(vn, ifp, f, nextHop)
    if (errno !== 0) ip6Stats(vn).odropped++
    return errno
  }
  if ((f.flags & (F_DF | F_FORWARD)) === 0 && f.gsoSize === 0) return ip6Fragment(vn, ifp, f, mtu, nextHop)
  countDrop(vn, ip6Stats(vn), 'ip6', 'cantfrag', f)
  frameRelease(vn.pool, f)
  return EMSGSIZE
}

/** Length of the largest packet that `f` is on the wire: a super-segment is cut up by whoever sends it. */
function ip6WireLen(f: Frame): number {
  if (f.gsoSize === 0) return f.len
  return Math.min(f.len, f.l4 - f.l3 + (f.proto === IPPROTO_TCP ? tcpDataOffset(f.view, f.l4) : 8) + f.gsoSize)
}
