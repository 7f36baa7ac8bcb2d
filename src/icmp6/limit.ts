/** How many ICMPv6 errors may be sent (RFC 4443 §2.4 f): a token bucket of one second's worth. */

import type { Vn } from '../kern/vn.ts'

/** True when one more error may be sent now; it then counts. */
export function icmp6Allowed(vn: Vn): boolean {
  const { icmp6, now } = vn.state
  const limit = vn.state.sysctl['net.inet6.icmp6.errppslimit']
  if (limit === 0) return true
  const earned = ((now - icmp6.refilledAt) * limit) / 1_000_000
  icmp6.tokens = icmp6.tokens < 0 ? limit : Math.min(limit, icmp6.tokens + earned)
  icmp6.refilledAt = now
  if (icmp6.tokens < 1) return false
  icmp6.tokens--
  return true
}
