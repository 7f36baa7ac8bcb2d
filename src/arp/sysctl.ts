/** Tunables of ARP. */

import { sysctlBool, sysctlEnum, sysctlInt } from '../kern/sysctl.ts'
import type { SysctlDef } from '../kern/sysctl.ts'

export const ARP_SYSCTLS = Object.freeze({
  'net.link.ether.inet.max_age': sysctlInt(1200, 2, 86_400, 's', 'Lifetime of an ARP entry'),
  'net.link.ether.inet.maxtries': sysctlInt(5, 1, 100, 'requests', 'Requests before a neighbour counts as down'),
  'net.link.ether.inet.wait': sysctlInt(20, 1, 3600, 's', 'Time for which a neighbour that is down is not asked again'),
  'net.link.ether.inet.maxentries': sysctlInt(4096, 8, 1_048_576, 'entries', 'Most ARP entries of all interfaces'),
  'net.link.ether.inet.maxhold': sysctlInt(512, 1, 1024, 'packets', 'Packets that may wait for one neighbour'),
  'net.link.ether.inet.maxholdbytes': sysctlInt(
    1_048_576, 2048, 1_073_741_824, 'bytes', 'Bytes of packets that may wait for all neighbours'),
  'net.link.ether.inet.log_arp_movements': sysctlBool(1, 'Log neighbours that change their Ethernet address'),
  'net.link.ether.inet.defend': sysctlEnum(
    ['giveup', 'keep'], 0, 'On a second conflict within 10 s give the address up, or keep it (RFC 5227 §2.4 b, c)'),
} satisfies Record<string, SysctlDef>)
