/** Tunables of inet. */

import type { SysctlDef } from '../kern/sysctl.ts'

export const INET_SYSCTLS = Object.freeze({
} satisfies Record<string, SysctlDef>)
