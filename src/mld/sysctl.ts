/** Tunables of MLD, FreeBSD's name; the others are ours. */

import { sysctlBool, sysctlInt } from '../kern/sysctl.ts'
import type { SysctlDef } from '../kern/sysctl.ts'

export const MLD_SYSCTLS = Object.freeze({
  'net.inet6.mld.v1enable': sysctlBool(1, 'Fall back to version 1 when a querier speaks it'),
  'net.inet6.mld.default_version': sysctlInt(2, 1, 2, '', 'Version spoken where no older querier is heard'),
  'net.inet6.mld.solicited': sysctlBool(
    1, 'Report the solicited-node groups of our addresses (RFC 4862 §5.4.2), for switches that listen'),
} satisfies Record<string, SysctlDef>)
