/**
 * Packets to raw sockets: each matching socket gets the whole IPv4 packet, header included (raw_ip.c's role), or what
 * follows the headers of an IPv6 packet (RFC 3542 §3).
 */

import { inetChecksumOk } from '../inet/checksum.ts'
import { sameHost } from '../inet/inptable.ts'
import { AF_INET } from '../inet/state.ts'
import { EV_READ, countDrop, eventPost } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsMulticast, addrIsUnspecified, addrIsV4 } from '../lib/addr.ts'
import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { CSUM_NONE } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { ICMP_ECHO, ICMP_HDR_LEN, ICMP_MASKREQ, ICMP_TSTAMP, ICMP_TYPE } from '../wire/icmp.ts'
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from '../wire/ipv4.ts'
import { mcastAllowsRaw } from '../mcast/filter.ts'
import { RAW_CHARGE, createRawPacket, rawStats } from './state.ts'
import type { RawPcb } from './state.ts'

/**
 * Copies a packet for this host (f.l3 … off+len) to the raw sockets of its protocol; true when there was one. Of ICMP
 * they do not get what the stack answers itself (of IPv4: RFC 3542 §3.2 keeps nothing back), nor what is damaged. Borrows
 * the frame and does not change it.
 */
export function rawInput(vn: Vn, f: Frame): boolean {
  const { pcbs } = vn.state.raw
  if (pcbs.size === 0 || (f.proto === IPPROTO_ICMP && !icmpPasses(f))) return false
  if (f.proto === IPPROTO_ICMPV6 && !inetChecksumOk(vn, f)) return false
  let taken = false
  for (const pcb of pcbs.values()) {
    if (!takes(pcb, f)) continue
    if (addrIsMulticast(f.dst) && !mcastAllowsRaw(vn, pcb.inp.id, f.ifId, f.dst, f.src)) continue
    taken = true
    deliver(vn, pcb, f)
  }
  return taken
}

function takes(pcb: RawPcb, f: Frame): boolean {
  const { laddr, faddr } = pcb.inp
  return (pcb.proto === f.proto || pcb.proto === 0) && (pcb.inp.family === AF_INET) === addrIsV4(f.dst) &&
    (addrIsUnspecified(laddr) || sameHost(laddr, f.dst)) && (addrIsUnspecified(faddr) || sameHost(faddr, f.src))
}

function deliver(vn: Vn, pcb: RawPcb, f: Frame): void {
  const stats = rawStats(vn)
  const end = f.off + f.len
  const start = addrIsV4(f.dst) ? f.l3 : f.l4
  const charge = end - start + RAW_CHARGE
  // an empty queue takes any packet, however small SO_RCVBUF is
  if (pcb.queued > 0 && pcb.queued + charge > pcb.rcvLimit) return countDrop(vn, stats, 'raw', 'fullsock', f)
  pcb.queue.push(createRawPacket(f.slab.slice(start, end), { ...f.src }, f.ifId))
  pcb.queued += charge
  stats.ipackets++
  eventPost(vn, pcb.inp.id, EV_READ)
}

/** ICMP input counts the damaged ones; here they are only passed over. */
function icmpPasses(f: Frame): boolean {
  const len = f.off + f.len - f.l4
  if (len < ICMP_HDR_LEN) return false
  const type = f.view.getUint8(f.l4 + ICMP_TYPE)
  if (type === ICMP_ECHO || type === ICMP_TSTAMP || type === ICMP_MASKREQ) return false
  return f.csum !== CSUM_NONE || checksumFold(checksumAdd(0, f.view, f.l4, len)) === 0
}
