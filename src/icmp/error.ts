/** ICMP errors about a packet: when they may be sent, and what they quote (RFC 1122 §3.2.2, RFC 1812 §4.3.2). */

import { ipIsBroadcast, ipIsLocal } from '../ip/addrs.ts'
import { ipOutput } from '../ip/output.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrSetIp4, ip4IsLoopback, ip4IsMulticast } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { CSUM_VALID, F_BCAST, F_MCAST, frameAlloc } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import {
  ICMP_CODE, ICMP_HDR_LEN, ICMP_MTU, ICMP_PARAMPROB, ICMP_POINTER, ICMP_REDIRECT, ICMP_REST, ICMP_SUM,
  ICMP_TIMXCEED, ICMP_TYPE, ICMP_UNREACH, icmpIsError,
} from '../wire/icmp.ts'
import { IPPROTO_ICMP, IP_DST, IP_P, IP_SRC, ipFragOffset, ipHeaderLen } from '../wire/ipv4.ts'
import { icmpAllowed } from './limit.ts'
import { icmpStats } from './state.ts'
import type { IcmpStats } from './state.ts'

/**
 * Tells the sender of the packet in `f` (from f.l3, whatever f.off is) what was wrong with it, if the rules allow.
 * `arg` is the next-hop MTU (unreachable, code 4), the pointer (parameter problem) or the gateway (redirect), else 0.
 * Borrows the frame.
 */
export function icmpError(vn: Vn, f: Frame, type: number, code: number, arg: number): void {
  const stats = icmpStats(vn)
  stats.error++
  const no = forbidden(vn, f)
  if (no !== null) {
    stats[no]++
    return
  }
  if (!icmpAllowed(vn)) {
    stats.ratelimited++
    return
  }
  const quoted = Math.min(f.off + f.len - f.l3, vn.state.sysctl['net.inet.icmp.quotelen'])
  const g = frameAlloc(vn.pool, ICMP_HDR_LEN + quoted)
  if (g === null) {
    countDrop(vn, stats, 'icmp', 'nobuf', f)
    return
  }
  const { view, off } = g
  g.len = ICMP_HDR_LEN + quoted
  view.setUint8(off + ICMP_TYPE, type)
  view.setUint8(off + ICMP_CODE, code)
  view.setUint32(off + ICMP_REST, 0)
  if (type === ICMP_REDIRECT) view.setInt32(off + ICMP_REST, arg)
  else if (type === ICMP_PARAMPROB) view.setUint8(off + ICMP_POINTER, arg)
  else if (type === ICMP_UNREACH) view.setUint16(off + ICMP_MTU, arg)
  g.slab.set(f.slab.subarray(f.l3, f.l3 + quoted), off + ICMP_HDR_LEN)
  view.setUint16(off + ICMP_SUM, 0)
  view.setUint16(off + ICMP_SUM, checksumFold(checksumAdd(0, view, off, g.len)))
  g.csum = CSUM_VALID
  g.proto = IPPROTO_ICMP
  addrSetIp4(g.dst, f.view.getInt32(f.l3 + IP_SRC))
  // from the address that was spoken to, else from the interface by which it leaves (RFC 1812 §4.3.2.4)
  const spoken = f.view.getInt32(f.l3 + IP_DST)
  addrSetIp4(g.src, ipIsLocal(vn, spoken) ? spoken : 0)
  stats[outCounter(type)]++
  ipOutput(vn, g)
}

/** The reason why nothing may be sent about `f` (RFC 1122 §3.2.2), or null. */
function forbidden(vn: Vn, f: Frame): keyof IcmpStats | null {
  const { view, l3 } = f
  const dst = view.getInt32(l3 + IP_DST)
  if ((f.flags & (F_BCAST | F_MCAST)) !== 0 || ip4IsMulticast(dst) || ipIsBroadcast(vn, dst, 0)) return 'oldbcast'
  if (!isSingleSource(vn, view.getInt32(l3 + IP_SRC), dst)) return 'oldaddr'
  if (ipFragOffset(view, l3) !== 0) return 'oldfrag'
  if (view.getUint8(l3 + IP_P) !== IPPROTO_ICMP) return null
  const at = l3 + ipHeaderLen(view, l3)
  if (at >= f.off + f.len) return 'oldshort'
  return icmpIsError(view.getUint8(at + ICMP_TYPE)) ? 'oldicmp' : null
}

/** A source that names one host; 127/8 only when it stayed inside. */
function isSingleSource(vn: Vn, src: Ip4, dst: Ip4): boolean {
  if (src === 0 || ip4IsMulticast(src) || (src >>> 28) === 0xf || ipIsBroadcast(vn, src, 0)) return false
  return !ip4IsLoopback(src) || ipIsLocal(vn, dst)
}

function outCounter(type: number): keyof IcmpStats {
  switch (type) {
    case ICMP_UNREACH: return 'outunreach'
    case ICMP_REDIRECT: return 'outredirect'
    case ICMP_TIMXCEED: return 'outtimxceed'
    default: return 'outparamprob'
  }
}
