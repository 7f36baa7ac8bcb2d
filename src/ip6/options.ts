/** Hop-by-hop and destination options (RFC 8200 §4.2): unknown ones are treated as their two highest bits say. */

import { icmp6Error } from '../icmp6/error.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { F_MCAST } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, ICMP6_PARAMPROB_OPTION } from '../wire/icmpv6.ts'
import { IP6_PLEN } from '../wire/ipv6.ts'
import { ip6Stats } from './state.ts'

const OPT_PAD1 = 0
const OPT_PADN = 1
const OPT_ROUTER_ALERT = 5
const OPT_JUMBO = 0xc2

/**
 * Checks the options of the header of `len` bytes at `at`. False: the packet has been dropped, and its sender told where
 * that is due. Borrows the frame.
 */
export function ip6OptionsInput(vn: Vn, f: Frame, at: number, len: number, hopByHop: boolean): boolean {
  const { view } = f
  const end = at + len
  const most = vn.state.sysctl['net.inet6.ip6.maxoptions']
  let known = 0
  let padding = 0
  for (let p = at + 2; p < end;) {
    const type = view.getUint8(p)
    if (type === OPT_PAD1) {
      p++
      padding++
    } else {
      const n = p + 1 < end ? 2 + view.getUint8(p + 1) : 0
      if (n === 0 || p + n > end) return fault(vn, f, ICMP6_PARAMPROB_HEADER, p + 1)
      if (type === OPT_PADN) padding += n
      else {
        padding = 0
        known++
        if (type === OPT_JUMBO && hopByHop) return jumbo(vn, f, p)
        if (type !== OPT_ROUTER_ALERT && !unknown(vn, f, type, p)) return false
      }
      p += n
    }
    // RFC 8504 §5.3: more than seven octets of padding in a row, or a long list, is an attack
    if (padding > 7 || known > most) return tooMany(vn, f)
  }
  return true
}

/** RFC 8200 §4.2: 00 skip, 01 discard, 10 discard and tell, 11 discard and tell unless it went to a group. */
function unknown(vn: Vn, f: Frame, type: number, p: number): boolean {
  const action = type >> 6
  if (action === 0) return true
  countDrop(vn, ip6Stats(vn), 'ip6', 'badoptions', f)
  if (action === 2 || (action === 3 && (f.flags & F_MCAST) === 0)) {
    icmp6Error(vn, f, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_OPTION, p - f.l3)
  }
  return false
}

/** RFC 2675 §3: no link of ours carries more than 65,575 bytes; the option's own rules come before that. */
function jumbo(vn: Vn, f: Frame, p: number): boolean {
  countDrop(vn, ip6Stats(vn), 'ip6', 'jumbo', f)
  // one whose payload length is not 0 is an error at the option's type
  const pointer = f.view.getUint16(f.l3 + IP6_PLEN) !== 0 ? p : p + 2
  icmp6Error(vn, f, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, pointer - f.l3)
  return false
}

function fault(vn: Vn, f: Frame, code: number, p: number): boolean {
  countDrop(vn, ip6Stats(vn), 'ip6', 'badoptions', f)
  icmp6Error(vn, f, ICMP6_PARAM_PROB, code, p - f.l3)
  return false
}

function tooMany(vn: Vn, f: Frame): boolean {
  countDrop(vn, ip6Stats(vn), 'ip6', 'toomanyopt', f)
  return false
}
