/** The packet that an ICMPv6 error quotes (RFC 4443 §2.4 c), read with care: it is as long as the sender pleased. */

import type { CtlInput } from '../inet/ctl.ts'
import { addr6NeedsZone } from '../lib/addr6.ts'
import { SEQ_ZERO, toSeq } from '../lib/seq.ts'
import { IPPROTO_TCP, IPPROTO_UDP } from '../wire/ipv4.ts'
import {
  IP6F_OFFLG, IP6F_OFF_MASK, IP6_DST, IP6_HDR_LEN, IP6_NXT, IP6_SRC, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, IPPROTO_HOPOPTS,
  IPPROTO_ROUTING, ip6ReadAddr,
} from '../wire/ipv6.ts'
import { TCP_SEQ } from '../wire/tcp.ts'

/** Headers that are looked through for the transport's. */
const MOST_HEADERS = 15

/** True when the bytes at … end begin with an IPv6 header. */
export function quote6IsValid(view: DataView, at: number, end: number): boolean {
  return at + IP6_HDR_LEN <= end && view.getUint8(at) >>> 4 === 6
}

/**
 * The record for the transport about the packet at … end that one of our sockets sent by interface `zone`; null when it does
 * not tell its socket: cut off too early, a later fragment, or no IPv6.
 */
export function ctlFromPacket6(
  view: DataView, at: number, end: number, zone: number, kind: number, errno: number,
): CtlInput | null {
  if (!quote6IsValid(view, at, end)) return null
  let proto = view.getUint8(at + IP6_NXT)
  let l4 = at + IP6_HDR_LEN
  for (let n = 0; isExtension(proto); n++) {
    if (n === MOST_HEADERS || l4 + 8 > end) return null
    if (proto === IPPROTO_FRAGMENT && (view.getUint16(l4 + IP6F_OFFLG) & IP6F_OFF_MASK) !== 0) return null
    const len = proto === IPPROTO_FRAGMENT ? 8 : (view.getUint8(l4 + 1) + 1) << 3
    proto = view.getUint8(l4)
    l4 += len
  }
  if (l4 + 8 > end) return null
  const src = ip6ReadAddr(view, at + IP6_SRC)
  const dst = ip6ReadAddr(view, at + IP6_DST)
  if (addr6NeedsZone(src)) src.zone = zone
  if (addr6NeedsZone(dst)) dst.zone = zone
  const ports = proto === IPPROTO_TCP || proto === IPPROTO_UDP
  return {
    kind, errno, proto, src, dst,
    lport: ports ? view.getUint16(l4) : 0,
    fport: ports ? view.getUint16(l4 + 2) : 0,
    mtu: 0,
    seq: proto === IPPROTO_TCP ? toSeq(view.getInt32(l4 + TCP_SEQ)) : SEQ_ZERO,
    haveSeq: proto === IPPROTO_TCP,
    icmpType: 0,
    icmpCode: 0,
  }
}

function isExtension(proto: number): boolean {
  return proto === IPPROTO_HOPOPTS || proto === IPPROTO_DSTOPTS || proto === IPPROTO_ROUTING || proto === IPPROTO_FRAGMENT
}
