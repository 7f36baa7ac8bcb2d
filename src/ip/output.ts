/** Sending a datagram of this host: route, source, header (RFC 791 §3.2, RFC 1122 §3.3.1, §3.3.4). */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { IP4_BROADCAST, IP4_LOOPBACK, ip4IsLoopback, ip4IsMulticast } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import { EACCES, EADDRNOTAVAIL, EHOSTUNREACH, EMSGSIZE, ENETDOWN, ENETUNREACH } from '../lib/errno.ts'
import {
  F_ANYSRC, F_BCAST, F_BROADCAST_OK, F_DF, F_DONTROUTE, F_MCAST, F_NOLOOP, F_ONEIF, F_TTLZERO, framePush, frameRelease,
} from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { ifInGroup } from '../link/multicast.ts'
import { IFF_BROADCAST, IFF_LOOPBACK, IFF_MULTICAST, IFF_UP, IFT_LOOP } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { loopEnqueue } from '../link/tx.ts'
import {
  IP_DF, IP_DST, IP_HDR_LEN, IP_ID, IP_LEN, IP_MAXPACKET, IP_OFF, IP_P, IP_SRC, IP_TOS, IP_TTL, IP_VHL,
} from '../wire/ipv4.ts'
import { ipIsBroadcast, ipIsLocal, ipSourceOn } from './addrs.ts'
import { ipIdent } from './ident.ts'
import { pmtuGet } from './pmtu.ts'
import { routeLookup, routeLookupOnLink } from './route.ts'
import { RTF_BLACKHOLE, RTF_REJECT, createRoute, ipStats } from './state.ts'
import type { IpStats, Route } from './state.ts'
import { ipHeaderSum, ipTransmit } from './transmit.ts'

/**
 * Sends the packet in `f` (f.off at the transport header; f.src, dst, proto, tos, ttl and flags filled in; ttl 0 is
 * the default). What is for a group or 255.255.255.255 goes by the interface f.ifId, unless that is 0. The last `optLen`
 * bytes of IP header, the options, may already stand before the transport header at f.off. Consumes the frame.
 * ENETUNREACH: no route. EHOSTUNREACH: a reject route, or a neighbour that does not
 * answer. EADDRNOTAVAIL: the source is not ours. EACCES: broadcast without F_BROADCAST_OK. EMSGSIZE: too long, or DF
 * and too big for the path. ENETDOWN, ENOBUFS.
 */
export function ipOutput(vn: Vn, f: Frame, optLen = 0): number {
  const dst = f.dst.w3
  const named = f.ifId !== 0 && (ip4IsMulticast(dst) || dst === IP4_BROADCAST)
  const route = named ? createRoute(dst, 32, 0, f.ifId, 0) : ipOutputRoute(vn, f.flags, f.src.w3, dst)
  if (route === null || strays(vn, route.ifId, f)) return refuse(vn, f, 'noroute', ENETUNREACH)
  if ((route.flags & (RTF_REJECT | RTF_BLACKHOLE)) !== 0) {
    return refuse(vn, f, 'rejected', (route.flags & RTF_BLACKHOLE) !== 0 ? 0 : EHOSTUNREACH)
  }
  const ifp = vn.state.link.ifnets.get(route.ifId)
  if (ifp === undefined || (ifp.flags & IFF_UP) === 0) return refuse(vn, f, 'odropped', ENETDOWN)
  const nextHop = route.gateway === 0 ? dst : route.gateway
  if (f.src.w3 === 0 && (f.flags & F_ANYSRC) === 0) f.src.w3 = ifp.type === IFT_LOOP ? dst : ipSourceOn(ifp, nextHop)
  if (!sourceAllowed(vn, ifp, f)) return refuse(vn, f, 'badsource', EADDRNOTAVAIL)
  const broadcast = ipIsBroadcast(vn, dst, ifp.id)
  if (broadcast && (f.flags & F_BROADCAST_OK) === 0) return refuse(vn, f, 'bcastdenied', EACCES)
  const total = f.len + IP_HDR_LEN
  if (total > IP_MAXPACKET) return refuse(vn, f, 'cantfrag', EMSGSIZE)

  const known = pmtuGet(vn, dst)
  const mtu = known !== 0 && known < ifp.mtu ? known : ifp.mtu
  f.l4 = f.off + optLen
  writeHeader(vn, f, optLen, total, mtu)
  route.use++
  ipStats(vn).localout++
  if (broadcast || ip4IsMulticast(dst)) {
    if ((f.flags & F_NOLOOP) === 0) loopCopy(vn, ifp, f, broadcast)
    if (f.ttl === 0) {
      // a multicast of time to live 0 stays in this host (RFC 1112 §6.1)
      frameRelease(vn.pool, f)
      return 0
    }
  }
  return ipTransmit(vn, ifp, f, mtu, nextHop)
}

