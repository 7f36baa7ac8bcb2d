/** What is learnt of neighbours (RFC 4861 §7.2.3 – §7.2.5, §7.3.1), and what then happens to packets that wait. */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import type { Addr, Mac } from '../lib/addr.ts'
import { addr6NeedsZone, addr6Read } from '../lib/addr6.ts'
import { frameFrom } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import type { Ifnet } from '../link/state.ts'
import { etherOutput } from '../link/tx.ts'
import { ETHERTYPE_IPV6 } from '../wire/ethernet.ts'
import { IP6_DST, IP6_SRC } from '../wire/ipv6.ts'
import { ND_DELAY, ND_PERMANENT, ND_PROBE, ND_REACHABLE, ND_STALE, ndStats } from './state.ts'
import type { NdPacket, Neighbour } from './state.ts'
import { ndRouterNews } from './routers.ts'
import { ndClearQueue, ndFind, ndInsert, ndSetStatus } from './table.ts'

/** A message named its sender's Ethernet address: known, but not confirmed (§7.2.3, §6.2.6, §6.3.4). */
export function ndHeard(vn: Vn, ifp: Ifnet, a: Addr, mac: Mac): Neighbour | null {
  const entry = ndFind(vn, ifp.id, a) ?? ndInsert(vn, ifp.id, a)
  if (entry === null || entry.status === ND_PERMANENT || entry.mac === mac) return entry
  ndStale(vn, ifp, entry, mac)
  return entry
}

/** The entry has an Ethernet address that nothing has confirmed; what waited goes out, which starts the delay (§7.3.3). */
export function ndStale(vn: Vn, ifp: Ifnet, entry: Neighbour, mac: Mac): void {
  entry.mac = mac
  const waits = entry.queue.length > 0
  const { sysctl, now } = vn.state
  if (waits) ndSetStatus(vn, entry, ND_DELAY, now + sysctl['net.inet6.icmp6.nd6_delay'] * 1_000_000)
  else ndSetStatus(vn, entry, ND_STALE, now + sysctl['net.inet6.icmp6.nd6_gctimer'] * 1_000_000)
  flush(vn, ifp, entry)
}

/** The neighbour has shown that it hears us (§7.3.1). */
export function ndReachable(vn: Vn, ifp: Ifnet, entry: Neighbour, mac: Mac): void {
  entry.mac = mac
  ndSetStatus(vn, entry, ND_REACHABLE, vn.state.now + (vn.state.ip6.ifs.get(ifp.id)?.reachableUs ?? 30_000_000))
  if (entry.isRouter) ndRouterNews(vn, ifp.id, entry.addr, true)
  flush(vn, ifp, entry)
}

/** Upper layers see progress of what goes by this neighbour (§7.3.1). */
export function ndConfirm(vn: Vn, ifId: number, a: Addr): void {
  const entry = ndFind(vn, ifId, a)
  const ifp = vn.state.link.ifnets.get(ifId)
  if (entry === null || ifp === undefined || (entry.status !== ND_DELAY && entry.status !== ND_PROBE)) return
  ndReachable(vn, ifp, entry, entry.mac)
}

/** The waiting packet in a frame again (f.off = f.l3 at the IP header), or null when the pool is exhausted (counted). */
export function ndPacketFrame(vn: Vn, packet: NdPacket, zone: number): Frame | null {
  const f = frameFrom(vn.pool, packet.bytes)
  if (f === null) {
    countDrop(vn, ndStats(vn), 'nd', 'nobuf', null)
    return null
  }
  f.flags = packet.flags
  f.csum = packet.csum
  f.gsoSize = packet.gsoSize
  f.proto = packet.proto
  f.l3 = f.off
  f.l4 = f.off + packet.l4
  addr6Read(f.view, f.l3 + IP6_SRC, f.src)
  addr6Read(f.view, f.l3 + IP6_DST, f.dst)
  if (addr6NeedsZone(f.src)) f.src.zone = zone
  if (addr6NeedsZone(f.dst)) f.dst.zone = zone
  return f
}

function flush(vn: Vn, ifp: Ifnet, entry: Neighbour): void {
  if (entry.queue.length === 0) return
  const { queue } = entry
  ndClearQueue(vn, entry)
  for (const packet of queue) {
    const f = ndPacketFrame(vn, packet, ifp.id)
    if (f !== null) etherOutput(vn, ifp, f, entry.mac, ETHERTYPE_IPV6)
  }
}
