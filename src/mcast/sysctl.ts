/** Tunables of multicast reception, common to both families. */

import { sysctlBool, sysctlInt } from '../kern/sysctl.ts'
import type { SysctlDef } from '../kern/sysctl.ts'

export const MCAST_SYSCTLS = Object.freeze({
  'net.inet.ip.mcast.loop': sysctlBool(1, 'Multicasts sent come back to members on this host (RFC 1112 §7.1)'),
  'net.inet.ip.mcast.maxgrpsrc': sysctlInt(512, 1, 65_535, 'sources', 'Sources of a group on an interface'),
  'net.inet.ip.mcast.maxsocksrc': sysctlInt(128, 1, 65_535, 'sources', 'Sources of a group on a socket'),
  'net.inet.ip.mcast.maxgroups': sysctlInt(4095, 1, 65_535, 'groups', 'Groups that a socket may join'),
} satisfies Record<string, SysctlDef>)
