/** Tunables of IPv6. */

import { sysctlBool, sysctlInt } from '../kern/sysctl.ts'
import type { SysctlDef } from '../kern/sysctl.ts'

export const IP6_SYSCTLS = Object.freeze({
  'net.inet6.ip6.hlim': sysctlInt(64, 1, 255, 'hops', 'Hop limit of packets sent, where no router advertises another'),
  'net.inet6.ip6.forwarding': sysctlBool(0, 'Forward packets between interfaces: be a router (RFC 8504 §14)'),
  'net.inet6.ip6.auto_linklocal': sysctlBool(
    1, 'An Ethernet interface gets a link-local address when IPv6 is enabled on it (RFC 4291 §2.8)'),
  'net.inet6.ip6.stableaddr': sysctlBool(
    1, 'Interface identifiers are opaque and stable (RFC 7217); 0 makes them of the Ethernet address (EUI-64)'),
  'net.inet6.ip6.dad_count': sysctlInt(
    1, 0, 16, 'messages', 'Solicitations of duplicate address detection; 0: no detection (RFC 4862 §5.1)'),
  'net.inet6.ip6.prefer_tempaddr': sysctlBool(1, 'Prefer temporary source addresses (RFC 6724 §5 rule 7)'),
  'net.inet6.ip6.accept_rtadv': sysctlBool(
    0, 'Interfaces that get IPv6 from now on listen to routers and configure themselves (RFC 4862)'),
  'net.inet6.ip6.use_tempaddr': sysctlBool(0, 'Make temporary addresses beside the stable ones (RFC 8981)'),
  'net.inet6.ip6.temppltime': sysctlInt(86_400, 60, 8_640_000, 's', 'Preferred lifetime of temporary addresses (TEMP_PREFERRED_LIFETIME)'),
  'net.inet6.ip6.tempvltime': sysctlInt(172_800, 60, 8_640_000, 's', 'Valid lifetime of temporary addresses (TEMP_VALID_LIFETIME)'),
  'net.inet6.ip6.maxifprefixes': sysctlInt(16, 0, 1024, 'prefixes', 'Advertised prefixes of one interface (RFC 6583 §6)'),
  'net.inet6.ip6.maxifdefrouters': sysctlInt(16, 0, 1024, 'routers', 'Default routers of one interface'),
  'net.inet6.ip6.maxdynroutes': sysctlInt(256, 0, 65_536, 'routes', 'Redirects that are remembered'),
  'net.inet6.ip6.redirect': sysctlBool(1, 'A router tells hosts of better first hops (RFC 4861 §8.2)'),
  'net.inet6.ip6.maxifroutes': sysctlInt(16, 0, 1024, 'routes', 'Advertised routes of one interface (RFC 4191)'),
  'net.inet6.ip6.auto_flowlabel': sysctlBool(1, 'Packets of a conversation share a flow label (RFC 6437 §3)'),
  'net.inet6.ip6.hdrnestlimit': sysctlInt(15, 0, 255, 'headers', 'Extension headers of one packet (RFC 8504 §5.3)'),
  'net.inet6.ip6.maxoptions': sysctlInt(8, 0, 255, 'options', 'Options of one extension header (RFC 8504 §5.3)'),
  'net.inet6.ip6.maxfragpackets': sysctlInt(256, 0, 65_536, 'packets', 'Packets that may be in reassembly'),
  'net.inet6.ip6.maxfragsperpacket': sysctlInt(256, 1, 8192, 'fragments', 'Fragments of one packet'),
  'net.inet6.ip6.maxfragbytes': sysctlInt(4_194_304, 0, 1_073_741_824, 'bytes', 'Bytes held in reassembly'),
  'net.inet6.ip6.fragttl': sysctlInt(60, 1, 255, 's', 'Lifetime of fragments (RFC 8200 §4.5)'),
} satisfies Record<string, SysctlDef>)
