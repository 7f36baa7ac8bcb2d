/** The packet that an ICMP error quotes (RFC 792), read with care: it is as long as the sender pleased. */

import type { CtlInput } from '../inet/ctl.ts'
import { addrFromIp4 } from '../lib/addr.ts'
import { SEQ_ZERO, toSeq } from '../lib/seq.ts'
import {
  IPPROTO_TCP, IPPROTO_UDP, IP_DST, IP_HDR_LEN, IP_P, IP_SRC, ipFragOffset, ipHeaderLen, ipVersion,
} from '../wire/ipv4.ts'
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
    dst: addrFromIp4(view.getInt32(at + IP_DST)),
    lport: ports ? view.getUint16(l4) : 0,
    fport: ports ? view.getUint16(l4 + 2) : 0,
    mtu: 0,
    seq: proto === IPPROTO_TCP ? toSeq(view.getInt32(l4 + TCP_SEQ)) : SEQ_ZERO,
    haveSeq: proto === IPPROTO_TCP,
    icmpType: 0,
    icmpCode: 0,
  }
}
