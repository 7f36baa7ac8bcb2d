/** Forwarding (RFC 1812 §5.2, §5.3): off unless sysctl net.inet.ip.forwarding says so (RFC 1122 §3.1). */

import { icmpError } from '../icmp/error.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { ip4IsLinkLocal, ip4IsLoopback } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import { checksumUpdate16 } from '../lib/checksum.ts'
import { EHOSTUNREACH, EMSGSIZE, ENETDOWN } from '../lib/errno.ts'
import { F_FORWARD, frameCopy } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { IFF_UP } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import {
  ICMP_REDIRECT, ICMP_REDIRECT_HOST, ICMP_TIMXCEED, ICMP_TIMXCEED_INTRANS, ICMP_UNREACH, ICMP_UNREACH_HOST,
  ICMP_UNREACH_NEEDFRAG, ICMP_UNREACH_NET,
} from '../wire/icmp.ts'
import { IP_HDR_LEN, IP_SUM, IP_TTL, ipHeaderLen } from '../wire/ipv4.ts'
import { ipIsBroadcast } from './addrs.ts'
import { ipOptionsForward, ipSourceRouteNext } from './options.ts'
import { routeLookup, routeLookupOnLink } from './route.ts'
import { RTF_BLACKHOLE, RTF_DYNAMIC, RTF_REJECT, ipStats } from './state.ts'
import type { IpStats, Route } from './state.ts'
import { ipTransmit } from './transmit.ts'

/**
 * Sends on a packet (f.off = f.l3) that is not for us, or whose source route names us as a hop. Borrows the frame; a
 * copy goes out.
 */
export function ipForward(vn: Vn, ifp: Ifnet, f: Frame): void {
  const dst = ipSourceRouteNext(vn, f)
  const no = forbidden(vn, f, dst)
  if (no !== null) return drop(vn, no, f)
  if (f.ttl <= 1) {
    drop(vn, 'ttlexceeded', f)
    return icmpError(vn, f, ICMP_TIMXCEED, ICMP_TIMXCEED_INTRANS, 0)
  }
  const route = routeLookup(vn, dst)
  const out = route === null ? undefined : vn.state.link.ifnets.get(route.ifId)
  if (route === null) return unreachable(vn, f, 'noroute', ICMP_UNREACH_NET)
  if ((route.flags & RTF_BLACKHOLE) !== 0) return drop(vn, 'rejected', f)
  if ((route.flags & RTF_REJECT) !== 0) return unreachable(vn, f, 'rejected', ICMP_UNREACH_HOST)
  if (out === undefined || (out.flags & IFF_UP) === 0) return unreachable(vn, f, 'noroute', ICMP_UNREACH_NET)
  const g = frameCopy(vn.pool, f)
  if (g === null) return drop(vn, 'nobuf', f)
  const nextHop = route.gateway === 0 ? dst : route.gateway
  prepare(vn, g, out, dst)
  route.use++
  if (out.id === ifp.id) sendRedirect(vn, ifp, f, route, nextHop)
  const errno = ipTransmit(vn, out, g, out.mtu, nextHop)
  if (errno === 0) ipStats(vn).forward++
  else report(vn, f, out, errno)
}

/** The counter of the reason why a packet must not be forwarded to `dst`, or null. */
function forbidden(vn: Vn, f: Frame, dst: Ip4): keyof IpStats | null {
  if (vn.state.sysctl['net.inet.ip.forwarding'] === 0) return 'cantforward'
  // RFC 2644: directed broadcasts would let strangers address all hosts of a link at once
  if (ipIsBroadcast(vn, dst, 0)) return 'noforwardbcast'
  if ((dst >>> 28) >= 0xe || (dst >>> 24) === 0 || ip4IsLoopback(dst) || f.src.w3 === 0) return 'cantforward'
  // RFC 3927 §2.7
  return ip4IsLinkLocal(dst) || ip4IsLinkLocal(f.src.w3) ? 'cantforward' : null
}

/** The hop's own marks on the copy: time to live and options (RFC 1812 §5.3.1, §5.3.13). */
function prepare(vn: Vn, g: Frame, out: Ifnet, dst: Ip4): void {
  const { view, l3 } = g
  g.flags |= F_FORWARD
  g.ttl--
  // RFC 1624: the sum follows the change, so that damage in transit is not covered up
  const was = view.getUint16(l3 + IP_TTL)
  view.setUint8(l3 + IP_TTL, g.ttl)
  view.setUint16(l3 + IP_SUM, checksumUpdate16(view.getUint16(l3 + IP_SUM), was, view.getUint16(l3 + IP_TTL)))
  const process = vn.state.sysctl['net.inet.ip.process_options'] === 1
  if (process && ipHeaderLen(view, l3) > IP_HDR_LEN) ipOptionsForward(vn, g, out, dst)
}

/** RFC 1812 §5.2.7.2: the sender is a neighbour of the next hop, and did not choose the way itself. */
function sendRedirect(vn: Vn, ifp: Ifnet, f: Frame, route: Route, nextHop: Ip4): void {
  if (vn.state.sysctl['net.inet.ip.redirect'] === 0 || (route.flags & RTF_DYNAMIC) !== 0) return
  if (ipHeaderLen(f.view, f.l3) > IP_HDR_LEN && ipSourceRouteNext(vn, f) !== f.dst.w3) return
  const back = routeLookupOnLink(vn, f.src.w3)
  if (back === null || back.ifId !== ifp.id) return
  ipStats(vn).redirectsent++
  icmpError(vn, f, ICMP_REDIRECT, ICMP_REDIRECT_HOST, nextHop)
}

/** What the sender learns when the packet could not go out; the drop has been counted where it happened. */
function report(vn: Vn, f: Frame, out: Ifnet, errno: number): void {
  if (errno === EMSGSIZE) icmpError(vn, f, ICMP_UNREACH, ICMP_UNREACH_NEEDFRAG, out.mtu)
  else if (errno === EHOSTUNREACH) icmpError(vn, f, ICMP_UNREACH, ICMP_UNREACH_HOST, 0)
  else if (errno === ENETDOWN) icmpError(vn, f, ICMP_UNREACH, ICMP_UNREACH_NET, 0)
  // ENOBUFS: a packet lost to congestion is not reported (RFC 1812 §4.3.3.3)
}

function unreachable(vn: Vn, f: Frame, counter: keyof IpStats, code: number): void {
  drop(vn, counter, f)
  icmpError(vn, f, ICMP_UNREACH, code, 0)
}

function drop(vn: Vn, counter: keyof IpStats, f: Frame): void {
  countDrop(vn, ipStats(vn), 'ip', counter, f)
}
