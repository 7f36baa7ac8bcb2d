/** A script of IPv4 in the words of IPv6, or why there is none: docs/script.md's names, numbers 20 octets larger on the link. */

/** The script to run over IPv6; or null, with the reason for which it is about IPv4 alone ('' when none is known). */
export interface Six { text: string | null; reason: string }

/**
 * RFC 8200's header is 20 octets longer than RFC 791's: a link and path with 20 more leave TCP and UDP the sizes that the script
 * expects. `--ip_version` and the link's own MTU are the runner's (SIX_OPTIONS).
 */
export function inSix(name: string, text: string): Six {
  const said = ONLY_IPV4[name]
  if (said !== undefined) return { text: null, reason: said }
  const code = withoutComments(text)
  const found = REASONS.find(([, test]) => test(code))
  if (found !== undefined) return { text: null, reason: found[0] }
  const six = wordsOfSix(text)
  return { text: LEFT.test(six) ? null : six, reason: '' }
}

/** Names, addresses and MTUs of IPv6 for those of IPv4, whether or not that makes sense. */
export function wordsOfSix(text: string): string {
  return WORDS.reduce((t, [from, to]) => t.replace(from, to as string), withoutComments(text))
}

/** Scripts that say themselves that they are IPv6's. */
export function isAboutSix(text: string): boolean {
  return /^--ip_version[= ]ipv6$/m.test(text)
}

/** Options of the run. */
export const SIX_OPTIONS = { ip_version: 'ipv6', mtu: '1520' }

const MORE = 20
/** RFC 8200 §5. */
const LEAST = 1280

/** What cannot be said of IPv6, in the order in which it is looked for. */
export const REASONS: readonly [string, (code: string) => boolean][] = [
  ['IP options (RFC 791 §3.1)', (code) => /\[(?:[^\]]*, *)?(?:ipopt|via)\b|IP_OPTIONS|IP_RETOPTS/.test(code)],
  ['ICMP messages that ICMPv6 has not',
    (code) => /icmp (?:source_quench|timestamp|type|unreachable protocol_unreachable)/.test(code)],
  ['a report without an MTU (RFC 1191 §5)', (code) => /frag_needed(?! mtu)/.test(code)],
  ['an MTU that no IPv6 link has (RFC 8200 §5)',
    (code) => [...code.matchAll(/\bmtu[ =](\d+)/g)].some(([, n]) => Number(n) + MORE < LEAST)],
  ['a cookie of IPv4 addresses', (code) => code.includes('tcp_fastopen_key')],
]

/** Numbers that RFCs give for IPv4 alone. */
export const ONLY_IPV4: Readonly<Record<string, string>> = {
  // RFC 9293 §3.7.1: without the option IPv4 assumes 536, IPv6 1,220 (ip6/mss-default-1220)
  'mss/default-536-active.pkt': 'the default MSS of IPv4', 'mss/default-536.pkt': 'the default MSS of IPv4',
  'options/after-eol-ignored.pkt': 'the default MSS of IPv4', 'syncookie/no-mss-option.pkt': 'the default MSS of IPv4',
  'udp/send-ttl-invalid.pkt': 'a hop limit of 0 may be sent (RFC 3542 §6.3)',
  'udp/send-item-of-ipv6.pkt': 'an IPv4 socket has no items of IPv6',
  'syncookie/mss-common-exact.pkt': 'the MSS of Ethernet with IPv4',
}

type Replace = string | ((all: string, ...parts: string[]) => string)
const more = (all: string, n: string): string => all.replace(n, String(Number(n) + MORE))

