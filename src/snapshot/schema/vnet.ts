/** The whole tree. */

import type { VnetState } from '../../vnet/state.ts'
import { AMOUNT, flat, real, record, SAFE_MAX, text } from '../node.ts'
import { ARP } from './arp.ts'
import { ICMP } from './icmp.ts'
import { ICMP6, IP6, ND } from './ip6.ts'
import { DHCP, RESOLVER } from './dhcp.ts'
import { DHCP6 } from './dhcp6.ts'
import { IGMP, MCAST, MLD } from './mcast.ts'
import { INET } from './inet.ts'
import { IP } from './ip.ts'
import { LOG, RANDOM, TIMERS } from './kern.ts'
import { LINK } from './link.ts'
import { RAW } from './raw.ts'
import { TCP } from './tcp.ts'
import { UDP } from './udp.ts'

const NAME_MAX = 1024

export const VNET = record<VnetState>(null, {
  name: text(NAME_MAX), now: AMOUNT, random: RANDOM, timers: TIMERS, sysctl: flat(real(-SAFE_MAX, SAFE_MAX)), log: LOG,
  link: LINK, arp: ARP, ip: IP, icmp: ICMP, ip6: IP6, icmp6: ICMP6, nd: ND, inet: INET, mcast: MCAST, igmp: IGMP, mld: MLD,
  raw: RAW, udp: UDP, dhcp: DHCP, dhcp6: DHCP6, resolver: RESOLVER, tcp: TCP,
})
