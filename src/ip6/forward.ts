/** IPv6 packets that are not for us (RFC 8200 §3, RFC 4443 §3): forwarded where sysctl net.inet6.ip6.forwarding says so. */

import { icmp6Error } from '../icmp6/error.ts'
import { RTF_BLACKHOLE, RTF_REJECT } from '../ip/state.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addr6IsAny, addr6IsLinkLocal, addr6IsMulticast } from '../lib/addr6.ts'
import { EHOSTUNREACH, EMSGSIZE } from '../lib/errno.ts'
import { F_FORWARD, frameCopy } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import type { Ifnet } from '../link/state.ts'
import {
  ICMP6_DST_UNREACH, ICMP6_PACKET_TOO_BIG, ICMP6_TIME_EXCEEDED, ICMP6_UNREACH_ADDR, ICMP6_UNREACH_NOROUTE,
  ICMP6_UNREACH_SCOPE,
} from '../wire/icmpv6.ts'
import { IP6_HLIM } from '../wire/ipv6.ts'
import { ndRedirectSend } from '../nd/redirect-send.ts'
import { ip6LinkMtu } from './pmtu.ts'
import { route6Lookup } from './route.ts'
import { ip6Stats } from './state.ts'
import type { Ip6Stats } from './state.ts'
import { ip6Transmit } from './transmit.ts'

/** Sends on a packet (f.off = f.l3, addresses set) that is not for us. Borrows the frame; a copy goes out. */
export function ip6Forward(vn: Vn, ifp: Ifnet, f: Frame): void {
  const { dst, src } = f
  if (vn.state.sysctl['net.inet6.ip6.forwarding'] === 0 || addr6IsAny(src) || addr6IsLinkLocal(dst) || addr6IsMulticast(dst)) {
    return drop(vn, 'cantforward', f)
  }
  if (f.ttl <= 1) {
    drop(vn, 'ttlexceeded', f)
    return icmp6Error(vn, f, ICMP6_TIME_EXCEEDED, 0, 0)
  }
  const route = route6Lookup(vn, dst)
  const out = vn.state.link.ifnets.get(route?.ifId ?? 0)
  if (route !== null && (route.flags & RTF_BLACKHOLE) !== 0) return drop(vn, 'rejected', f)
  if (route === null || out === undefined || (route.flags & RTF_REJECT) !== 0) {
    drop(vn, 'noroute', f)
    return icmp6Error(vn, f, ICMP6_DST_UNREACH, ICMP6_UNREACH_NOROUTE, 0)
  }
  // RFC 4007 §9: a packet does not leave the zone of its source
  if (src.zone !== 0 && out.id !== src.zone) {
    drop(vn, 'cantforward', f)
    return icmp6Error(vn, f, ICMP6_DST_UNREACH, ICMP6_UNREACH_SCOPE, 0)
  }
  const g = frameCopy(vn.pool, f)
  if (g === null) return drop(vn, 'nobuf', f)
  g.flags |= F_FORWARD
  g.ttl--
  g.view.setUint8(g.l3 + IP6_HLIM, g.ttl)
  route.use++
  const mtu = ip6LinkMtu(vn, out)
  const nextHop = addr6IsAny(route.gateway) ? dst : route.gateway
  if (out === ifp) ndRedirectSend(vn, ifp, f, nextHop)
  const errno = ip6Transmit(vn, out, g, mtu, nextHop)
  if (errno === 0) ip6Stats(vn).forward++
  else if (errno === EMSGSIZE) icmp6Error(vn, f, ICMP6_PACKET_TOO_BIG, 0, mtu)
  else if (errno === EHOSTUNREACH) icmp6Error(vn, f, ICMP6_DST_UNREACH, ICMP6_UNREACH_ADDR, 0)
}

function drop(vn: Vn, counter: keyof Ip6Stats, f: Frame): void {
  countDrop(vn, ip6Stats(vn), 'ip6', counter, f)
}
