/** Tunables of IGMP, FreeBSD's names; `requirera` is ours. */

import { sysctlBool, sysctlInt } from '../kern/sysctl.ts'
import type { SysctlDef } from '../kern/sysctl.ts'

export const IGMP_SYSCTLS = Object.freeze({
  'net.inet.igmp.default_version': sysctlInt(3, 1, 3, '', 'Version spoken where no older querier is heard'),
  'net.inet.igmp.v1enable': sysctlBool(1, 'Fall back to version 1 when a querier speaks it'),
  'net.inet.igmp.v2enable': sysctlBool(1, 'Fall back to version 2 when a querier speaks it'),
  'net.inet.igmp.sendra': sysctlBool(1, 'Send messages with the Router Alert option (RFC 2113)'),
  'net.inet.igmp.sendlocal': sysctlBool(1, 'Report groups of 224.0.0.0/24, too'),
  'net.inet.igmp.requirera': sysctlBool(
    1, 'Ignore queries of versions 2 and 3 without the Router Alert option (RFC 3376 §9.1)'),
} satisfies Record<string, SysctlDef>)