/** RFC 3493 §3.3, §6; RFC 3542 §6.5; RFC 4443 §2.1. Lengths of addresses: 28 for 16. */
const WORDS: readonly [RegExp, Replace][] = [
  [/^--ip_version=ipv4$/gm, ''],
  [/\bsin_addr = inet_addr\("([\d.]+)"\)\}, (\[?)16\b/g, sixAddress],
  [/\bsin_port\b/g, 'sin6_port'],
  [/\bAF_INET\b/g, 'AF_INET6'],
  [/\bSO_DOMAIN, \[2\]/g, 'SO_DOMAIN, [10]'],
  [/IPPROTO_IP, IP_TOS\b/g, 'IPPROTO_IPV6, IPV6_TCLASS'],
  [/IPPROTO_IP, IP_TTL\b/g, 'IPPROTO_IPV6, IPV6_UNICAST_HOPS'],
  [/IPPROTO_IP, IP_MTU_DISCOVER\b/g, 'IPPROTO_IPV6, IPV6_MTU_DISCOVER'],
  [/\bIP_RECVTTL, /g, 'IPV6_RECVHOPLIMIT, '],
  [/\bIP_RECVTOS, /g, 'IPV6_RECVTCLASS, '],
  [/\bIP_(?:RECVDSTADDR|PKTINFO), \[/g, 'IPV6_RECVPKTINFO, ['],
  [/IPPROTO_IP, IPV6_/g, 'IPPROTO_IPV6, IPV6_'],
  [/cmsg_type=IP_TTL\b/g, 'cmsg_type=IPV6_HOPLIMIT'],
  [/cmsg_type=IP_TOS\b/g, 'cmsg_type=IPV6_TCLASS'],
  [/cmsg_type=IP_RECVDSTADDR, cmsg_data=(inet_addr\("[\d.]+"\))/g, 'cmsg_type=IPV6_PKTINFO, cmsg_data={ipi_addr=$1}'],
  [/cmsg_type=IP_SENDSRCADDR, cmsg_data=(inet_addr\("[\d.]+"\))/g, 'cmsg_type=IPV6_PKTINFO, cmsg_data={ipi_addr=$1}'],
  [/\bipi_spec_dst=/g, 'ipi_addr='],
  [/\[src ([\d.]+)\]/g, (_, ip) => `[src ${host(ip)}]`],
  [/cmsg_type=IP_PKTINFO\b/g, 'cmsg_type=IPV6_PKTINFO'],
  [/\bipi_ifindex=/g, 'ipi6_ifindex='],
  [/\bipi_addr=inet_addr\("([\d.]+)"\)/g, (_, ip) => `ipi6_addr=inet6_addr("${host(ip)}")`],
  [/\bSOL_IP\b/g, 'SOL_IPV6'],
  [/\bicmp unreachable frag_needed\b/g, 'icmpv6 packet_too_big'],
  [/\bicmp unreachable host_unreachable\b/g, 'icmpv6 unreachable address_unreachable'],
  [/\bicmp time_exceeded ttl_exceeded\b/g, 'icmpv6 time_exceeded exceeded_hop_limit'],
  [/\bicmp parameter_problem\b/g, 'icmpv6 parameter_problem err_hdr_field'],
  [/\bicmp /g, 'icmpv6 '],
  [/\bmtu[ =](\d+)/g, more],
]

/** What would still be IPv4's. */
const LEFT =
  /\bAF_INET\b|\bsin_|inet_addr|\bicmp\b|IPPROTO_IP\b|SOL_IP\b|\bIP_(?!PMTUDISC)\w|net\.inet\.ip\.|ip_version|\b\d+\.\d+\.\d+\.\d+\b/

function sixAddress(_: string, ip: string, open: string): string {
  return `inet_pton(AF_INET6, "${host(ip)}", &sin6_addr)}, ${open}28`
}

/** The addresses of docs/script.md's options, by their last part; groups by theirs. */
function host(ip: string): string {
  const last = ip.split('.').at(-1) ?? ''
  if (ip.startsWith('192.168.0.')) return `fd3d:0:0:1::${last}`
  return ip.startsWith('224.') ? `ff02::${last}` : `2001:db8::${last}`
}

function withoutComments(text: string): string {
  return text.replace(/\/\/.*$/gm, '')
}
