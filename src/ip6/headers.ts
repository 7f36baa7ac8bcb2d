/** The extension headers of a packet for us (RFC 8200 §4), walked with limits (RFC 8504 §5.3) up to its transport. */

import { icmp6Error } from '../icmp6/error.ts'
import { inetInput } from '../inet/input.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { F_REASSEMBLED, framePull, frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import type { Ifnet } from '../link/state.ts'
import {
  ICMP6_PARAM_PROB, ICMP6_PARAMPROB_FIRSTFRAG, ICMP6_PARAMPROB_HEADER, ICMP6_PARAMPROB_NEXTHEADER,
} from '../wire/icmpv6.ts'
import {
  IP6F_LEN, IP6F_MORE_FRAG, IP6F_OFFLG, IP6F_OFF_MASK, IP6_HDR_LEN, IP6_NXT, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT,
  IPPROTO_HOPOPTS, IPPROTO_NONE, IPPROTO_ROUTING,
} from '../wire/ipv6.ts'
import { ip6OptionsInput } from './options.ts'
import { ip6Reassemble } from './reass.ts'
import { ip6Stats } from './state.ts'

/**
 * Takes a packet for this host (f.off = f.l3, addresses set) to its transport. Borrows the frame. `nxtAt` and `at`: where
 * the next header's number stands and where that header begins, for a packet whose first headers are done with.
 */
export function ip6HeadersInput(
  vn: Vn, ifp: Ifnet, f: Frame, nxtAt = f.l3 + IP6_NXT, at = f.l3 + IP6_HDR_LEN,
): void {
  const stats = ip6Stats(vn)
  const { view } = f
  const end = f.off + f.len
  const most = vn.state.sysctl['net.inet6.ip6.hdrnestlimit']
  let pointer = nxtAt
  let next = at
  for (let n = 0; ; n++) {
    const proto = view.getUint8(pointer)
    switch (proto) {
      case IPPROTO_HOPOPTS:
        // RFC 8200 §4.1: directly behind the IPv6 header, and nowhere else
        if (next !== f.l3 + IP6_HDR_LEN) return wrongNext(vn, f, pointer)
        break
      case IPPROTO_DSTOPTS: case IPPROTO_ROUTING: break
      case IPPROTO_FRAGMENT: return fragment(vn, ifp, f, pointer, next)
      case IPPROTO_NONE: return countDrop(vn, stats, 'ip6', 'nonxt', f)
      default: return deliver(vn, f, proto, pointer, next)
    }
    if (n >= most) return countDrop(vn, stats, 'ip6', 'toomanyhdr', f)
    const len = next + 8 > end ? 0 : (view.getUint8(next + 1) + 1) << 3
    if (len === 0 || next + len > end) return countDrop(vn, stats, 'ip6', 'exthdrtoolong', f)
    if (proto === IPPROTO_ROUTING) {
      if (!routingPasses(vn, f, next)) return
    } else if (!ip6OptionsInput(vn, f, next, len, proto === IPPROTO_HOPOPTS)) return
    pointer = next
    next += len
  }
}

function deliver(vn: Vn, f: Frame, proto: number, pointer: number, at: number): void {
  f.proto = proto
  f.l4 = at
  framePull(f, at - f.off)
  ip6Stats(vn).delivered++
  if (inetInput(vn, f)) return
  ip6Stats(vn).delivered--
  countDrop(vn, ip6Stats(vn), 'ip6', 'noproto', f)
  icmp6Error(vn, f, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_NEXTHEADER, pointer - f.l3)
}

/** A fragment header at `at`: the packet is whole already (RFC 6946), becomes whole, or waits. */
function fragment(vn: Vn, ifp: Ifnet, f: Frame, pointer: number, at: number): void {
  const stats = ip6Stats(vn)
  stats.fragments++
  // a fragment of a fragment: nothing sends such a thing
  if ((f.flags & F_REASSEMBLED) !== 0) return countDrop(vn, stats, 'ip6', 'fragnested', f)
  if (at + IP6F_LEN > f.off + f.len) return countDrop(vn, stats, 'ip6', 'fragbadlen', f)
  const field = f.view.getUint16(at + IP6F_OFFLG)
  if ((field & (IP6F_OFF_MASK | IP6F_MORE_FRAG)) === 0) {
    stats.atomicfrags++
    f.flags |= F_REASSEMBLED
    return ip6HeadersInput(vn, ifp, f, at, at + IP6F_LEN)
  }
  if ((field & IP6F_OFF_MASK) === 0 && !chainIsWhole(f, at)) {
    // RFC 7112 §5: what hides its upper-layer header would pass filters unseen
    countDrop(vn, stats, 'ip6', 'fragincomplete', f)
    return icmp6Error(vn, f, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_FIRSTFRAG, 0)
  }
  const whole = ip6Reassemble(vn, f, pointer, at)
  if (whole === null) return
  ip6HeadersInput(vn, ifp, whole)
  frameRelease(vn.pool, whole)
}

/** True when the headers behind the fragment header at `at` end, upper-layer header included, within this fragment. */
function chainIsWhole(f: Frame, at: number): boolean {
  const { view } = f
  const end = f.off + f.len
  let proto = view.getUint8(at)
  let next = at + IP6F_LEN
  while (proto === IPPROTO_HOPOPTS || proto === IPPROTO_DSTOPTS || proto === IPPROTO_ROUTING) {
    if (next + 8 > end) return false
    proto = view.getUint8(next)
    next += (view.getUint8(next + 1) + 1) << 3
  }
  return next + (UPPER_LEN[proto] ?? 0) <= end
}

/** Fixed headers of TCP, UDP and ICMPv6. */
const UPPER_LEN: Readonly<Record<number, number>> = Object.freeze({ 6: 20, 17: 8, 58: 8 })

/** Type 0 is refused (RFC 5095 §3) and no other is known: one that is done with is passed over (RFC 8200 §4.4). */
function routingPasses(vn: Vn, f: Frame, at: number): boolean {
  if (f.view.getUint8(at + SEGMENTS_LEFT) === 0) return true
  countDrop(vn, ip6Stats(vn), 'ip6', 'rthdr', f)
  icmp6Error(vn, f, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, at + ROUTING_TYPE - f.l3)
  return false
}

const ROUTING_TYPE = 2
const SEGMENTS_LEFT = 3

function wrongNext(vn: Vn, f: Frame, pointer: number): void {
  countDrop(vn, ip6Stats(vn), 'ip6', 'badhopopts', f)
  icmp6Error(vn, f, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_NEXTHEADER, pointer - f.l3)
}
