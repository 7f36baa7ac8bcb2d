/** Tunables of ICMPv6. */

import { sysctlBool, sysctlInt } from '../kern/sysctl.ts'
import type { SysctlDef } from '../kern/sysctl.ts'

export const ICMP6_SYSCTLS = Object.freeze({
  'net.inet6.icmp6.errppslimit': sysctlInt(
    100, 0, 1_000_000, 'messages/s', 'Most ICMPv6 errors sent in a second; 0: no limit (RFC 4443 §2.4 f)'),
  'net.inet6.icmp6.mcastecho': sysctlBool(1, 'Answer echo requests to multicast addresses (RFC 4443 §4.2)'),
  'net.inet6.icmp6.rediraccept': sysctlBool(1, 'Redirects change routes (RFC 4861 §8.3)'),
  'net.inet6.icmp6.redirtimeout': sysctlInt(600, 1, 86_400, 's', 'Redirects are forgotten after that long'),
} satisfies Record<string, SysctlDef>)
