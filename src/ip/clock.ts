/** The time that IP and ICMP timestamps carry. */

import type { Vn } from '../kern/vn.ts'

/**
 * Milliseconds as uint32 with the top bit set: a "non-standard value" (RFC 792, RFC 1122 §3.2.2.8), because a Vnet
 * knows the time since its boot and not the time of day.
 */
export function ipTimestamp(vn: Vn): number {
  return ((Math.floor(vn.state.now / 1000) & 0x7fffffff) | 0x80000000) >>> 0
}
