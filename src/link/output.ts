/** Sending an IP packet on an interface: link address of the next hop, then the frame. */

import { arpResolve } from '../arp/resolve.ts'
import { ipIsBroadcast } from '../ip/addrs.ts'
import type { Vn } from '../kern/vn.ts'
import { MAC_BROADCAST, ip4IsMulticast } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import type { Frame } from '../lib/frame.ts'
import { ETHERTYPE_IP } from '../wire/ethernet.ts'
import { macFromGroup } from './multicast.ts'
import { IFT_ETHER } from './state.ts'
import type { Ifnet } from './state.ts'
import { etherOutput, txEnqueue } from './tx.ts'

/**
 * Sends the IP packet in `f` (f.off at its header) to `nextHop` on `ifp`; consumes it. 0 also when the packet waits
 * for the neighbour's address. EHOSTUNREACH: the neighbour did not answer lately. ENETDOWN, ENOBUFS.
 */
export function linkOutput(vn: Vn, ifp: Ifnet, f: Frame, nextHop: Ip4): number {
  if (ifp.type !== IFT_ETHER) return txEnqueue(vn, ifp, f)
  if (ip4IsMulticast(nextHop)) return etherOutput(vn, ifp, f, macFromGroup(nextHop), ETHERTYPE_IP)
  if (ipIsBroadcast(vn, nextHop, ifp.id)) return etherOutput(vn, ifp, f, MAC_BROADCAST, ETHERTYPE_IP)
  const mac = arpResolve(vn, ifp, nextHop, f)
  if (mac === -1) return 0
  return mac < 0 ? -mac : etherOutput(vn, ifp, f, mac, ETHERTYPE_IP)
}
