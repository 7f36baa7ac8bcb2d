/** From the next hop's IPv6 address to its Ethernet address (RFC 4861 §7.2.2, §7.3.3). */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import type { Addr, Mac } from '../lib/addr.ts'
import { ENOBUFS } from '../lib/errno.ts'
import { frameBytes, frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import type { Ifnet } from '../link/state.ts'
import { ND_DELAY, ND_INCOMPLETE, ND_REACHABLE, ND_STALE, createNdPacket, ndStats } from './state.ts'
import type { NdPacket, Neighbour } from './state.ts'
import { ndSolicit } from './send.ts'
import { ndFind, ndInsert, ndSchedule, ndSetStatus } from './table.ts'

/**
 * The Ethernet address of `nextHop`; the frame (f.off at the IP header) stays the caller's. Or -1: the packet was copied into
 * the neighbour's queue and the frame released. Or -ENOBUFS with the frame released: the table is full.
 */
export function ndResolve(vn: Vn, ifp: Ifnet, nextHop: Addr, f: Frame): Mac {
  let entry = ndFind(vn, ifp.id, nextHop)
  if (entry !== null && entry.status !== ND_INCOMPLETE) {
    // §7.3.3: the first packet to a neighbour that may have gone starts the clock
    if (entry.status === ND_STALE || (entry.status === ND_REACHABLE && entry.deadline <= vn.state.now)) {
      ndSetStatus(vn, entry, ND_DELAY, vn.state.now + vn.state.sysctl['net.inet6.icmp6.nd6_delay'] * 1_000_000)
    }
    return entry.mac
  }
  entry ??= ndInsert(vn, ifp.id, nextHop)
  if (entry === null) {
    countDrop(vn, ndStats(vn), 'nd', 'dropped', f)
    frameRelease(vn.pool, f)
    return -ENOBUFS
  }
  hold(vn, entry, f)
  if (entry.asked === 0) ndAsk(vn, ifp, entry, f.src)
  frameRelease(vn.pool, f)
  return -1
}

/** Sends a solicitation for the entry, by multicast unless its address is known, and sets the time of the next step. */
export function ndAsk(vn: Vn, ifp: Ifnet, entry: Neighbour, from: Addr | null): void {
  entry.asked++
  ndSchedule(vn, entry, vn.state.now + (vn.state.ip6.ifs.get(ifp.id)?.retransMs ?? 1000) * 1000)
  ndSolicit(vn, ifp, entry.addr, from, entry.mac)
}

/** Copies the packet to the end of the queue; the oldest gives way (§7.2.2). */
function hold(vn: Vn, entry: Neighbour, f: Frame): void {
  const { nd, sysctl } = vn.state
  const mostBytes = sysctl['net.inet6.icmp6.nd6_maxholdbytes'] - f.len
  while (entry.queue.length >= sysctl['net.inet6.icmp6.nd6_maxqueuelen'] || (entry.queue.length > 0 && nd.heldBytes > mostBytes)) {
    const oldest = entry.queue.shift() as NdPacket
    nd.heldBytes -= oldest.bytes.length
    countDrop(vn, ndStats(vn), 'nd', 'queuelimit', null)
  }
  if (nd.heldBytes > mostBytes) return countDrop(vn, ndStats(vn), 'nd', 'queuelimit', f)
  entry.queue.push(createNdPacket(frameBytes(f).slice(), f.flags, f.csum, f.gsoSize, f.l4 - f.off, f.proto))
  nd.heldBytes += f.len
}
