/** Datagrams from the network to sockets (RFC 768; RFC 1122 §4.1.3; RFC 8085 §5). */

import { dhcpInput } from '../dhcp/input.ts'
import { dhcp6Input } from '../dhcp6/input.ts'
import { inetPseudo } from '../inet/checksum.ts'
import { inetPortUnreachable } from '../inet/error.ts'
import { inetReturnRoute } from '../inet/ipopt.ts'
import { inpLookup, inpLookupListen, inpTakesFamily, sameHost } from '../inet/inptable.ts'
import { inetIsBroadcast } from '../inet/source.ts'
import { EV_READ, countDrop, eventPost } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrEq, addrIsMulticast, addrIsUnspecified, addrIsV4 } from '../lib/addr.ts'
import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { CSUM_NONE, F_BCAST, F_IPOPTS, F_MCAST } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { mcastAllows } from '../mcast/filter.ts'
import { DHCP_CLIENT_PORT } from '../wire/dhcp.ts'
import { DHCP6_CLIENT_PORT } from '../wire/dhcp6.ts'
import { IP_HDR_LEN, ipHeaderLen } from '../wire/ipv4.ts'
import { UDP_DPORT, UDP_HDR_LEN, UDP_LEN, UDP_SPORT, UDP_SUM } from '../wire/udp.ts'
import { UDP_CHARGE, createUdpDatagram, udpStats } from './state.ts'
import type { UdpPcb } from './state.ts'

/** A datagram for this host (f.l4 at its header). Borrows the frame. */
export function udpInput(vn: Vn, f: Frame): void {
  const stats = udpStats(vn)
  stats.ipackets++
  const room = f.off + f.len - f.l4
  if (room < UDP_HDR_LEN) return countDrop(vn, stats, 'udp', 'hdrops', f)
  // IP may carry more than the datagram says; what follows it is padding (RFC 768 "Length")
  const len = f.view.getUint16(f.l4 + UDP_LEN)
  if (len < UDP_HDR_LEN || len > room) return countDrop(vn, stats, 'udp', 'badlen', f)
  if (!checksumOk(vn, f, len)) return countDrop(vn, stats, 'udp', 'badsum', f)
  const n = len - UDP_HDR_LEN
  const sport = f.view.getUint16(f.l4 + UDP_SPORT)
  const dport = f.view.getUint16(f.l4 + UDP_DPORT)
  if (dport === DHCP_CLIENT_PORT && vn.state.dhcp.clients.size > 0 && dhcpInput(vn, f, n)) return
  if (dport === DHCP6_CLIENT_PORT && vn.state.dhcp6.clients.size > 0 && !addrIsV4(f.dst) && dhcp6Input(vn, f, n)) return
  if ((f.flags & (F_BCAST | F_MCAST)) !== 0 || addrIsMulticast(f.dst) || inetIsBroadcast(vn, f.dst)) {
    return groupInput(vn, f, sport, dport, n)
  }
  const { table, pcbs } = vn.state.udp
  const pcb = inpLookup(vn, table, pcbs, f.dst, dport, f.src, sport) ?? inpLookupListen(vn, table, pcbs, f.dst, dport)
  if (pcb !== null) return deliver(vn, pcb, f, sport, n)
  countDrop(vn, stats, 'udp', 'noport', f)
  // RFC 1122 §4.1.3.1
  if (vn.state.sysctl['net.inet.udp.blackhole'] === 0) inetPortUnreachable(vn, f)
}

/**
 * Broadcasts go to every socket that fits, multicasts to those that have joined, too (RFC 1112 §7.1, RFC 3376 §3.1);
 * nobody is told when there is none (RFC 1122 §3.2.2).
 */
function groupInput(vn: Vn, f: Frame, sport: number, dport: number, n: number): void {
  const { table, pcbs } = vn.state.udp
  const stats = udpStats(vn)
  const group = addrIsMulticast(f.dst)
  let delivered = false
  for (const id of table.ports.get(dport) ?? []) {
    const pcb = pcbs.get(id) as UdpPcb
    const { inp } = pcb
    if (!inpTakesFamily(inp, f.dst)) continue
    // a socket connected from one of our own addresses hears its peer's broadcasts as well
    const connected = inp.fport !== 0
    if (connected && (inp.fport !== sport || !sameHost(inp.faddr, f.src))) continue
    if (!connected && !addrIsUnspecified(inp.laddr) && !addrEq(inp.laddr, f.dst)) continue
    if (connected && !pcb.autoAddr && !addrEq(inp.laddr, f.dst)) continue
    if (group && !mcastAllows(vn, id, f.ifId, f.dst, f.src)) continue
    deliver(vn, pcb, f, sport, n)
    delivered = true
  }
  if (delivered) return
  countDrop(vn, stats, 'udp', group ? 'noportmcast' : 'noportbcast', f)
}

/** Copies `n` bytes of data into the socket's queue, or drops them when it is full. */
function deliver(vn: Vn, pcb: UdpPcb, f: Frame, sport: number, n: number): void {
  const stats = udpStats(vn)
  if (pcb.rcvShut) return countDrop(vn, stats, 'udp', 'rcvshut', f)
  const charge = n + UDP_CHARGE
  // an empty queue takes any datagram, however small SO_RCVBUF is
  if (pcb.queued > 0 && pcb.queued + charge > pcb.rcvLimit) return countDrop(vn, stats, 'udp', 'fullsock', f)
  const at = f.l4 + UDP_HDR_LEN
  const bytes = f.slab.slice(at, at + n)
  // RFC 1122 §4.1.3.2
  const options = (f.flags & F_IPOPTS) === 0 ? [] : [...f.slab.subarray(f.l3 + IP_HDR_LEN, f.l3 + ipHeaderLen(f.view, f.l3))]
  pcb.queue.push(createUdpDatagram(
    bytes, { ...f.src }, sport, { ...f.dst }, f.ifId, f.tos, f.ttl, options, inetReturnRoute(vn, f)))
  pcb.queued += charge
  eventPost(vn, pcb.inp.id, EV_READ)
}

/**
 * Over the `len` bytes that the datagram claims; zero means that the sender computed none (RFC 768; not so in IPv6).
 */
function checksumOk(vn: Vn, f: Frame, len: number): boolean {
  if (f.csum !== CSUM_NONE) return true
  if (f.view.getUint16(f.l4 + UDP_SUM) === 0) {
    udpStats(vn).nosum++
    return addrIsV4(f.dst)
  }
  return checksumFold(checksumAdd(inetPseudo(f, len), f.view, f.l4, len)) === 0
}
