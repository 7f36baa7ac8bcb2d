/**
 * Super-segments (TCP segmentation offload) in software: for an interface whose device takes segments only. TCP asks
 * before it makes one, so they come from a router's other side, or from before the interface got another device.
 */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import type { Ip4 } from '../lib/addr.ts'
import { ENOBUFS } from '../lib/errno.ts'
import { frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { linkOutput } from '../link/output.ts'
import type { Ifnet } from '../link/state.ts'
import { gsoCount, gsoIsSound, gsoSegment } from '../wire/gso.ts'
import { ipStats } from './state.ts'

/**
 * Sends the super-segment in `f` (f.off = f.l3) as the segments it stands for; consumes it. ENOBUFS: no frame; what
 * linkOutput says ends it too. What has gone stays gone: TCP sees the rest lost.
 */
export function ipSegment(vn: Vn, ifp: Ifnet, f: Frame, nextHop: Ip4): number {
  const stats = ipStats(vn)
  let errno = gsoIsSound(f) ? 0 : ENOBUFS
  for (let k = 0; k < gsoCount(f) && errno === 0; k++) {
    const segment = gsoSegment(vn.pool, f, 0, k)
    errno = segment === null ? ENOBUFS : linkOutput(vn, ifp, segment, nextHop)
  }
  if (errno !== 0) countDrop(vn, stats, 'ip', 'odropped', f)
  frameRelease(vn.pool, f)
  return errno
}
