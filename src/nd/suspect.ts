/** Advice from above that a neighbour may be gone (RFC 4861 §7.3.1, §7.3.3). */

import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { ndAsk } from './resolve.ts'
import { ND_PROBE, ND_REACHABLE, ND_STALE } from './state.ts'
import { ndFind, ndSetStatus } from './table.ts'

/** Probes the neighbour at once; packets go on to it until it has failed to answer. Other entries are left alone. */
export function ndSuspect(vn: Vn, ifId: number, a: Addr): void {
  const entry = ndFind(vn, ifId, a)
  const ifp = vn.state.link.ifnets.get(ifId)
  if (entry === null || ifp === undefined || (entry.status !== ND_REACHABLE && entry.status !== ND_STALE)) return
  ndSetStatus(vn, entry, ND_PROBE, vn.state.now)
  ndAsk(vn, ifp, entry, null)
}
