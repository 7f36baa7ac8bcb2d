/** ICMPv6 errors about a packet: when they may be sent, and what they quote (RFC 4443 §2.4, §3). */

import { inetPseudo } from '../inet/checksum.ts'
import { ip6IsLocal } from '../ip6/addrs.ts'
import { ip6Output, ip6OutputRoute } from '../ip6/output.ts'
import { ip6SourceSelect } from '../ip6/source.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy, createAddr } from '../lib/addr.ts'
import { addr6IsAny, addr6IsMulticast } from '../lib/addr6.ts'
import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { CSUM_VALID, F_BCAST, F_MCAST, frameAlloc, frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import {
  ICMP6_CODE, ICMP6_DST_UNREACH, ICMP6_HDR_LEN, ICMP6_PACKET_TOO_BIG, ICMP6_PARAMPROB_OPTION, ICMP6_PARAM_PROB,
  ICMP6_REST, ICMP6_SUM, ICMP6_TIME_EXCEEDED, ICMP6_TYPE, ND_REDIRECT, icmp6IsError,
} from '../wire/icmpv6.ts'
import { IPPROTO_ICMPV6 } from '../wire/ipv4.ts'
import {
  IP6_HDR_LEN, IP6_NXT, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, IPPROTO_HOPOPTS, IPPROTO_ROUTING,
} from '../wire/ipv6.ts'
import { icmp6Allowed } from './limit.ts'
import { icmp6Stats } from './state.ts'
import type { Icmp6Stats } from './state.ts'
import { ip6Stats } from '../ip6/state.ts'

/** An error and what it quotes fit into the least MTU (RFC 4443 §2.4 c). */
const MOST_QUOTED = 1280 - IP6_HDR_LEN - ICMP6_HDR_LEN

/**
 * Tells the sender of the packet in `f` (from f.l3, whatever f.off is; f.src and f.dst set) what was wrong with it, if the
 * rules allow. `arg` is the MTU (packet too big) or the pointer (parameter problem), else 0. Borrows the frame.
 */
export function icmp6Error(vn: Vn, f: Frame, type: number, code: number, arg: number): void {
  const stats = icmp6Stats(vn)
  stats.error++
  if (forbidden(f, type, code)) {
    stats.canterror++
    return
  }
  if (!icmp6Allowed(vn)) {
    stats.toofreq++
    return
  }
  const quoted = Math.min(f.off + f.len - f.l3, MOST_QUOTED)
  const g = frameAlloc(vn.pool, ICMP6_HDR_LEN + quoted)
  if (g === null) return countDrop(vn, stats, 'icmp6', 'nobuf', f)
  const { view, off } = g
  g.len = ICMP6_HDR_LEN + quoted
  view.setUint8(off + ICMP6_TYPE, type)
  view.setUint8(off + ICMP6_CODE, code)
  view.setUint32(off + ICMP6_REST, arg)
  g.slab.set(f.slab.subarray(f.l3, f.l3 + quoted), off + ICMP6_HDR_LEN)
  addrCopy(g.dst, f.src)
  // §2.2: the address that was spoken to, else that of the interface by which it leaves
  addrCopy(g.src, !addr6IsMulticast(f.dst) && ip6IsLocal(vn, f.dst) ? f.dst : createAddr())
  stats[outCounter(type)]++
  icmp6Send(vn, g)
}

/**
 * Sends the message in `f` (f.off at the ICMPv6 header, f.dst set; f.src too, or `::`, which is then chosen) with its
 * checksum. Consumes the frame. Returns an errno.
 */
export function icmp6Send(vn: Vn, f: Frame): number {
  const { view, off } = f
  f.proto = IPPROTO_ICMPV6
  if (addr6IsAny(f.src)) {
    const route = ip6OutputRoute(vn, f.flags, f.src, f.dst)
    if (route === null || !ip6SourceSelect(vn, route.ifId, f.dst, f.src, route.gateway)) {
      frameRelease(vn.pool, f)
      ip6Stats(vn).noroute++
      return 0
    }
  }
  view.setUint16(off + ICMP6_SUM, 0)
  view.setUint16(off + ICMP6_SUM, checksumFold(checksumAdd(inetPseudo(f, f.len), view, off, f.len)))
  f.csum = CSUM_VALID
  return ip6Output(vn, f)
}

/** True when nothing may be sent about `f` (RFC 4443 §2.4 e). */
function forbidden(f: Frame, type: number, code: number): boolean {
  if (addr6IsAny(f.src) || addr6IsMulticast(f.src)) return true
  // e.3: of what went to a group only the path MTU and unknown options are reported
  const group = addr6IsMulticast(f.dst) || (f.flags & (F_BCAST | F_MCAST)) !== 0
  const wanted = type === ICMP6_PACKET_TOO_BIG || (type === ICMP6_PARAM_PROB && code === ICMP6_PARAMPROB_OPTION)
  return (group && !wanted) || quotesIcmpError(f)
}

/** e.1, e.2: the packet is an ICMPv6 error or a redirect. A later fragment does not tell; it is taken for one that is not. */
function quotesIcmpError(f: Frame): boolean {
  const { view, l3 } = f
  const end = f.off + f.len
  let proto = view.getUint8(l3 + IP6_NXT)
  let at = l3 + IP6_HDR_LEN
  while (proto === IPPROTO_HOPOPTS || proto === IPPROTO_DSTOPTS || proto === IPPROTO_ROUTING || proto === IPPROTO_FRAGMENT) {
    if (at + 8 > end) return false
    if (proto === IPPROTO_FRAGMENT && (view.getUint16(at + 2) & 0xfff8) !== 0) return false
    const len = proto === IPPROTO_FRAGMENT ? 8 : (view.getUint8(at + 1) + 1) << 3
    proto = view.getUint8(at)
    at += len
  }
  if (proto !== IPPROTO_ICMPV6) return false
  if (at >= end) return true
  const type = view.getUint8(at + ICMP6_TYPE)
  return icmp6IsError(type) || type === ND_REDIRECT
}

function outCounter(type: number): keyof Icmp6Stats {
  switch (type) {
    case ICMP6_DST_UNREACH: return 'outunreach'
    case ICMP6_PACKET_TOO_BIG: return 'outtoobig'
    case ICMP6_TIME_EXCEEDED: return 'outtimxceed'
    default: return 'outparamprob'
  }
}
