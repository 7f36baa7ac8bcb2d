/** Sending an IPv6 packet on an interface: link address of the next hop, then the frame (RFC 2464). */

import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6IsMulticast, macFromGroup6 } from '../lib/addr6.ts'
import type { Frame } from '../lib/frame.ts'
import { ndResolve } from '../nd/resolve.ts'
import { ETHERTYPE_IPV6 } from '../wire/ethernet.ts'
import { IFT_ETHER } from './state.ts'
import type { Ifnet } from './state.ts'
import { etherOutput, txEnqueue } from './tx.ts'

/**
 * Sends the packet in `f` (f.off at its header) to `nextHop` on `ifp`; consumes it. 0 also when the packet waits for the
 * neighbour's address. ENETDOWN, ENOBUFS.
 */
export function linkOutput6(vn: Vn, ifp: Ifnet, f: Frame, nextHop: Addr): number {
  if (ifp.type !== IFT_ETHER) return txEnqueue(vn, ifp, f)
  if (addr6IsMulticast(nextHop)) return etherOutput(vn, ifp, f, macFromGroup6(nextHop), ETHERTYPE_IPV6)
  const mac = ndResolve(vn, ifp, nextHop, f)
  if (mac === -1) return 0
  return mac < 0 ? -mac : etherOutput(vn, ifp, f, mac, ETHERTYPE_IPV6)
}
