/** Tunables of neighbour discovery, with FreeBSD's names where it has them. */

import { sysctlInt } from '../kern/sysctl.ts'
import type { SysctlDef } from '../kern/sysctl.ts'

export const ND_SYSCTLS = Object.freeze({
  'net.inet6.icmp6.nd6_delay': sysctlInt(5, 1, 600, 's', 'Time for progress before a neighbour is probed (DELAY_FIRST_PROBE_TIME)'),
  'net.inet6.icmp6.nd6_umaxtries': sysctlInt(3, 1, 100, 'messages', 'Unicast solicitations (MAX_UNICAST_SOLICIT)'),
  'net.inet6.icmp6.nd6_mmaxtries': sysctlInt(3, 1, 100, 'messages', 'Multicast solicitations (MAX_MULTICAST_SOLICIT)'),
  'net.inet6.icmp6.nd6_gctimer': sysctlInt(86_400, 1, 604_800, 's', 'Stale neighbours are forgotten after that long'),
  'net.inet6.icmp6.nd6_maxqueuelen': sysctlInt(16, 1, 1024, 'packets', 'Packets that may wait for one neighbour'),
  'net.inet6.icmp6.nd6_maxholdbytes': sysctlInt(
    1_048_576, 0, 1_073_741_824, 'bytes', 'Packets that may wait for all neighbours'),
  'net.inet6.icmp6.nd6_maxproxies': sysctlInt(
    256, 0, 65_536, 'addresses', 'Most addresses of others that are answered for (RFC 4861 §7.2.8)'),
  'net.inet6.icmp6.nd6_maxentries': sysctlInt(4096, 16, 1_048_576, 'entries', 'Most neighbours (RFC 6583 §6)'),
} satisfies Record<string, SysctlDef>)
