/** Tunables of ICMP. */

import { sysctlBool, sysctlInt } from '../kern/sysctl.ts'
import type { SysctlDef } from '../kern/sysctl.ts'

export const ICMP_SYSCTLS = Object.freeze({
  'net.inet.icmp.icmplim': sysctlInt(200, 0, 1_000_000, 'messages/s', 'Most ICMP errors sent in a second; 0: no limit'),
  'net.inet.icmp.quotelen': sysctlInt(
    548, 8, 548, 'bytes', 'Most bytes of the offending packet in an error (RFC 1812 §4.3.2.3: up to 576 in all)'),
  'net.inet.icmp.bmcastecho': sysctlBool(0, 'Answer echo and timestamp requests to broadcast and multicast addresses'),
  'net.inet.icmp.tstamprepl': sysctlBool(1, 'Answer timestamp requests'),
  'net.inet.icmp.drop_redirect': sysctlBool(0, 'Ignore redirects'),
  'net.inet.icmp.redirtimeout': sysctlInt(600, 1, 86_400, 's', 'Lifetime of a route learnt by a redirect'),
  'net.inet.icmp.maxredirects': sysctlInt(1024, 1, 65_536, 'routes', 'Most routes learnt by redirects'),
} satisfies Record<string, SysctlDef>)
