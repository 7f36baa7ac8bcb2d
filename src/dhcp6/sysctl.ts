/** Tunables of DHCPv6 clients; FreeBSD has its client outside the kernel, so the names are ours. */

import { sysctlBool, sysctlInt } from '../kern/sysctl.ts'
import type { SysctlDef } from '../kern/sysctl.ts'

export const DHCP6_SYSCTLS = Object.freeze({
  'net.inet6.dhcp6.accept_ra': sysctlBool(
    1, 'A host that listens to routers asks by DHCPv6 for what the M and O flags of an advertisement name (RFC 4861 §4.2)'),
  'net.inet6.dhcp6.rapidcommit': sysctlBool(1, 'Offer servers to lease in two messages in place of four (RFC 8415 §18.2.1)'),
  'net.inet6.dhcp6.startdelay': sysctlInt(
    1000, 0, 10_000, 'ms', 'The first message of a client is put off by a random time up to this (RFC 8415: 1 s)'),
} satisfies Record<string, SysctlDef>)
