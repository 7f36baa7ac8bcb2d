/** Tunables of arp. */

import type { SysctlDef } from '../kern/sysctl.ts'

export const ARP_SYSCTLS = Object.freeze({
} satisfies Record<string, SysctlDef>)
