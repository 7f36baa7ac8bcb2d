/** A neighbour's Ethernet address became known: the entry is good, what waited goes out. */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import type { Mac } from '../lib/addr.ts'
import { frameFrom } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import type { Ifnet } from '../link/state.ts'
import { etherOutput } from '../link/tx.ts'
import { ETHERTYPE_IP } from '../wire/ethernet.ts'
import { ARP_REACHABLE, arpStats } from './state.ts'
import type { ArpEntry, ArpPacket } from './state.ts'
import { arpClearQueue, arpSchedule } from './table.ts'

/** Sets the entry's Ethernet address, starts its lifetime anew and sends the packets that waited, in order. */
export function arpLearn(vn: Vn, ifp: Ifnet, entry: ArpEntry, mac: Mac): void {
  entry.mac = mac
  entry.status = ARP_REACHABLE
  entry.asked = 0
  entry.used = entry.queue.length > 0
  const { 'net.link.ether.inet.max_age': maxAge, 'net.link.ether.inet.maxtries': tries } = vn.state.sysctl
  // the last seconds of its life are for asking whether it is still there
  arpSchedule(vn, entry, vn.state.now + Math.max(1, maxAge - tries) * 1_000_000)
  arpFlushQueue(vn, ifp, entry)
}

/** Sends what waits for an entry whose address is known. */
export function arpFlushQueue(vn: Vn, ifp: Ifnet, entry: ArpEntry): void {
  const queue = entry.queue
  arpClearQueue(vn, entry)
  for (const packet of queue) {
    const f = arpPacketFrame(vn, packet)
    if (f !== null) etherOutput(vn, ifp, f, entry.mac, ETHERTYPE_IP)
  }
}

/**
 * The waiting packet in a frame again (f.off = f.l3 at the IP header), or null when the pool is exhausted, which is
 * counted.
 */
export function arpPacketFrame(vn: Vn, packet: ArpPacket): Frame | null {
  const f = frameFrom(vn.pool, packet.bytes)
  if (f === null) {
    countDrop(vn, arpStats(vn), 'arp', 'nobuf', null)
    return null
  }
  f.flags = packet.flags
  f.csum = packet.csum
  f.gsoSize = packet.gsoSize
  f.l3 = f.off
  f.l4 = f.off + packet.l4
  return f
}
