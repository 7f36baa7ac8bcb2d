/** Packets from raw sockets: a payload that gets an IP header, or a whole packet with the user's own (IP_HDRINCL). */

import { inpFrameFlags } from '../inet/inpopt.ts'
import { inetChecksumSet } from '../inet/checksum.ts'
import { inetOutput } from '../inet/output.ts'
import { inetSendApply } from '../inet/sendinfo.ts'
import type { SendInfo } from '../inet/sendinfo.ts'
import type { Inpcb } from '../inet/state.ts'
import { ipOutputRoute } from '../ip/output.ts'
import { ipHeaderSum, ipTransmit } from '../ip/transmit.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy, addrFromIp4, addrIsMulticast } from '../lib/addr.ts'
import type { Addr, Ip4 } from '../lib/addr.ts'
import { ICMP6_HDR_LEN, ICMP6_SUM } from '../wire/icmpv6.ts'
import { mcastSending } from '../mcast/sockopt.ts'
import { EINVAL, EMSGSIZE, ENETUNREACH, ENOBUFS } from '../lib/errno.ts'
import { frameAlloc, frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import {
  IP_HDR_LEN, IP_ID, IP_LEN, IP_MAXPACKET, IP_SRC, IPPROTO_ICMPV6, ipHeaderLen, ipVersion,
} from '../wire/ipv4.ts'
import { ipStats } from '../ip/state.ts'
import { rawStats } from './state.ts'

/** Sends `len` bytes of `buf` as the payload of a packet of protocol `proto`; ICMPv6 gets its checksum. Returns an errno. */
export function rawOutput(
  vn: Vn, inp: Inpcb, proto: number, src: Addr, dst: Addr, buf: Uint8Array, at: number, len: number, info: SendInfo | null,
): number {
  if (len > IP_MAXPACKET - IP_HDR_LEN) return EMSGSIZE
  const f = fill(vn, buf, at, len)
  if (f === null) return ENOBUFS
  f.l4 = f.off
  addrCopy(f.src, src)
  addrCopy(f.dst, dst)
  f.proto = proto
  f.tos = inp.tos
  f.ttl = inp.ttl
  f.flags = inpFrameFlags(inp)
  if (addrIsMulticast(dst)) mcastSending(vn, inp.id, f)
  if (info !== null) inetSendApply(info, f)
  if (proto === IPPROTO_ICMPV6) {
    if (len < ICMP6_HDR_LEN) {
      frameRelease(vn.pool, f)
      return EINVAL
    }
    // RFC 3542 §3.1: the stack knows the pseudo-header, the user does not
    inetChecksumSet(f, f.off + ICMP6_SUM)
  }
  return counted(vn, inetOutput(vn, f))
}

/**
 * Sends `len` bytes of `buf`, an IP packet, as it is, except for what one cannot know: total length and checksum are
 * filled in always, the source and the identification where they are 0. It is not fragmented (EMSGSIZE). Returns an
 * errno.
 */
export function rawOutputWhole(
  vn: Vn, src: Addr, dst: Addr, id: number, buf: Uint8Array, at: number, len: number,
): number {
  if (len > IP_MAXPACKET) return EMSGSIZE
  const f = fill(vn, buf, at, len)
  if (f === null) return ENOBUFS
  if (len < IP_HDR_LEN || ipVersion(f.view, f.off) !== 4 || !headerFits(f)) {
    rawStats(vn).badhdr++
    frameRelease(vn.pool, f)
    return EINVAL
  }
  finishHeader(f, src.w3, id)
  const route = ipOutputRoute(vn, 0, src.w3, dst.w3)
  const ifp = vn.state.link.ifnets.get(route?.ifId ?? 0)
  if (route === null || ifp === undefined || len > ifp.mtu) {
    frameRelease(vn.pool, f)
    return ifp === undefined ? ENETUNREACH : EMSGSIZE
  }
  f.l3 = f.off
  f.l4 = f.off + ipHeaderLen(f.view, f.off)
  addrCopy(f.src, addrFromIp4(f.view.getInt32(f.off + IP_SRC)))
  addrCopy(f.dst, dst)
  ipStats(vn).rawout++
  return counted(vn, ipTransmit(vn, ifp, f, ifp.mtu, route.gateway === 0 ? dst.w3 : route.gateway))
}

function headerFits(f: Frame): boolean {
  const n = ipHeaderLen(f.view, f.off)
  return n >= IP_HDR_LEN && n <= f.len
}

function finishHeader(f: Frame, src: Ip4, id: number): void {
  const { view, off } = f
  view.setUint16(off + IP_LEN, f.len)
  if (view.getUint16(off + IP_ID) === 0) view.setUint16(off + IP_ID, id)
  if (view.getInt32(off + IP_SRC) === 0) view.setInt32(off + IP_SRC, src)
  ipHeaderSum(view, off)
}

function fill(vn: Vn, buf: Uint8Array, at: number, len: number): Frame | null {
  const f = frameAlloc(vn.pool, len)
  if (f === null) {
    rawStats(vn).nobuf++
    return null
  }
  f.slab.set(buf.subarray(at, at + len), f.off)
  f.len = len
  return f
}

function counted(vn: Vn, errno: number): number {
  if (errno === 0) rawStats(vn).opackets++
  return errno
}
