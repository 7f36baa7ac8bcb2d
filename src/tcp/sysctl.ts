/** Tunables of tcp. */

import type { SysctlDef } from '../kern/sysctl.ts'

export const TCP_SYSCTLS = Object.freeze({
} satisfies Record<string, SysctlDef>)
