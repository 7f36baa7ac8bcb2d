/** What transports tell the network layer about the way to a peer (RFC 1122 §3.3.1.4, RFC 9293 §3.8.3). */

import { arpSuspect } from '../arp/suspect.ts'
import { ipOutputRoute } from '../ip/output.ts'
import { ip6OutputRoute } from '../ip6/output.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6IsAny } from '../lib/addr6.ts'
import { ndConfirm } from '../nd/learn.ts'
import { ndSuspect } from '../nd/suspect.ts'

/** Nothing gets through to `dst`: its first hop is put to the proof. */
export function inetNegativeAdvice(vn: Vn, dst: Addr): void {
  if (!addrIsV4(dst)) return suspect6(vn, dst)
  const route = ipOutputRoute(vn, 0, 0, dst.w3)
  if (route !== null) arpSuspect(vn, route.ifId, route.gateway === 0 ? dst.w3 : route.gateway)
}

/** What was sent to `dst` has arrived: its first hop is there (RFC 4861 §7.3.1). Costs a comparison while nobody doubts it. */
export function inetForwardProgress(vn: Vn, dst: Addr): void {
  if (vn.state.nd.unsure === 0 || addrIsV4(dst)) return
  const route = ip6OutputRoute(vn, 0, ANY6, dst)
  if (route !== null) ndConfirm(vn, route.ifId, addr6IsAny(route.gateway) ? dst : route.gateway)
}

function suspect6(vn: Vn, dst: Addr): void {
  const route = ip6OutputRoute(vn, 0, ANY6, dst)
  if (route !== null) ndSuspect(vn, route.ifId, addr6IsAny(route.gateway) ? dst : route.gateway)
}

const ANY6: Addr = Object.freeze(createAddr())
