/** ICMP messages for this host (RFC 792, RFC 1122 §3.2.2). */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { CSUM_NONE, F_BCAST, F_MCAST } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import {
  ICMP_ECHO, ICMP_ECHOREPLY, ICMP_HDR_LEN, ICMP_MASKREPLY, ICMP_MASKREQ, ICMP_PARAMPROB, ICMP_REDIRECT,
  ICMP_SOURCEQUENCH, ICMP_TIMESTAMP_LEN, ICMP_TIMXCEED, ICMP_TSTAMP, ICMP_TSTAMPREPLY, ICMP_TYPE, ICMP_UNREACH,
} from '../wire/icmp.ts'
import { icmpErrorInput } from './report.ts'
import { icmpRedirectInput } from './redirect.ts'
import { icmpEchoReply, icmpTimestampReply } from './reply.ts'
import { icmpStats } from './state.ts'
import type { IcmpStats } from './state.ts'

/** Takes a message (f.off = f.l4 at the ICMP header). Borrows the frame. */
export function icmpInput(vn: Vn, f: Frame): void {
  const stats = icmpStats(vn)
  const { view, l4 } = f
  const len = f.off + f.len - l4
  if (len < ICMP_HDR_LEN) return drop(vn, 'tooshort', f)
  if (f.csum === CSUM_NONE && checksumFold(checksumAdd(0, view, l4, len)) !== 0) return drop(vn, 'checksum', f)
  const group = (f.flags & (F_BCAST | F_MCAST)) !== 0
  const answersGroup = vn.state.sysctl['net.inet.icmp.bmcastecho'] === 1
  switch (view.getUint8(l4 + ICMP_TYPE)) {
    case ICMP_ECHO:
      stats.inecho++
      if (group && !answersGroup) return drop(vn, 'bmcastecho', f)
      return icmpEchoReply(vn, f)
    case ICMP_TSTAMP:
      stats.intstamp++
      if (group && !answersGroup) return drop(vn, 'bmcasttstamp', f)
      if (vn.state.sysctl['net.inet.icmp.tstamprepl'] === 0) return drop(vn, 'tstampoff', f)
      if (len < ICMP_TIMESTAMP_LEN) return drop(vn, 'badlen', f)
      return icmpTimestampReply(vn, f)
    // replies are for the raw sockets, which have had them
    case ICMP_ECHOREPLY:
      stats.inechoreply++
      return
    case ICMP_TSTAMPREPLY:
      stats.intstampreply++
      return
    case ICMP_UNREACH:
    case ICMP_TIMXCEED:
    case ICMP_PARAMPROB:
      return group ? drop(vn, 'badbcast', f) : icmpErrorInput(vn, f)
    case ICMP_REDIRECT:
      stats.inredirect++
      return group ? drop(vn, 'badbcast', f) : icmpRedirectInput(vn, f)
    case ICMP_SOURCEQUENCH:
      // RFC 6633 §3: must be ignored, it never controlled congestion but let strangers slow connections down
      return drop(vn, 'quench', f)
    case ICMP_MASKREQ:
    case ICMP_MASKREPLY:
      // we are no agent, and our masks are configured (RFC 1122 §3.2.2.9)
      return drop(vn, 'maskreq', f)
    default:
      return drop(vn, 'badtype', f)
  }
}

function drop(vn: Vn, counter: keyof IcmpStats, f: Frame): void {
  countDrop(vn, icmpStats(vn), 'icmp', counter, f)
}
