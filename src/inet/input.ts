/** The protocol switch: from the network layer to the transport that the packet names (RFC 1122 §3.2.1). */

import { icmpInput } from '../icmp/input.ts'
import { icmp6Input } from '../icmp6/input.ts'
import { igmpInput } from '../igmp/input.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4 } from '../lib/addr.ts'
import type { Frame } from '../lib/frame.ts'
import { rawInput } from '../raw/input.ts'
import { tcpInput } from '../tcp/input.ts'
import { udpInput } from '../udp/input.ts'
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_IGMP, IPPROTO_TCP, IPPROTO_UDP } from '../wire/ipv4.ts'

/**
 * Hands a packet for this host (f.off = f.l4 at the transport header, f.l3 at the IP header) to its protocol; borrows
 * it. False when nobody here speaks the protocol: the caller answers with protocol unreachable (RFC 1122 §3.2.2.1).
 */
export function inetInput(vn: Vn, f: Frame): boolean {
  switch (f.proto) {
    case IPPROTO_TCP:
      tcpInput(vn, f)
      return true
    case IPPROTO_UDP:
      udpInput(vn, f)
      return true
    case IPPROTO_ICMP:
      // raw sockets first: they get a copy of the packet as it came
      rawInput(vn, f)
      // each ICMP belongs to its own IP
      if (!addrIsV4(f.dst)) return false
      icmpInput(vn, f)
      return true
    case IPPROTO_IGMP:
      rawInput(vn, f)
      if (!addrIsV4(f.dst)) return false
      igmpInput(vn, f)
      return true
    case IPPROTO_ICMPV6:
      rawInput(vn, f)
      if (addrIsV4(f.dst)) return false
      icmp6Input(vn, f)
      return true
    default:
      return rawInput(vn, f)
  }
}
