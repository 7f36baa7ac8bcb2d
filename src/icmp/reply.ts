/** Echo and timestamp replies (RFC 792, RFC 1122 §3.2.2.6, §3.2.2.8). */

import { ipIsLocal } from '../ip/addrs.ts'
import { ipReplyOptions } from '../ip/options.ts'
import { ipOutput } from '../ip/output.ts'
import { ipTimestamp } from '../ip/clock.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrSetIp4 } from '../lib/addr.ts'
import { checksumAdd, checksumFold, checksumUpdate16 } from '../lib/checksum.ts'
import { CSUM_VALID, frameAlloc } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import {
  ICMP_ECHOREPLY, ICMP_RTIME, ICMP_SUM, ICMP_TIMESTAMP_LEN, ICMP_TSTAMPREPLY, ICMP_TTIME, ICMP_TYPE,
} from '../wire/icmp.ts'
import { IPPROTO_ICMP, IP_MAX_HDR_LEN } from '../wire/ipv4.ts'
import { icmpStats } from './state.ts'

/** Sends the data of an echo request back (f.l4 at the ICMP header). Borrows the frame. */
export function icmpEchoReply(vn: Vn, f: Frame): void {
  const g = copyMessage(vn, f, f.off + f.len - f.l4)
  if (g === null) return
  const { view, off } = g
  const was = view.getUint16(off + ICMP_TYPE)
  view.setUint8(off + ICMP_TYPE, ICMP_ECHOREPLY)
  // only the type changed (RFC 1624); an update that gives 0 may stand for a message of nothing but zeros, whose sum is
  // 0xffff, and both verify for any other
  const sum = checksumUpdate16(view.getUint16(off + ICMP_SUM), was, view.getUint16(off + ICMP_TYPE))
  view.setUint16(off + ICMP_SUM, sum === 0 ? 0xffff : sum)
  icmpStats(vn).outechoreply++
  reflect(vn, f, g)
}

/** Answers a timestamp request, at least 20 bytes long (RFC 1122 §3.2.2.8). Borrows the frame. */
export function icmpTimestampReply(vn: Vn, f: Frame): void {
  const g = copyMessage(vn, f, ICMP_TIMESTAMP_LEN)
  if (g === null) return
  const { view, off } = g
  const now = ipTimestamp(vn)
  view.setUint8(off + ICMP_TYPE, ICMP_TSTAMPREPLY)
  view.setUint32(off + ICMP_RTIME, now)
  view.setUint32(off + ICMP_TTIME, now)
  view.setUint16(off + ICMP_SUM, 0)
  view.setUint16(off + ICMP_SUM, checksumFold(checksumAdd(0, view, off, g.len)))
  icmpStats(vn).outtstampreply++
  reflect(vn, f, g)
}

function copyMessage(vn: Vn, f: Frame, len: number): Frame | null {
  const g = frameAlloc(vn.pool, len + IP_MAX_HDR_LEN)
  if (g === null) {
    countDrop(vn, icmpStats(vn), 'icmp', 'nobuf', f)
    return null
  }
  g.slab.set(f.slab.subarray(f.l4, f.l4 + len), g.off)
  g.len = len
  return g
}

/** Back to the sender, from the address that was asked (RFC 1122 §3.2.2.6), with its options reflected. */
function reflect(vn: Vn, f: Frame, g: Frame): void {
  icmpStats(vn).reflect++
  g.csum = CSUM_VALID
  g.proto = IPPROTO_ICMP
  g.tos = f.tos
  addrSetIp4(g.dst, f.src.w3)
  addrSetIp4(g.src, ipIsLocal(vn, f.dst.w3) ? f.dst.w3 : 0)
  ipOutput(vn, g, ipReplyOptions(vn, f, g))
}
