/** ICMP errors that transports send, in the family of the packet. */

import { icmpError } from '../icmp/error.ts'
import { icmp6Error } from '../icmp6/error.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4 } from '../lib/addr.ts'
import type { Frame } from '../lib/frame.ts'
import { ICMP6_DST_UNREACH, ICMP6_UNREACH_PORT } from '../wire/icmpv6.ts'
import { ICMP_UNREACH, ICMP_UNREACH_PORT } from '../wire/icmp.ts'

/** Tells the sender of the packet in `f` that nobody listens on its port (RFC 1122 §3.2.2.1). Borrows the frame. */
export function inetPortUnreachable(vn: Vn, f: Frame): void {
  if (addrIsV4(f.src)) icmpError(vn, f, ICMP_UNREACH, ICMP_UNREACH_PORT, 0)
  else icmp6Error(vn, f, ICMP6_DST_UNREACH, ICMP6_UNREACH_PORT, 0)
}
