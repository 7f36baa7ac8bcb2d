/** ICMPv6 (RFC 4443) and the types of neighbour discovery (RFC 4861), enough to print them. */
import { byte, decodeHeader, encodeHeader, half, header, offsetOf, word } from './layout.ts'
import type { HeaderRecord } from './layout.ts'
import { ip6ReadAddr, printIp6Addr } from './ipv6.ts'

const ICMP6 = header(byte('type'), byte('code'), half('sum'), word('rest'))

/** The common start; `rest` is the second word: identifier and sequence, MTU, pointer, flags or unused. */
export type Icmp6Header = HeaderRecord<typeof ICMP6>

export const ICMP6_TYPE = offsetOf(ICMP6, 'type')
export const ICMP6_CODE = offsetOf(ICMP6, 'code')
export const ICMP6_SUM = offsetOf(ICMP6, 'sum')
export const ICMP6_REST = offsetOf(ICMP6, 'rest')
export const ICMP6_HDR_LEN = ICMP6.size

export const ICMP6_DST_UNREACH = 1
export const ICMP6_PACKET_TOO_BIG = 2
export const ICMP6_TIME_EXCEEDED = 3
export const ICMP6_PARAM_PROB = 4
export const ICMP6_UNREACH_NOROUTE = 0
export const ICMP6_UNREACH_ADMIN = 1
export const ICMP6_UNREACH_SCOPE = 2
export const ICMP6_UNREACH_ADDR = 3
export const ICMP6_UNREACH_PORT = 4
export const ICMP6_UNREACH_POLICY = 5
export const ICMP6_UNREACH_REJECT = 6
export const ICMP6_TIME_EXCEED_TRANSIT = 0
export const ICMP6_TIME_EXCEED_REASSEMBLY = 1
export const ICMP6_PARAMPROB_HEADER = 0
export const ICMP6_PARAMPROB_NEXTHEADER = 1
export const ICMP6_PARAMPROB_OPTION = 2
/** The first fragment lacks part of the header chain (RFC 7112 §5). */
export const ICMP6_PARAMPROB_FIRSTFRAG = 3
export const ICMP6_ECHO_REQUEST = 128
export const ICMP6_ECHO_REPLY = 129
export const ND_ROUTER_SOLICIT = 133
export const ND_ROUTER_ADVERT = 134
export const ND_NEIGHBOR_SOLICIT = 135
export const ND_NEIGHBOR_ADVERT = 136
export const ND_REDIRECT = 137

/** Where a neighbour message's target address lies. */
export const ND_TARGET = ICMP6_HDR_LEN
const ADDR_LEN = 16

/** Where the options of a neighbour message begin. */
export const ND_NEIGHBOR_LEN = ND_TARGET + ADDR_LEN
/** Flags of a neighbour advertisement, in the second word (RFC 4861 §4.4). */
export const ND_NA_ROUTER = 0x80000000
export const ND_NA_SOLICITED = 0x40000000
export const ND_NA_OVERRIDE = 0x20000000

export const ND_OPT_SOURCE_LINKADDR = 1
export const ND_OPT_TARGET_LINKADDR = 2
export const ND_OPT_PREFIX_INFO = 3
export const ND_OPT_REDIRECTED = 4
export const ND_OPT_MTU = 5
/** RFC 3971 §5.3.2, used by RFC 7527. */
export const ND_OPT_NONCE = 14
export const ND_OPT_ROUTE_INFO = 24
export const ND_OPT_RDNSS = 25
export const ND_OPT_DNSSL = 31

/** Lengths of a router solicitation, a router advertisement and a redirect without options (RFC 4861 §4.1, §4.2, §4.5). */
export const ND_RS_LEN = 8
export const ND_RA_LEN = 16
export const ND_REDIRECT_LEN = 40
/** Fields of a router advertisement, and its flags (RFC 4861 §4.2, RFC 4191 §2.2). */
export const ND_RA_HLIM = 4
export const ND_RA_FLAGS = 5
export const ND_RA_LIFETIME = 6
export const ND_RA_REACHABLE = 8
export const ND_RA_RETRANS = 12
export const ND_RA_MANAGED = 0x80
export const ND_RA_OTHER = 0x40
/** Where a redirect's destination address lies. */
export const ND_REDIRECT_DST = 24
/** Flags of prefix information (RFC 4861 §4.6.2). */
export const ND_OPT_PI_ONLINK = 0x80
export const ND_OPT_PI_AUTO = 0x40

