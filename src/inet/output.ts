/** From the transports to the network layer of the destination's family. */

import { ipOutput } from '../ip/output.ts'
import { ip6Output } from '../ip6/output.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4 } from '../lib/addr.ts'
import type { Frame } from '../lib/frame.ts'

/** Sends a transport packet (f.off at its header; f.src, dst, proto, tos, ttl, flags filled in). Consumes the frame. */
export function inetOutput(vn: Vn, f: Frame): number {
  if (addrIsV4(f.dst)) return ipOutput(vn, f)
  return ip6Output(vn, f)
}
