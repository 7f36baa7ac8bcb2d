/** IPv6 packets from the link (RFC 8200 §3, RFC 4291): checked, then for us, for a group, to be forwarded, or dropped. */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsLoopback, addrIsV4 } from '../lib/addr.ts'
import { addr6IsAny, addr6IsMulticast, addr6NeedsZone, addr6Read, addr6Scope } from '../lib/addr6.ts'
import { F_BCAST, F_MCAST } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { IFT_LOOP } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { IP6_DST, IP6_HDR_LEN, IP6_HLIM, IP6_PLEN, IP6_SRC, IP6_VTCFLOW } from '../wire/ipv6.ts'
import { ip6InGroup, ip6IsLocal } from './addrs.ts'
import { ip6Forward } from './forward.ts'
import { ip6HeadersInput } from './headers.ts'
import { ip6Stats } from './state.ts'
import type { Ip6Stats } from './state.ts'

/**
 * Takes a packet (f.off at the IPv6 header) that came in by `ifp`; its link-local addresses are of `zone`. Borrows the frame
 * and does not change its bytes.
 */
export function ip6Input(vn: Vn, ifp: Ifnet, f: Frame, zone = ifp.id): void {
  const stats = ip6Stats(vn)
  stats.total++
  const fault = checkHeader(f) ?? readAddresses(vn, ifp, f, zone)
  if (fault !== null) return countDrop(vn, stats, 'ip6', fault, f)
  const { view, l3, dst } = f
  f.tos = (view.getUint16(l3 + IP6_VTCFLOW) >>> 4) & 0xff
  f.ttl = view.getUint8(l3 + IP6_HLIM)
  if (addr6IsMulticast(dst)) {
    f.flags |= F_MCAST
    // on the loopback it is our copy of what we sent where we listen
    if (ifp.type !== IFT_LOOP && !ip6InGroup(vn, ifp.id, dst)) return countDrop(vn, stats, 'ip6', 'nogroup', f)
    return ip6HeadersInput(vn, ifp, f)
  }
  if (ip6IsLocal(vn, dst)) return ip6HeadersInput(vn, ifp, f)
  ip6Forward(vn, ifp, f)
}

/** Checks version and lengths, cuts link padding off, sets l3. Returns the counter of a fault, or null. */
function checkHeader(f: Frame): keyof Ip6Stats | null {
  const { view, off } = f
  if (f.len < IP6_HDR_LEN) return 'toosmall'
  if (view.getUint8(off) >>> 4 !== 6) return 'badvers'
  const total = IP6_HDR_LEN + view.getUint16(off + IP6_PLEN)
  // a super-segment of 64 KiB cannot state its length; the frame does
  if (f.gsoSize === 0 || f.len <= 0xffff) {
    if (total > f.len) return 'tooshort'
    f.len = total
  }
  f.l3 = off
  f.l4 = off + IP6_HDR_LEN
  return null
}

/** Sets f.src and f.dst with their zones; addresses that no packet may have are a fault. */
function readAddresses(vn: Vn, ifp: Ifnet, f: Frame, zone: number): keyof Ip6Stats | null {
  const { view, l3, src, dst } = f
  addr6Read(view, l3 + IP6_SRC, src)
  addr6Read(view, l3 + IP6_DST, dst)
  if (addr6IsMulticast(src) || addr6IsAny(dst)) return 'badaddr'
  // RFC 4291 §2.5.5.2: mapped addresses are for programs; on the wire they would walk round IPv4's checks
  if (addrIsV4(src) || addrIsV4(dst)) return 'badaddr'
  if (addr6IsMulticast(dst)) {
    // scope 0 is reserved; that of an interface stays inside (RFC 4291 §2.7)
    const scope = addr6Scope(dst)
    if (scope === 0 || (scope === 1 && ifp.type !== IFT_LOOP)) return 'badscope'
  } else if ((f.flags & (F_BCAST | F_MCAST)) !== 0) return 'linkbcast'
  if (addr6NeedsZone(src)) src.zone = zone
  if (addr6NeedsZone(dst)) dst.zone = zone
  if (ifp.type === IFT_LOOP) return null
  // RFC 4291 §2.5.3
  if (addrIsLoopback(src) || addrIsLoopback(dst)) return 'badaddr'
  return !addr6IsAny(src) && ip6IsLocal(vn, src) ? 'spoofed' : null
}
