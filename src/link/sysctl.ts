/** Tunables of link. */

import type { SysctlDef } from '../kern/sysctl.ts'

export const LINK_SYSCTLS = Object.freeze({
} satisfies Record<string, SysctlDef>)
