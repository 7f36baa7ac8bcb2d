/** Tunables of IPv4. */

import { sysctlBool, sysctlInt } from '../kern/sysctl.ts'
import type { SysctlDef } from '../kern/sysctl.ts'

export const IP_SYSCTLS = Object.freeze({
  'net.inet.ip.ttl': sysctlInt(64, 1, 255, 'hops', 'Time to live of packets sent'),
  'net.inet.ip.mcast.ttl': sysctlInt(1, 0, 255, 'hops', 'Time to live of multicasts sent (RFC 1112 §6.1)'),
  'net.inet.ip.forwarding': sysctlBool(0, 'Forward packets between interfaces (RFC 1122 §3.1: off unless configured)'),
  'net.inet.ip.redirect': sysctlBool(1, 'Send redirects when forwarding'),
  'net.inet.ip.sourceroute': sysctlBool(0, 'Forward source-routed packets'),
  'net.inet.ip.accept_sourceroute': sysctlBool(0, 'Accept source-routed packets for this host'),
  'net.inet.ip.process_options': sysctlInt(
    1, 0, 2, '', 'Packets with options: 0 ignore the options, 1 process them, 2 reject the packet'),
  'net.inet.ip.rfc1122_strong_es': sysctlBool(0, 'Take packets only for addresses of the interface they came in by'),
  'net.inet.ip.maxfragpackets': sysctlInt(256, 0, 65_536, 'packets', 'Datagrams that may be in reassembly'),
  'net.inet.ip.maxfragsperpacket': sysctlInt(256, 1, 8192, 'fragments', 'Fragments of one datagram'),
  'net.inet.ip.maxfrags': sysctlInt(8192, 0, 1_048_576, 'fragments', 'Fragments of all datagrams'),
  'net.inet.ip.maxfragbytes': sysctlInt(4_194_304, 0, 1_073_741_824, 'bytes', 'Bytes held in reassembly'),
  'net.inet.ip.fragttl': sysctlInt(60, 1, 255, 's', 'Lifetime of fragments (RFC 1122 §3.3.2: 60 to 120)'),
  'net.inet.ip.pmtu.expire': sysctlInt(600, 60, 86_400, 's', 'Lifetime of a path MTU (RFC 1191 §6.3)'),
  'net.inet.ip.pmtu.min': sysctlInt(552, 68, 65_535, 'bytes', 'Least path MTU believed'),
  'net.inet.ip.pmtu.max_entries': sysctlInt(4096, 1, 1_048_576, 'entries', 'Path MTUs remembered'),
} satisfies Record<string, SysctlDef>)
