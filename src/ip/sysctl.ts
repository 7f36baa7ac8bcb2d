/** Tunables of ip. */

import type { SysctlDef } from '../kern/sysctl.ts'

export const IP_SYSCTLS = Object.freeze({
} satisfies Record<string, SysctlDef>)
