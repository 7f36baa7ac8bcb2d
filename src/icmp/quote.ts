/** The packet that an ICMP error quotes (RFC 792), read with care: it is as long as the sender pleased. */

import type { CtlInput } from '../inet/ctl.ts'
import { addrFromIp4 } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import { SEQ_ZERO, toSeq } from '../lib/seq.ts'
import {
  IPPROTO_TCP, IPPROTO_UDP, IP_DST, IP_HDR_LEN, IP_P, IP_SRC, ipFragOffset, ipHeaderLen, ipVersion,
} from '../wire/ipv4.ts'
import { IPOPT_OFFSET, IPOPT_OLEN, createIpOptions, ipParseOptions } from '../wire/ipv4-options.ts'
import { TCP_SEQ } from '../wire/tcp.ts'

/** Bytes of transport header that every error quotes (RFC 792). */
const QUOTED_MIN = 8

/** True when the bytes at … end begin with an IPv4 header and at least 8 bytes behind it. */
export function quoteIsValid(view: DataView, at: number, end: number): boolean {
  if (at + IP_HDR_LEN > end || ipVersion(view, at) !== 4) return false
  const headerLen = ipHeaderLen(view, at)
  return headerLen >= IP_HDR_LEN && at + headerLen + QUOTED_MIN <= end
}

/**
 * The record for the transport about the packet at … end that one of our sockets sent, or null when it is not valid
 * or a fragment that does not name its socket.
 */
export function ctlFromPacket(
  view: DataView, at: number, end: number, kind: number, errno: number,
): CtlInput | null {
  if (!quoteIsValid(view, at, end) || ipFragOffset(view, at) !== 0) return null
  const proto = view.getUint8(at + IP_P)
  const l4 = at + ipHeaderLen(view, at)
  const ports = proto === IPPROTO_TCP || proto === IPPROTO_UDP
  return {
    kind,
    errno,
    proto,
    src: addrFromIp4(view.getInt32(at + IP_SRC)),
    dst: addrFromIp4(quotedDst(view, at)),
    lport: ports ? view.getUint16(l4) : 0,
    fport: ports ? view.getUint16(l4 + 2) : 0,
    mtu: 0,
    seq: proto === IPPROTO_TCP ? toSeq(view.getInt32(l4 + TCP_SEQ)) : SEQ_ZERO,
    haveSeq: proto === IPPROTO_TCP,
    icmpType: 0,
    icmpCode: 0,
  }
}

/** Whom the packet was for in the end: on a source route that is not used up, the last address of its list (RFC 791 §3.1). */
function quotedDst(view: DataView, at: number): Ip4 {
  const dst = view.getInt32(at + IP_DST)
  if (ipHeaderLen(view, at) === IP_HDR_LEN) return dst
  const options = createIpOptions()
  ipParseOptions(view, at, options)
  if (options.sourceRouteAt < 0) return dst
  const route = at + options.sourceRouteAt
  const len = view.getUint8(route + IPOPT_OLEN)
  return view.getUint8(route + IPOPT_OFFSET) + 3 > len ? dst : view.getInt32(route + len - 4)
}
