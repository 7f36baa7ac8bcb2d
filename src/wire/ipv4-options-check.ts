/** IP options that a host may send (RFC 791 §3.1, RFC 1122 §3.2.1.8): what a user asks for, and what a snapshot holds. */

import { ip4IsMulticast } from '../lib/addr.ts'
import {
  IPOPT_EOL, IPOPT_LSRR, IPOPT_MINOFF, IPOPT_NOP, IPOPT_OFFSET, IPOPT_OLEN, IPOPT_RA, IPOPT_RR, IPOPT_SSRR, IPOPT_TS,
  IPOPT_TS_MINOFF,
} from './ipv4-options.ts'

/** All that an IP header has room for. */
export const IP_OPTIONS_MAX = 40

/** Each within the list, no known one twice, pointers at the beginning, gateways that are hosts (RFC 791 §3.1). */
export function ipOptionsSound(octets: ArrayLike<number>): boolean {
  if (octets.length > IP_OPTIONS_MAX) return false
  const seen = new Set<number>()
  let p = 0
  while (p < octets.length && octets[p] !== IPOPT_EOL) {
    const { [p]: type } = octets
    const len = ipOptionLen(octets, p)
    if (type !== IPOPT_NOP && !(len >= 2 && p + len <= octets.length)) return false
    // of source routes there is one (RFC 1122 §3.2.1.8 c)
    const kind = type === IPOPT_SSRR ? IPOPT_LSRR : type
    if (type !== IPOPT_NOP && seen.has(kind)) return false
    seen.add(kind)
    if (!fits(octets, p, kind, len)) return false
    p += len
  }
  return true
}

function fits(octets: ArrayLike<number>, p: number, kind: number, len: number): boolean {
  switch (kind) {
    case IPOPT_LSRR:
      if (len < 7 || len % 4 !== 3 || octets[p + IPOPT_OFFSET] !== IPOPT_MINOFF) return false
      for (let at = p + 3; at < p + len; at += 4) {
        if (octets[at] === 0 || octets[at] >= 240 || ip4IsMulticast(octets[at] << 24)) return false
      }
      return true
    case IPOPT_RR: return len >= 7 && len % 4 === 3 && octets[p + IPOPT_OFFSET] === IPOPT_MINOFF
    case IPOPT_TS: return len >= 8 && len % 4 === 0 && octets[p + IPOPT_OFFSET] === IPOPT_TS_MINOFF
    case IPOPT_RA: return len === 4
    default: return true
  }
}

/** Octets of the option at `p`, as it says. */
export function ipOptionLen(octets: ArrayLike<number>, p: number): number {
  return octets[p] === IPOPT_NOP ? 1 : octets[p + IPOPT_OLEN]
}
