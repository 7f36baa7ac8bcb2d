/** Sending an IPv6 packet of this host: route, source, header (RFC 8200 §3, RFC 6724). */

import { RTF_BLACKHOLE, RTF_REJECT } from '../ip/state.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsLoopback, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6, addr6Hash, addr6IsAny, addr6IsMulticast, addr6NeedsZone, addr6Scope, addr6Write } from '../lib/addr6.ts'
import { EADDRNOTAVAIL, EHOSTUNREACH, EMSGSIZE, ENETDOWN, ENETUNREACH } from '../lib/errno.ts'
import { F_ANYSRC, F_DONTROUTE, F_MCAST, F_NOLOOP, F_ONEIF, F_TTLZERO, framePush, frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { IFF_LOOPBACK, IFF_MULTICAST, IFF_UP, IFT_LOOP } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { loopEnqueue } from '../link/tx.ts'
import { IPPROTO_TCP, IPPROTO_UDP } from '../wire/ipv4.ts'
import { IP6_DST, IP6_HDR_LEN, IP6_HLIM, IP6_NXT, IP6_PLEN, IP6_SRC, IP6_VTCFLOW } from '../wire/ipv6.ts'
import { ip6InGroup, ip6IsLocal, ip6LocalIf } from './addrs.ts'
import { ip6FirstHop } from './firsthop.ts'
import { ip6LinkMtu, pmtu6Get } from './pmtu.ts'
import { route6Lookup } from './route.ts'
import { ip6SourceSelect } from './source.ts'
import { IP6_MAXPAYLOAD, createRoute6, ip6Stats } from './state.ts'
import type { Ip6Stats, Route6 } from './state.ts'
import { ip6Transmit } from './transmit.ts'

/**
 * Sends the packet in `f` (f.off at the transport header; f.src, dst, proto, tos, ttl and flags filled in; ttl 0 is the
 * default). A multicast goes by the interface f.ifId, unless that is 0. Consumes the frame. ENETUNREACH: no route.
 * EHOSTUNREACH: a reject route, or a neighbour that does not answer.
 * EADDRNOTAVAIL: no source, or one that is not ours. EMSGSIZE: too long, or too big for the path and F_DF. ENETDOWN, ENOBUFS.
 */
export function ip6Output(vn: Vn, f: Frame): number {
  const { dst } = f
  const named = f.ifId !== 0 && addr6IsMulticast(dst) && vn.state.ip6.ifs.has(f.ifId)
  const route = named ? createRoute6(dst, 128, createAddr(), f.ifId, 0)
    : ip6OutputRoute(vn, f.flags, f.src, dst, (f.flags & F_ONEIF) !== 0 ? f.ifId : 0)
  if (route === null) return refuse(vn, f, 'noroute', ENETUNREACH)
  if ((route.flags & (RTF_REJECT | RTF_BLACKHOLE)) !== 0) {
    return refuse(vn, f, 'rejected', (route.flags & RTF_BLACKHOLE) !== 0 ? 0 : EHOSTUNREACH)
  }
  const ifp = vn.state.link.ifnets.get(route.ifId)
  if (ifp === undefined || (ifp.flags & IFF_UP) === 0) return refuse(vn, f, 'odropped', ENETDOWN)
  if ((f.flags & F_ANYSRC) === 0) {
    if (addr6IsAny(f.src)) ip6SourceSelect(vn, ifp.id, dst, f.src, route.gateway)
    if (!sourceAllowed(vn, ifp, f)) return refuse(vn, f, 'badsource', EADDRNOTAVAIL)
  }
  if (f.len > IP6_MAXPAYLOAD && f.gsoSize === 0) return refuse(vn, f, 'cantfrag', EMSGSIZE)
  const known = pmtu6Get(vn, dst)
  const most = ip6LinkMtu(vn, ifp)
  f.l4 = f.off
  writeHeader(vn, ifp, f)
  route.use++
  ip6Stats(vn).localout++
  if (addr6IsMulticast(dst)) {
    // the medium does not bring our own multicasts back
    const copy = ifp.type !== IFT_LOOP && (f.flags & F_NOLOOP) === 0
    if (copy && ip6InGroup(vn, ifp.id, dst)) loopEnqueue(vn, f, ifp.id, F_MCAST, false)
    if (f.ttl === 0 || addr6Scope(dst) <= 1) {
      // what has no hops, or the scope of an interface, stays in this host (RFC 4291 §2.7)
      frameRelease(vn.pool, f)
      return 0
    }
  }
  return ip6Transmit(vn, ifp, f, known !== 0 && known < most ? known : most, addr6IsAny(route.gateway) ? dst : route.gateway)
}

/**
 * The route of a packet from this host, or null. To ourselves it is the loopback's; groups go by the interface of their
 * zone or of the source, else by a route's, else by the first that can. `ifId` is the one interface to go by, 0: any.
 */
export function ip6OutputRoute(vn: Vn, flags: number, src: Addr, dst: Addr, ifId = 0): Route6 | null {
  if (addr6IsAny(dst)) return null
  if (addr6IsMulticast(dst)) return groupRoute(vn, src, dst)
  if (ip6IsLocal(vn, dst)) return route6Lookup(vn, LOOPBACK)
  // a link-local address of no link is nobody's (RFC 4007 §6)
  if (dst.zone === 0 && addr6NeedsZone(dst)) return null
  const to = ifId === 0 ? dst : { ...dst, zone: ifId }
  const route = route6Lookup(vn, to, (flags & F_DONTROUTE) !== 0)
  return route === null ? null : ip6FirstHop(vn, route, src)
}

const LOOPBACK: Addr = Object.freeze(addr6(0, 0, 0, 1))

function groupRoute(vn: Vn, src: Addr, dst: Addr): Route6 | null {
  const needs = IFF_UP | IFF_MULTICAST
  const fits = (ifp: Ifnet | undefined): boolean => ifp !== undefined && (ifp.flags & needs) === needs &&
    vn.state.ip6.ifs.has(ifp.id)
  const { ifnets } = vn.state.link
  let ifId = dst.zone
  if (ifId === 0) {
    ifId = addr6IsAny(src) ? 0 : ip6LocalIf(vn, src)
    if (!fits(ifnets.get(ifId))) ifId = route6Lookup(vn, dst)?.ifId ?? 0
    for (const ifp of ifnets.values()) if (!fits(ifnets.get(ifId)) && fits(ifp) && (ifp.flags & IFF_LOOPBACK) === 0) ifId = ifp.id
  }
  return fits(ifnets.get(ifId)) ? createRoute6(dst, 128, createAddr(), ifId, 0) : null
}

/** The source is ours; ::1 stays inside the host, and so does what is of another link's scope (RFC 4007 §9). */
function sourceAllowed(vn: Vn, ifp: Ifnet, f: Frame): boolean {
  const { src } = f
  if (ifp.type === IFT_LOOP) return ip6IsLocal(vn, src)
  if (addrIsLoopback(src) || (src.zone !== 0 && src.zone !== ifp.id)) return false
  return ip6IsLocal(vn, src)
}

function writeHeader(vn: Vn, ifp: Ifnet, f: Frame): void {
  const { view, l4 } = f
  const { sysctl, ip6 } = vn.state
  if (f.ttl === 0 && (f.flags & F_TTLZERO) === 0) {
    const advised = ip6.ifs.get(ifp.id)?.curHopLimit ?? 0
    f.ttl = addr6IsMulticast(f.dst) ? sysctl['net.inet.ip.mcast.ttl'] : advised !== 0 ? advised : sysctl['net.inet6.ip6.hlim']
  }
  const flow = sysctl['net.inet6.ip6.auto_flowlabel'] === 1 ? flowLabel(vn, f, l4) : 0
  const payload = Math.min(f.len, IP6_MAXPAYLOAD)
  const at = framePush(f, IP6_HDR_LEN)
  f.l3 = at
  view.setUint32(at + IP6_VTCFLOW, ((6 << 28) | (f.tos << 20) | flow) >>> 0)
  view.setUint16(at + IP6_PLEN, payload)
  view.setUint8(at + IP6_NXT, f.proto)
  view.setUint8(at + IP6_HLIM, f.ttl)
  addr6Write(view, at + IP6_SRC, f.src)
  addr6Write(view, at + IP6_DST, f.dst)
}

/** The same for all packets of a conversation, and not to be guessed (RFC 6437 §3). */
function flowLabel(vn: Vn, f: Frame, l4: number): number {
  const ports = f.proto === IPPROTO_TCP || f.proto === IPPROTO_UDP
  const extra = (ports ? f.view.getInt32(l4) : f.proto) ^ f.src.w3 ^ f.src.w1
  return addr6Hash(vn.state.inet.hashKey, f.dst, 128, extra) & 0xfffff
}

function refuse(vn: Vn, f: Frame, counter: keyof Ip6Stats, errno: number): number {
  countDrop(vn, ip6Stats(vn), 'ip6', counter, f)
  frameRelease(vn.pool, f)
  return errno
}
