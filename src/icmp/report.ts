/** ICMP errors about our packets, on their way to the transport (RFC 1122 §3.2.2.1, .4, .5; RFC 1191 §6). */

import { CTL_MSGSIZE, CTL_PARAMPROB, CTL_TIMXCEED, CTL_UNREACH_HARD, CTL_UNREACH_SOFT } from '../inet/ctl.ts'
import { ctlInput } from '../inet/ctlinput.ts'
import { ipIsLocal } from '../ip/addrs.ts'
import { pmtuPlateau } from '../ip/pmtu.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { ECONNREFUSED, EHOSTUNREACH, EMSGSIZE, ENETUNREACH, ENOPROTOOPT, EOPNOTSUPP } from '../lib/errno.ts'
import type { Frame } from '../lib/frame.ts'
import {
  ICMP_CODE, ICMP_HDR_LEN, ICMP_MTU, ICMP_PARAMPROB, ICMP_TIMXCEED, ICMP_TYPE, ICMP_UNREACH, ICMP_UNREACH_ISOLATED,
  ICMP_UNREACH_NEEDFRAG, ICMP_UNREACH_NET, ICMP_UNREACH_NET_PROHIB, ICMP_UNREACH_NET_UNKNOWN, ICMP_UNREACH_PORT,
  ICMP_UNREACH_PRECEDENCE_CUTOFF, ICMP_UNREACH_PROTOCOL, ICMP_UNREACH_SRCFAIL, ICMP_UNREACH_TOSNET,
} from '../wire/icmp.ts'
import { IP_LEN, IP_SRC } from '../wire/ipv4.ts'
import { ctlFromPacket, quoteIsValid } from './quote.ts'
import { icmpStats } from './state.ts'
import type { IcmpStats } from './state.ts'

/**
 * Takes an unreachable, time exceeded or parameter problem (f.l4 at the ICMP header, 8 bytes are there). Borrows the
 * frame.
 */
export function icmpErrorInput(vn: Vn, f: Frame): void {
  const stats = icmpStats(vn)
  const { view, l4 } = f
  const type = view.getUint8(l4 + ICMP_TYPE)
  const code = view.getUint8(l4 + ICMP_CODE)
  stats[type === ICMP_UNREACH ? 'inunreach' : type === ICMP_TIMXCEED ? 'intimxceed' : 'inparamprob']++
  const kind = kindOf(type, code)
  if (kind === 0) return drop(vn, 'badcode', f)
  const quote = l4 + ICMP_HDR_LEN
  const end = f.off + f.len
  if (!quoteIsValid(view, quote, end)) return drop(vn, 'badquote', f)
  if (!ipIsLocal(vn, view.getInt32(quote + IP_SRC))) return drop(vn, 'notours', f)
  const c = ctlFromPacket(view, quote, end, kind, errnoOf(type, code))
  if (c === null) return drop(vn, 'quotedfrag', f)
  c.icmpType = type
  c.icmpCode = code
  if (kind === CTL_MSGSIZE) c.mtu = nextMtu(vn, view.getUint16(l4 + ICMP_MTU), view.getUint16(quote + IP_LEN))
  ctlInput(vn, c)
}

/** The router's figure; without one (an old router) the next plateau below the packet (RFC 1191 §5, §7). */
function nextMtu(vn: Vn, stated: number, quotedLen: number): number {
  return Math.max(stated === 0 ? pmtuPlateau(quotedLen) : stated, vn.state.sysctl['net.inet.ip.pmtu.min'])
}

/** CTL_* of an error, 0 for a code that does not exist. */
function kindOf(type: number, code: number): number {
  if (type === ICMP_TIMXCEED) return code <= 1 ? CTL_TIMXCEED : 0
  if (type === ICMP_PARAMPROB) return code <= 2 ? CTL_PARAMPROB : 0
  if (code === ICMP_UNREACH_NEEDFRAG) return CTL_MSGSIZE
  if (code === ICMP_UNREACH_PROTOCOL || code === ICMP_UNREACH_PORT) return CTL_UNREACH_HARD
  return code <= ICMP_UNREACH_PRECEDENCE_CUTOFF ? CTL_UNREACH_SOFT : 0
}

function errnoOf(type: number, code: number): number {
  if (type === ICMP_PARAMPROB) return ENOPROTOOPT
  if (type === ICMP_TIMXCEED) return EHOSTUNREACH
  switch (code) {
    case ICMP_UNREACH_NET:
    case ICMP_UNREACH_NET_UNKNOWN:
    case ICMP_UNREACH_ISOLATED:
    case ICMP_UNREACH_NET_PROHIB:
    case ICMP_UNREACH_TOSNET: return ENETUNREACH
    case ICMP_UNREACH_PROTOCOL: return ENOPROTOOPT
    case ICMP_UNREACH_PORT: return ECONNREFUSED
    case ICMP_UNREACH_NEEDFRAG: return EMSGSIZE
    case ICMP_UNREACH_SRCFAIL: return EOPNOTSUPP
    default: return EHOSTUNREACH
  }
}

function drop(vn: Vn, counter: keyof IcmpStats, f: Frame): void {
  countDrop(vn, icmpStats(vn), 'icmp', counter, f)
}
