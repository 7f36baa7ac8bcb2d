/** ICMPv6 messages for this host (RFC 4443). */

import { inetChecksumOk } from '../inet/checksum.ts'
import { ip6IsLocal } from '../ip6/addrs.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy, createAddr } from '../lib/addr.ts'
import { addr6IsMulticast } from '../lib/addr6.ts'
import { frameAlloc } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { mldInput } from '../mld/input.ts'
import { ndInput } from '../nd/input.ts'
import {
  ICMP6_ECHO_REPLY, ICMP6_ECHO_REQUEST, ICMP6_HDR_LEN, ICMP6_TYPE, ND_REDIRECT, ND_ROUTER_SOLICIT, icmp6IsError,
} from '../wire/icmpv6.ts'
import {
  MLD_LISTENER_DONE, MLD_LISTENER_QUERY, MLD_LISTENER_REPORT, MLD_V2_LISTENER_REPORT,
} from '../wire/mld.ts'
import { icmp6Send } from './error.ts'
import { icmp6ErrorInput } from './report.ts'
import { icmp6Stats } from './state.ts'
import type { Icmp6Stats } from './state.ts'

/** Takes a message (f.off = f.l4 at its header, f.src and f.dst set). Borrows the frame. */
export function icmp6Input(vn: Vn, f: Frame): void {
  const stats = icmp6Stats(vn)
  const { view, l4 } = f
  if (f.off + f.len - l4 < ICMP6_HDR_LEN) return drop(vn, 'tooshort', f)
  if (!inetChecksumOk(vn, f)) return drop(vn, 'checksum', f)
  const type = view.getUint8(l4 + ICMP6_TYPE)
  if (icmp6IsError(type)) return icmp6ErrorInput(vn, f)
  if (type >= ND_ROUTER_SOLICIT && type <= ND_REDIRECT) return ndInput(vn, f, type)
  switch (type) {
    case MLD_LISTENER_QUERY:
    case MLD_LISTENER_REPORT:
    case MLD_LISTENER_DONE:
    case MLD_V2_LISTENER_REPORT: return mldInput(vn, f)
    case ICMP6_ECHO_REQUEST:
      stats.inecho++
      if (addr6IsMulticast(f.dst) && vn.state.sysctl['net.inet6.icmp6.mcastecho'] === 0) return drop(vn, 'groupecho', f)
      return echoReply(vn, f)
    // for the raw sockets, which have had it
    case ICMP6_ECHO_REPLY:
      stats.inechoreply++
      return
    // RFC 4443 §2.4 b: unknown informational messages are discarded in silence
    default: return drop(vn, 'badtype', f)
  }
}

/** Sends the data of an echo request back, from the address that was asked where it is one host's (RFC 4443 §4.2). */
function echoReply(vn: Vn, f: Frame): void {
  const len = f.off + f.len - f.l4
  const g = frameAlloc(vn.pool, len)
  if (g === null) return drop(vn, 'nobuf', f)
  g.slab.set(f.slab.subarray(f.l4, f.l4 + len), g.off)
  g.len = len
  g.tos = f.tos
  g.view.setUint8(g.off + ICMP6_TYPE, ICMP6_ECHO_REPLY)
  addrCopy(g.dst, f.src)
  addrCopy(g.src, ip6IsLocal(vn, f.dst) ? f.dst : createAddr())
  icmp6Stats(vn).reflect++
  icmp6Send(vn, g)
}

function drop(vn: Vn, counter: keyof Icmp6Stats, f: Frame): void {
  countDrop(vn, icmp6Stats(vn), 'icmp6', counter, f)
}
