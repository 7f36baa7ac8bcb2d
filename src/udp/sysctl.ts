/** Tunables of udp. */

import type { SysctlDef } from '../kern/sysctl.ts'

export const UDP_SYSCTLS = Object.freeze({
} satisfies Record<string, SysctlDef>)