/** The preference in an octet of flags: 1, 0, −1, or null for the reserved one (RFC 4191 §2.1). */
export function ndPreference(flags: number): -1 | 0 | 1 | null {
  const bits = (flags >> 3) & 3
  return bits === 0 ? 0 : bits === 1 ? 1 : bits === 3 ? -1 : null
}

export function decodeIcmp6(bytes: Uint8Array, at: number): Icmp6Header {
  return decodeHeader(ICMP6, bytes, at)
}

export function encodeIcmp6(h: Readonly<Icmp6Header>, bytes: Uint8Array, at: number): number {
  return encodeHeader(ICMP6, h, bytes, at)
}

/** True for the types below 128: they quote another packet (RFC 4443 §2.1). */
export function icmp6IsError(type: number): boolean {
  return type < 128
}

/**
 * `ICMP6, echo request, id 1, seq 1, length 64` for the message at `at`; octets from `end` on are not there. Never
 * throws.
 */
export function printIcmp6(view: DataView, at: number, end: number, length: number): string {
  if (end - at < ICMP6_HDR_LEN) return 'ICMP6 [|icmp6]'
  return `ICMP6, ${describe(view, at, end)}, length ${length}`
}

function describe(view: DataView, at: number, end: number): string {
  const type = view.getUint8(at + ICMP6_TYPE)
  const rest = view.getUint32(at + ICMP6_REST)
  const name = TYPE_NAMES[type]
  if (name === undefined) return `type-#${type}`
  switch (type) {
    case ICMP6_ECHO_REQUEST:
    case ICMP6_ECHO_REPLY:
      return `${name}, id ${rest >>> 16}, seq ${rest & 0xffff}`
    case ICMP6_PACKET_TOO_BIG:
      return `${name}, mtu ${rest}`
    case ICMP6_DST_UNREACH:
      return `${name}, ${UNREACH_NAMES[view.getUint8(at + ICMP6_CODE)] ?? `code-#${view.getUint8(at + ICMP6_CODE)}`}`
    case ICMP6_PARAM_PROB:
      return `${name}, octet ${rest}`
    case ND_NEIGHBOR_SOLICIT:
      return `${name}, who has ${target(view, at, end)}`
    case ND_NEIGHBOR_ADVERT:
      return `${name}, tgt is ${target(view, at, end)}`
    default:
      return name
  }
}

function target(view: DataView, at: number, end: number): string {
  return end - at < ND_TARGET + ADDR_LEN ? '[|icmp6]' : printIp6Addr(ip6ReadAddr(view, at + ND_TARGET))
}

const TYPE_NAMES: Readonly<Record<number, string>> = Object.freeze({
  [ICMP6_DST_UNREACH]: 'destination unreachable',
  [ICMP6_PACKET_TOO_BIG]: 'packet too big',
  [ICMP6_TIME_EXCEEDED]: 'time exceeded',
  [ICMP6_PARAM_PROB]: 'parameter problem',
  [ICMP6_ECHO_REQUEST]: 'echo request',
  [ICMP6_ECHO_REPLY]: 'echo reply',
  [ND_ROUTER_SOLICIT]: 'router solicitation',
  [ND_ROUTER_ADVERT]: 'router advertisement',
  [ND_NEIGHBOR_SOLICIT]: 'neighbor solicitation',
  [ND_NEIGHBOR_ADVERT]: 'neighbor advertisement',
  [ND_REDIRECT]: 'redirect',
  130: 'multicast listener query',
  131: 'multicast listener report',
  132: 'multicast listener done',
  143: 'multicast listener report v2'
})

const UNREACH_NAMES: Readonly<Record<number, string>> = Object.freeze({
  0: 'no route',
  1: 'administratively prohibited',
  2: 'beyond scope of source',
  3: 'unreachable address',
  4: 'unreachable port',
  5: 'failed ingress/egress policy',
  6: 'rejected route'
})
