/** Advice from above that a neighbour may be gone or have moved (RFC 1122 §2.3.2.1 (4), §3.3.1.4). */

import type { Vn } from '../kern/vn.ts'
import type { Ip4 } from '../lib/addr.ts'
import { arpAsk } from './resolve.ts'
import { ARP_REACHABLE, ARP_VALIDATING, arpStats } from './state.ts'
import { arpFind } from './table.ts'

/** Asks the neighbour itself at once; packets go on to it until it has failed to answer. Other entries are left alone. */
export function arpSuspect(vn: Vn, ifId: number, ip: Ip4): void {
  const entry = arpFind(vn, ifId, ip)
  const ifp = vn.state.link.ifnets.get(ifId)
  if (entry === null || ifp === undefined || entry.status !== ARP_REACHABLE) return
  arpStats(vn).suspected++
  entry.status = ARP_VALIDATING
  arpAsk(vn, ifp, entry, entry.mac)
}
