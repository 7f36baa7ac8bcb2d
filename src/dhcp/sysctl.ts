/** Tunables of DHCP clients; FreeBSD has its client outside the kernel, so the names are ours. */

import { sysctlBool, sysctlInt } from '../kern/sysctl.ts'
import type { SysctlDef } from '../kern/sysctl.ts'

export const DHCP_SYSCTLS = Object.freeze({
  'net.inet.dhcp.startdelay': sysctlInt(
    1000, 0, 10_000, 'ms', 'A client starts within this time of coming up (RFC 2131 §4.4.1 advises 1 to 10 s)'),
  'net.inet.dhcp.probe': sysctlBool(1, 'Look whether somebody has the leased address before it is used (RFC 5227)'),
  'net.inet.dhcp.dna': sysctlBool(1, 'When a link comes back, ask the old gateway whether we are still there (RFC 4436)'),
} satisfies Record<string, SysctlDef>)
