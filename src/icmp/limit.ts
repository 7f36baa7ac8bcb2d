/** How many ICMP errors may be sent (RFC 1122 §3.2.2, RFC 1812 §4.3.2.8): a token bucket of one second's worth. */

import type { Vn } from '../kern/vn.ts'

/** True when one more error may be sent now; it then counts. */
export function icmpAllowed(vn: Vn): boolean {
  const { icmp, now } = vn.state
  const limit = vn.state.sysctl['net.inet.icmp.icmplim']
  if (limit === 0) return true
  const earned = ((now - icmp.refilledAt) * limit) / 1_000_000
  icmp.tokens = icmp.tokens < 0 ? limit : Math.min(limit, icmp.tokens + earned)
  icmp.refilledAt = now
  if (icmp.tokens < 1) return false
  icmp.tokens--
  return true
}
