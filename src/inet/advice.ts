/** What transports tell the network layer about the way to a peer (RFC 1122 §3.3.1.4, RFC 9293 §3.8.3). */

import { arpSuspect } from '../arp/suspect.ts'
import { ipOutputRoute } from '../ip/output.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4 } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'

/** Nothing gets through to `dst`: its first hop is put to the proof. */
export function inetNegativeAdvice(vn: Vn, dst: Addr): void {
  if (!addrIsV4(dst)) return
  const route = ipOutputRoute(vn, 0, 0, dst.w3)
  if (route !== null) arpSuspect(vn, route.ifId, route.gateway === 0 ? dst.w3 : route.gateway)
}