/**
 * The route of a packet from this host, or null. To ourselves it is the loopback's; without a route, limited
 * broadcasts and multicasts go by the interface of their source, else by the default route's, else by the first that
 * can.
 */
export function ipOutputRoute(vn: Vn, flags: number, src: Ip4, dst: Ip4): Route | null {
  if (dst === 0) return null
  if (ipIsLocal(vn, dst)) return routeLookup(vn, IP4_LOOPBACK)
  if (dst === IP4_BROADCAST || ip4IsMulticast(dst)) return groupRoute(vn, src, dst)
  return (flags & F_DONTROUTE) !== 0 ? routeLookupOnLink(vn, dst) : routeLookup(vn, dst)
}

function groupRoute(vn: Vn, src: Ip4, dst: Ip4): Route | null {
  const needs = IFF_UP | (dst === IP4_BROADCAST ? IFF_BROADCAST : IFF_MULTICAST)
  const fits = (ifp: Ifnet | undefined): boolean =>
    ifp !== undefined && (ifp.flags & needs) === needs && (ifp.flags & IFF_LOOPBACK) === 0
  const ifnets = vn.state.link.ifnets
  let ifId = vn.state.ip.local.get(src) ?? 0
  if (!fits(ifnets.get(ifId))) ifId = routeLookup(vn, dst)?.ifId ?? 0
  if (!fits(ifnets.get(ifId))) {
    ifId = 0
    for (const ifp of ifnets.values()) if (ifId === 0 && fits(ifp)) ifId = ifp.id
  }
  return ifId === 0 ? null : createRoute(dst, 32, 0, ifId, 0)
}

/** The packet is to go by one interface, and the route is by another; to ourselves it goes by the loopback all the same. */
function strays(vn: Vn, ifId: number, f: Frame): boolean {
  return (f.flags & F_ONEIF) !== 0 && ifId !== f.ifId && !ipIsLocal(vn, f.dst.w3)
}

/** The source is ours (RFC 1122 §3.2.1.3), and 127/8 stays inside the host. */
function sourceAllowed(vn: Vn, ifp: Ifnet, f: Frame): boolean {
  const src = f.src.w3
  if (ifp.type !== IFT_LOOP && (ip4IsLoopback(src) || ip4IsLoopback(f.dst.w3))) return false
  return (f.flags & F_ANYSRC) !== 0 || (src !== 0 && ipIsLocal(vn, src))
}

function writeHeader(vn: Vn, f: Frame, optLen: number, total: number, mtu: number): void {
  const { view, flags } = f
  const at = framePush(f, IP_HDR_LEN)
  const df = (flags & F_DF) !== 0
  const sysctl = vn.state.sysctl
  if (f.ttl === 0 && (flags & F_TTLZERO) === 0) {
    f.ttl = ip4IsMulticast(f.dst.w3) ? sysctl['net.inet.ip.mcast.ttl'] : sysctl['net.inet.ip.ttl']
  }
  f.l3 = at
  view.setUint8(at + IP_VHL, 0x45 + (optLen >> 2))
  view.setUint8(at + IP_TOS, f.tos)
  view.setUint16(at + IP_LEN, total)
  // what cannot be fragmented needs no identification (RFC 6864 §4.1)
  view.setUint16(at + IP_ID, df && (total <= mtu || f.gsoSize !== 0) ? 0 : ipIdent(vn, f.src.w3, f.dst.w3, f.proto))
  view.setUint16(at + IP_OFF, df ? IP_DF : 0)
  view.setUint8(at + IP_TTL, f.ttl)
  view.setUint8(at + IP_P, f.proto)
  view.setInt32(at + IP_SRC, f.src.w3)
  view.setInt32(at + IP_DST, f.dst.w3)
  ipHeaderSum(view, at)
}

/**
 * The medium does not bring our own broadcasts back, so we get our copy here (RFC 1112 §6.1, and as BSD for
 * broadcasts).
 */
function loopCopy(vn: Vn, ifp: Ifnet, f: Frame, broadcast: boolean): void {
  if (!broadcast && !ifInGroup(ifp, f.dst.w3)) return
  loopEnqueue(vn, f, ifp.id, broadcast ? F_BCAST : F_MCAST, false)
}

function refuse(vn: Vn, f: Frame, counter: keyof IpStats, errno: number): number {
  countDrop(vn, ipStats(vn), 'ip', counter, f)
  frameRelease(vn.pool, f)
  return errno
}
