/** Tunables of the link layer. */

import { sysctlInt } from '../kern/sysctl.ts'
import type { SysctlDef } from '../kern/sysctl.ts'

export const LINK_SYSCTLS = Object.freeze({
  'net.link.loop.maxqueue': sysctlInt(1024, 1, 65_536, 'packets', 'Packets that may wait on the loopback interface'),
} satisfies Record<string, SysctlDef>)
