/** Which router has advertised the prefix that an address is in (RFC 8028 §3.1). */

import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { prefixEq, sameWords } from '../lib/addr6.ts'
import type { NdHost } from './state-auto.ts'

/** The routers that have advertised the prefix of `a` on an interface; none where nobody has. Borrowed. */
export function ndRoutersOf(vn: Vn, ifId: number, a: Addr): readonly Addr[] {
  const host: NdHost | undefined = vn.state.nd.hosts.get(ifId)
  if (host === undefined) return NONE
  for (const p of host.prefixes) if (prefixEq(p.prefix, a, p.prefixLen)) return p.routers
  return NONE
}

/** True when `router` is among them. */
export function ndAdvertisedBy(vn: Vn, ifId: number, a: Addr, router: Addr): boolean {
  return ndRoutersOf(vn, ifId, a).some((r) => sameWords(r, router))
}

const NONE: readonly Addr[] = Object.freeze([])
