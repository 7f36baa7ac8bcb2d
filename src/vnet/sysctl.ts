/** The sysctl tree of a Vnet: every protocol's table joined, read and written by name. */

import { ARP_SYSCTLS } from '../arp/sysctl.ts'
import { DHCP_SYSCTLS } from '../dhcp/sysctl.ts'
import { DHCP6_SYSCTLS } from '../dhcp6/sysctl.ts'
import { ICMP_SYSCTLS } from '../icmp/sysctl.ts'
import { ICMP6_SYSCTLS } from '../icmp6/sysctl.ts'
import { IGMP_SYSCTLS } from '../igmp/sysctl.ts'
import { INET_SYSCTLS } from '../inet/sysctl.ts'
import { IP_SYSCTLS } from '../ip/sysctl.ts'
import { IP6_SYSCTLS } from '../ip6/sysctl.ts'
import type { SysctlDef } from '../kern/sysctl.ts'
import { EINVAL, ENOENT } from '../lib/errno.ts'
import { recordMaker } from '../lib/record.ts'
import { LINK_SYSCTLS } from '../link/sysctl.ts'
import { MCAST_SYSCTLS } from '../mcast/sysctl.ts'
import { ND_SYSCTLS } from '../nd/sysctl.ts'
import { MLD_SYSCTLS } from '../mld/sysctl.ts'
import { TCP_SYSCTLS } from '../tcp/sysctl.ts'
import { UDP_SYSCTLS } from '../udp/sysctl.ts'

const TABLE = Object.freeze({
  ...LINK_SYSCTLS, ...ARP_SYSCTLS, ...IP_SYSCTLS, ...ICMP_SYSCTLS, ...IP6_SYSCTLS, ...ICMP6_SYSCTLS, ...ND_SYSCTLS,
  ...INET_SYSCTLS, ...MCAST_SYSCTLS, ...IGMP_SYSCTLS, ...MLD_SYSCTLS, ...UDP_SYSCTLS, ...DHCP_SYSCTLS, ...DHCP6_SYSCTLS,
  ...TCP_SYSCTLS,
})

export type SysctlName = keyof typeof TABLE
export type Sysctls = Record<SysctlName, number>

/** Every tunable with its definition, sorted by name. */
export const SYSCTLS: readonly (readonly [SysctlName, SysctlDef])[] = Object.freeze(
  (Object.entries(TABLE) as [SysctlName, SysctlDef][])
    .sort(([a], [b]) => (a < b ? -1 : 1)).map((row) => Object.freeze(row)),
)

const createSysctls = recordMaker<Sysctls>(SYSCTLS.map(([name, def]) => [name, def.value]))

/** All defaults: the record of every Vnet in which nothing was set. */
export const SYSCTL_DEFAULTS: Readonly<Sysctls> = Object.freeze(createSysctls())

/** A Vnet's tunables, to be changed: its own from now on. */
export function sysctlsIn(owner: { sysctl: Readonly<Sysctls> }): Sysctls {
  if (owner.sysctl === SYSCTL_DEFAULTS) owner.sysctl = createSysctls()
  return owner.sysctl
}

export function sysctlDef(name: string): SysctlDef | null {
  return Object.hasOwn(TABLE, name) ? TABLE[name as SysctlName] : null
}

/** Text of a value: the name where the tunable is an enumeration. */
export function sysctlPrint(name: string, value: number): string {
  return sysctlDef(name)?.names?.[value] ?? String(value)
}

/** Sets a tunable of a Vnet's state from its text. ENOENT: no such name; EINVAL: not a number (or name), or out of range. */
export function sysctlSet(owner: { sysctl: Readonly<Sysctls> }, name: string, text: string): number {
  const def = sysctlDef(name)
  if (def === null) return ENOENT
  const named = def.names?.indexOf(text) ?? -1
  const value = named >= 0 ? named : /^-?\d+$/.test(text) ? Number(text) : NaN
  if (!(value >= def.min && value <= def.max)) return EINVAL
  if (owner.sysctl[name as SysctlName] !== value) sysctlsIn(owner)[name as SysctlName] = value
  return 0
}
