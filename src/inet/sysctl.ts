/** Tunables that TCP and UDP share. */

import { sysctlInt } from '../kern/sysctl.ts'
import type { SysctlDef } from '../kern/sysctl.ts'

export const INET_SYSCTLS = Object.freeze({
  // as FreeBSD; wider than the 49152–65535 of RFC 6335 §6, because a guesser must search it (RFC 6056 §3.2)
  'net.inet.ip.portrange.first': sysctlInt(10_000, 1, 65_535, 'port', 'First ephemeral port'),
  'net.inet.ip.portrange.last': sysctlInt(65_535, 1, 65_535, 'port', 'Last ephemeral port'),
} satisfies Record<string, SysctlDef>)
