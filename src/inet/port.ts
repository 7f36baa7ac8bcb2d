/** Ephemeral ports: RFC 6056 §3.3.3, algorithm 3 ("Simple Hash-Based Port Selection"). */

import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { sipHash32 } from '../lib/siphash.ts'

/**
 * A port of the range net.inet.ip.portrange for which `inUse` is false, or 0 when every one is taken. Each
 * (laddr, faddr, fport) walks the range from an offset of its own that only the holder of the secret can tell.
 */
export function portPick(
  vn: Vn, laddr: Addr, faddr: Addr, fport: number, inUse: (port: number) => boolean,
): number {
  const { inet, sysctl } = vn.state
  const a = sysctl['net.inet.ip.portrange.first']
  const b = sysctl['net.inet.ip.portrange.last']
  const min = Math.min(a, b)
  const count = Math.max(a, b) - min + 1
  const offset = sipHash32(inet.portKey, [
    laddr.w0, laddr.w1, laddr.w2, laddr.w3, faddr.w0, faddr.w1, faddr.w2, faddr.w3, fport,
  ]) >>> 0
  for (let i = 0; i < count; i++) {
    const port = min + ((inet.nextEphemeral + offset) % count)
    inet.nextEphemeral = (inet.nextEphemeral + 1) % 0x100000000
    if (!inUse(port)) return port
  }
  return 0
}
