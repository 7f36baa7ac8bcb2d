/**
 * Super-segments (TCP segmentation offload) in software, over IPv6: for an interface whose device takes segments only. They
 * come from a router's other side, or from before the interface got another device (ip/segment.ts is IPv4's).
 */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { ENOBUFS } from '../lib/errno.ts'
import { frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { linkOutput6 } from '../link/output6.ts'
import type { Ifnet } from '../link/state.ts'
import { gsoCount, gsoIsSound, gsoSegment } from '../wire/gso.ts'
import { ip6Stats } from './state.ts'

/**
 * Sends the super-segment in `f` (f.off = f.l3) as the segments it stands for; consumes it. ENOBUFS: no frame; what
 * linkOutput6 says ends it too. What has gone stays gone: TCP sees the rest lost.
 */
export function ip6Segment(vn: Vn, ifp: Ifnet, f: Frame, nextHop: Addr): number {
  let errno = gsoIsSound(f) ? 0 : ENOBUFS
  for (let k = 0; k < gsoCount(f) && errno === 0; k++) {
    const segment = gsoSegment(vn.pool, f, 0, k)
    if (segment === null) errno = ENOBUFS
    else {
      // the link's loopback and its neighbours' queues look at them
      addrCopy(segment.src, f.src)
      addrCopy(segment.dst, f.dst)
      errno = linkOutput6(vn, ifp, segment, nextHop)
    }
  }
  if (errno !== 0) countDrop(vn, ip6Stats(vn), 'ip6', 'odropped', f)
  frameRelease(vn.pool, f)
  return errno
}
