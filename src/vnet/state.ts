/** The whole state of a network stack on one screen. Plain data: see docs/state.md. */

import type { ArpState } from '../arp/state.ts'
import type { DhcpState } from '../dhcp/state.ts'
import type { Dhcp6State } from '../dhcp6/state.ts'
import type { IcmpState } from '../icmp/state.ts'
import type { Icmp6State } from '../icmp6/state.ts'
import type { IgmpState } from '../igmp/state.ts'
import type { InetState } from '../inet/state.ts'
import type { IpState } from '../ip/state.ts'
import type { Ip6State } from '../ip6/state.ts'
import type { LogState } from '../kern/log.ts'
import type { RandomState } from '../kern/random.ts'
import type { TimerHeap } from '../kern/timer.ts'
import type { LinkState } from '../link/state.ts'
import type { McastState } from '../mcast/state.ts'
import type { NdState } from '../nd/state.ts'
import type { MldState } from '../mld/state.ts'
import type { RawState } from '../raw/state.ts'
import type { ResolverState } from '../resolver/state.ts'
import type { TcpState } from '../tcp/state.ts'
import type { UdpState } from '../udp/state.ts'
import type { Sysctls } from './sysctl.ts'

export interface VnetState {
  name: string
  /** µs since this Vnet's boot: the time of the event that is being handled. */
  now: number
  random: RandomState
  timers: TimerHeap
  /** Shared by all in which nothing was set: written through sysctlsIn. */
  sysctl: Readonly<Sysctls>
  log: LogState
  link: LinkState
  arp: ArpState
  ip: IpState
  icmp: IcmpState
  ip6: Ip6State
  icmp6: Icmp6State
  nd: NdState
  inet: InetState
  mcast: McastState
  igmp: IgmpState
  mld: MldState
  raw: RawState
  udp: UdpState
  dhcp: DhcpState
  dhcp6: Dhcp6State
  resolver: ResolverState
  tcp: TcpState
}
