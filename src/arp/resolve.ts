/** From the next hop's IPv4 address to its Ethernet address (RFC 826, RFC 1122 §2.3.2). */

import { ipSourceOn } from '../ip/addrs.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { MAC_BROADCAST } from '../lib/addr.ts'
import type { Ip4, Mac } from '../lib/addr.ts'
import { EHOSTUNREACH, ENOBUFS } from '../lib/errno.ts'
import { frameBytes, frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import type { Ifnet } from '../link/state.ts'
import { arpSendRequest } from './send.ts'
import { ARP_FAILED, createArpPacket, arpStats } from './state.ts'
import type { ArpEntry, ArpPacket } from './state.ts'
import { arpFind, arpInsert, arpSchedule } from './table.ts'

/** One request a second for one address (RFC 1122 §2.3.2.1). */
export const ARP_REQUEST_INTERVAL = 1_000_000

/**
 * The Ethernet address of `nextHop`; the frame (f.off at the IP header) stays the caller's. Or -1: the packet was
 * copied into the neighbour's queue and the frame released. Or a negative errno with the frame released:
 * -EHOSTUNREACH for a neighbour that lately did not answer, -ENOBUFS when the table is full.
 */
export function arpResolve(vn: Vn, ifp: Ifnet, nextHop: Ip4, f: Frame): Mac {
  let entry = arpFind(vn, ifp.id, nextHop)
  if (entry !== null && entry.mac !== 0) {
    entry.used = true
    return entry.mac
  }
  if (entry === null) {
    entry = arpInsert(vn, ifp.id, nextHop)
    if (entry === null) {
      countDrop(vn, arpStats(vn), 'arp', 'dropped', f)
      frameRelease(vn.pool, f)
      return -ENOBUFS
    }
  } else if (entry.status === ARP_FAILED) {
    countDrop(vn, arpStats(vn), 'arp', 'dropped', f)
    frameRelease(vn.pool, f)
    return -EHOSTUNREACH
  }
  hold(vn, entry, f)
  frameRelease(vn.pool, f)
  if (entry.asked === 0) arpAsk(vn, ifp, entry, MAC_BROADCAST)
  return -1
}

/** Sends a request for the entry and sets the time of the next step. */
export function arpAsk(vn: Vn, ifp: Ifnet, entry: ArpEntry, to: Mac): void {
  entry.asked++
  entry.askedAt = vn.state.now
  arpSchedule(vn, entry, vn.state.now + ARP_REQUEST_INTERVAL)
  const source = ipSourceOn(ifp, entry.ip)
  // without an address of our own on this link there is nothing to ask with: the entry fails in its time
  if (source !== 0) arpSendRequest(vn, ifp, source, entry.ip, to)
}

/** Copies the packet to the end of the queue; the oldest gives way, the latest is kept (RFC 1122 §2.3.2.2). */
function hold(vn: Vn, entry: ArpEntry, f: Frame): void {
  const arp = vn.state.arp
  const most = vn.state.sysctl['net.link.ether.inet.maxhold']
  const mostBytes = vn.state.sysctl['net.link.ether.inet.maxholdbytes'] - f.len
  while (entry.queue.length >= most || (entry.queue.length > 0 && arp.heldBytes > mostBytes)) {
    const oldest = entry.queue.shift() as ArpPacket
    arp.heldBytes -= oldest.bytes.length
    countDrop(vn, arpStats(vn), 'arp', 'queuelimit', null)
  }
  if (arp.heldBytes > mostBytes) {
    countDrop(vn, arpStats(vn), 'arp', 'queuelimit', f)
    return
  }
  entry.queue.push(createArpPacket(frameBytes(f).slice(), f.flags, f.csum, f.gsoSize, f.l4 - f.off))
  arp.heldBytes += f.len
}
