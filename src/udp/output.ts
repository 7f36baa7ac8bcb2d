/** A datagram onto the network (RFC 768; RFC 1122 §4.1.3.4, §4.1.4). */

import { inetChecksumSet } from '../inet/checksum.ts'
import { inpFrameFlags } from '../inet/inpopt.ts'
import { inetOutputOptions } from '../inet/ipopt.ts'
import { inetSendApply } from '../inet/sendinfo.ts'
import type { SendInfo } from '../inet/sendinfo.ts'
import type { Inpcb } from '../inet/state.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy, addrIsMulticast } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { mcastSending } from '../mcast/sockopt.ts'
import { EMSGSIZE, ENOBUFS } from '../lib/errno.ts'
import { frameAlloc } from '../lib/frame.ts'
import { IPPROTO_UDP } from '../wire/ipv4.ts'
import { UDP_DPORT, UDP_HDR_LEN, UDP_LEN, UDP_SPORT, UDP_SUM } from '../wire/udp.ts'
import { udpStats } from './state.ts'

/** The most data that an IPv4 packet without options has room for. */
export const UDP_MAX_DATA = 65_507

/** Sends `len` bytes of `buf` from `src`, the socket's port, to (dst, dport); `info`: what is this datagram's own. Returns an errno. */
export function udpOutput(
  vn: Vn, inp: Inpcb, src: Addr, dst: Addr, dport: number, buf: Uint8Array, at: number, len: number, info: SendInfo | null,
): number {
  const stats = udpStats(vn)
  if (len > UDP_MAX_DATA) return EMSGSIZE
  const f = frameAlloc(vn.pool, UDP_HDR_LEN + len)
  if (f === null) {
    stats.nobuf++
    return ENOBUFS
  }
  f.len = UDP_HDR_LEN + len
  f.l4 = f.off
  addrCopy(f.src, src)
  addrCopy(f.dst, dst)
  f.proto = IPPROTO_UDP
  f.tos = inp.tos
  f.ttl = inp.ttl
  f.flags = inpFrameFlags(inp)
  if (addrIsMulticast(dst)) mcastSending(vn, inp.id, f)
  if (info !== null) inetSendApply(info, f)
  const { view } = f
  view.setUint16(f.l4 + UDP_SPORT, inp.lport)
  view.setUint16(f.l4 + UDP_DPORT, dport)
  view.setUint16(f.l4 + UDP_LEN, f.len)
  f.slab.set(buf.subarray(at, at + len), f.l4 + UDP_HDR_LEN)
  inetChecksumSet(f, f.l4 + UDP_SUM)
  // zero would say that there is no checksum (RFC 768)
  if (view.getUint16(f.l4 + UDP_SUM) === 0) view.setUint16(f.l4 + UDP_SUM, 0xffff)
  const errno = inetOutputOptions(vn, f, inp)
  if (errno === 0) stats.opackets++
  return errno
}
