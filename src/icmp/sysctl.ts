/** Tunables of icmp. */

import type { SysctlDef } from '../kern/sysctl.ts'

export const ICMP_SYSCTLS = Object.freeze({
} satisfies Record<string, SysctlDef>)
