/** ICMPv6 errors about our packets, on their way to the transport (RFC 4443 §2.4, §3; RFC 8201 §4). */

import { CTL_MSGSIZE, CTL_PARAMPROB, CTL_TIMXCEED, CTL_UNREACH_HARD, CTL_UNREACH_SOFT } from '../inet/ctl.ts'
import { ctlInput } from '../inet/ctlinput.ts'
import { ip6IsLocal } from '../ip6/addrs.ts'
import { IP6_MMTU } from '../ip6/state.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addr6NeedsZone } from '../lib/addr6.ts'
import { EACCES, ECONNREFUSED, EHOSTUNREACH, EMSGSIZE, ENETUNREACH, ENOPROTOOPT } from '../lib/errno.ts'
import type { Frame } from '../lib/frame.ts'
import {
  ICMP6_CODE, ICMP6_DST_UNREACH, ICMP6_HDR_LEN, ICMP6_PACKET_TOO_BIG, ICMP6_PARAMPROB_NEXTHEADER, ICMP6_PARAM_PROB,
  ICMP6_REST, ICMP6_TIME_EXCEEDED, ICMP6_TYPE, ICMP6_UNREACH_ADMIN, ICMP6_UNREACH_NOROUTE, ICMP6_UNREACH_POLICY,
  ICMP6_UNREACH_PORT, ICMP6_UNREACH_REJECT,
} from '../wire/icmpv6.ts'
import { IP6_SRC, ip6ReadAddr } from '../wire/ipv6.ts'
import { ctlFromPacket6, quote6IsValid } from './quote.ts'
import { icmp6Stats } from './state.ts'
import type { Icmp6Stats } from './state.ts'

/** Takes an error (f.l4 at the ICMPv6 header, 8 bytes are there, checksum right). Borrows the frame. */
export function icmp6ErrorInput(vn: Vn, f: Frame): void {
  const { view, l4 } = f
  const type = view.getUint8(l4 + ICMP6_TYPE)
  const code = view.getUint8(l4 + ICMP6_CODE)
  const counter = inCounter(type)
  // RFC 4443 §2.4 a: unknown errors are for the process that sent the packet; ours would not know them either
  if (counter === null) return drop(vn, 'badtype', f)
  icmp6Stats(vn)[counter]++
  const kind = kindOf(type, code)
  if (kind === 0) return drop(vn, 'badcode', f)
  const quote = l4 + ICMP6_HDR_LEN
  const end = f.off + f.len
  if (!quote6IsValid(view, quote, end)) return drop(vn, 'badquote', f)
  const src = ip6ReadAddr(view, quote + IP6_SRC)
  const zone = f.dst.zone === 0 ? f.ifId : f.dst.zone
  if (addr6NeedsZone(src)) src.zone = zone
  if (!ip6IsLocal(vn, src)) return drop(vn, 'notours', f)
  const c = ctlFromPacket6(view, quote, end, zone, kind, errnoOf(type, code))
  if (c === null) return drop(vn, 'quotedfrag', f)
  c.icmpType = type
  c.icmpCode = code
  if (kind === CTL_MSGSIZE) {
    c.mtu = view.getUint32(l4 + ICMP6_REST)
    // RFC 8201 §4: no path is narrower; such a message is made up or a mistake
    if (c.mtu < IP6_MMTU) return drop(vn, 'badmtu', f)
  }
  ctlInput(vn, c)
}

function inCounter(type: number): keyof Icmp6Stats | null {
  switch (type) {
    case ICMP6_DST_UNREACH: return 'inunreach'
    case ICMP6_PACKET_TOO_BIG: return 'intoobig'
    case ICMP6_TIME_EXCEEDED: return 'intimxceed'
    case ICMP6_PARAM_PROB: return 'inparamprob'
    default: return null
  }
}

/** CTL_* of an error, 0 for a code that does not exist. The code of packet too big is ignored (RFC 4443 §3.2). */
function kindOf(type: number, code: number): number {
  switch (type) {
    case ICMP6_PACKET_TOO_BIG: return CTL_MSGSIZE
    case ICMP6_TIME_EXCEEDED: return code <= 1 ? CTL_TIMXCEED : 0
    case ICMP6_PARAM_PROB:
      // RFC 5461 §2: a peer that does not speak the protocol at all
      return code === ICMP6_PARAMPROB_NEXTHEADER ? CTL_UNREACH_HARD : code <= 3 ? CTL_PARAMPROB : 0
    default:
      if (code > ICMP6_UNREACH_REJECT) return 0
      // RFC 5461 §4, RFC 5927 §5: port unreachable and prohibited are hard
      return code === ICMP6_UNREACH_PORT || code === ICMP6_UNREACH_ADMIN ? CTL_UNREACH_HARD : CTL_UNREACH_SOFT
  }
}

function errnoOf(type: number, code: number): number {
  switch (type) {
    case ICMP6_PACKET_TOO_BIG: return EMSGSIZE
    case ICMP6_TIME_EXCEEDED: return EHOSTUNREACH
    case ICMP6_PARAM_PROB: return ENOPROTOOPT
    default: switch (code) {
      case ICMP6_UNREACH_NOROUTE: return ENETUNREACH
      case ICMP6_UNREACH_ADMIN: case ICMP6_UNREACH_POLICY: case ICMP6_UNREACH_REJECT: return EACCES
      case ICMP6_UNREACH_PORT: return ECONNREFUSED
      default: return EHOSTUNREACH
    }
  }
}

function drop(vn: Vn, counter: keyof Icmp6Stats, f: Frame): void {
  countDrop(vn, icmp6Stats(vn), 'icmp6', counter, f)
}
