/** Which of several routers takes a packet: one that has advertised the prefix of its source (RFC 8028 §3.2, RFC 8504 §5.10). */

import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6IsAny, sameWords } from '../lib/addr6.ts'
import { RTF_GATEWAY, RTF_PROTO1 } from '../ip/state.ts'
import { ndRoutersOf } from '../nd/advertised.ts'
import { ND_METRIC_UNREACHABLE } from '../nd/state-auto.ts'
import { route6Choose } from './route.ts'
import type { Route6 } from './state.ts'

/**
 * `route`, or another to the same prefix, by a router that knows the source: the other's provider may drop what it has not
 * given out (RFC 8028 §1). Only routes that were advertised give way, and only to a router that answers.
 */
export function ip6FirstHop(vn: Vn, route: Route6, src: Addr): Route6 {
  const advertised = RTF_PROTO1 | RTF_GATEWAY
  if ((route.flags & advertised) !== advertised || addr6IsAny(src)) return route
  const routers = ndRoutersOf(vn, route.ifId, src)
  const knows = (r: Route6): boolean => routers.some((router) => sameWords(router, r.gateway))
  if (routers.length === 0 || knows(route)) return route
  const other = route6Choose(vn, route.dst, route.prefixLen, (r) =>
    r.ifId === route.ifId && (r.flags & advertised) === advertised && r.metric < ND_METRIC_UNREACHABLE && knows(r))
  return other ?? route
}
