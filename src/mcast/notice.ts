/** What IPv6 tells: the addresses of an interface are others, and so are its solicited-node groups (RFC 4291 §2.7.1). */

import { AF_INET6 } from '../inet/state.ts'
import type { Vn } from '../kern/vn.ts'
import { IFT_ETHER } from '../link/state.ts'
import { mcastAlarm, mcastLink } from './link.ts'

/** An event of its own brings them up to date, so that nothing calls upward. */
export function mcastAddrNotice(vn: Vn, ifId: number): void {
  const ifp = vn.state.link.ifnets.get(ifId)
  if (ifp?.type !== IFT_ETHER || vn.state.sysctl['net.inet6.mld.solicited'] === 0) return
  const link = mcastLink(vn, ifId, AF_INET6)
  link.syncAt = vn.state.now
  mcastAlarm(vn, link)
}
