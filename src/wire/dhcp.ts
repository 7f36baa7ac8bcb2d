/** DHCP for IPv4: the message (RFC 2131 §2) and its options (RFC 2132; long ones RFC 3396). */

import { byte, decodeHeader, encodeHeader, half, header, mac, offsetOf, signedWord, word } from './layout.ts'
import type { HeaderRecord } from './layout.ts'

/** Up to the hardware address, which is six of its sixteen octets on Ethernet; `sname` and `file` follow. */
const DHCP = header(
  byte('op'), byte('htype'), byte('hlen'), byte('hops'), word('xid'), half('secs'), half('flags'), signedWord('ciaddr'),
  signedWord('yiaddr'), signedWord('siaddr'), signedWord('giaddr'), mac('chaddr'))

export type Dhcp = HeaderRecord<typeof DHCP>

export const DHCP_OP = offsetOf(DHCP, 'op')
export const DHCP_HTYPE = offsetOf(DHCP, 'htype')
export const DHCP_HLEN = offsetOf(DHCP, 'hlen')
export const DHCP_HOPS = offsetOf(DHCP, 'hops')
export const DHCP_XID = offsetOf(DHCP, 'xid')
export const DHCP_SECS = offsetOf(DHCP, 'secs')
export const DHCP_FLAGS = offsetOf(DHCP, 'flags')
export const DHCP_CIADDR = offsetOf(DHCP, 'ciaddr')
export const DHCP_YIADDR = offsetOf(DHCP, 'yiaddr')
export const DHCP_SIADDR = offsetOf(DHCP, 'siaddr')
export const DHCP_GIADDR = offsetOf(DHCP, 'giaddr')
export const DHCP_CHADDR = offsetOf(DHCP, 'chaddr')
export const DHCP_HDR_LEN = DHCP.size
export const DHCP_SNAME = 44
export const DHCP_FILE = 108
export const DHCP_MAGIC = 236
export const DHCP_OPTIONS = 240
/** Least message that every relay takes (RFC 1542 §2.1). */
export const DHCP_MIN_LEN = 300
export const DHCP_COOKIE = 0x63825363

export const DHCP_SERVER_PORT = 67
export const DHCP_CLIENT_PORT = 68
export const BOOTREQUEST = 1
export const BOOTREPLY = 2
/** Flag: the answer must be broadcast, the client cannot take unicasts yet (RFC 2131 §4.1). */
export const DHCP_F_BROADCAST = 0x8000

export const DHCPDISCOVER = 1
export const DHCPOFFER = 2
export const DHCPREQUEST = 3
export const DHCPDECLINE = 4
export const DHCPACK = 5
export const DHCPNAK = 6
export const DHCPRELEASE = 7
export const DHCPINFORM = 8

export const DHO_PAD = 0
export const DHO_SUBNET_MASK = 1
export const DHO_ROUTERS = 3
export const DHO_DNS = 6
export const DHO_HOST_NAME = 12
export const DHO_DOMAIN_NAME = 15
export const DHO_MTU = 26
export const DHO_BROADCAST = 28
export const DHO_REQUESTED_ADDRESS = 50
export const DHO_LEASE_TIME = 51
export const DHO_OVERLOAD = 52
export const DHO_MESSAGE_TYPE = 53
export const DHO_SERVER_ID = 54
export const DHO_PARAMETERS = 55
export const DHO_MESSAGE = 56
export const DHO_MAX_SIZE = 57
export const DHO_T1 = 58
export const DHO_T2 = 59
export const DHO_CLIENT_ID = 61
export const DHO_DOMAIN_SEARCH = 119
export const DHO_CLASSLESS_ROUTES = 121
export const DHO_END = 255

export function decodeDhcp(bytes: Uint8Array, at: number): Dhcp {
  return decodeHeader(DHCP, bytes, at)
}

export function encodeDhcp(h: Readonly<Dhcp>, bytes: Uint8Array, at: number): number {
  return encodeHeader(DHCP, h, bytes, at)
}

/**
 * The options of the message in bytes[at, end): number → its octets, several of one number joined in order (RFC 3396 §7),
 * with those in `file` and `sname` where option 52 says so. An option that runs over the end ends the reading.
 */
export function dhcpOptions(bytes: Uint8Array, at: number, end: number): Map<number, number[]> {
  const options = new Map<number, number[]>()
  collect(bytes, at + DHCP_OPTIONS, end, options)
  const overload = options.get(DHO_OVERLOAD)?.[0] ?? 0
  if ((overload & 1) !== 0) collect(bytes, at + DHCP_FILE, at + DHCP_MAGIC, options)
  if ((overload & 2) !== 0) collect(bytes, at + DHCP_SNAME, at + DHCP_FILE, options)
  return options
}

/** The four octets of an option as an int32, or `none` where it is absent or of another length. */
export function dhcpWord(options: ReadonlyMap<number, number[]>, code: number, none: number): number {
  const v = options.get(code)
  return v?.length === 4 ? wordAt(v, 0) : none
}

/** The addresses of an option whose length is a multiple of four; none where it is not. */
export function dhcpAddresses(options: ReadonlyMap<number, number[]>, code: number): number[] {
  const v = options.get(code) ?? []
  if (v.length % 4 !== 0) return []
  return Array.from({ length: v.length / 4 }, (_, i) => wordAt(v, i * 4))
}

/** An option's text: printable ASCII up to a NUL, anything else makes it ''. */
export function dhcpText(options: ReadonlyMap<number, number[]>, code: number): string {
  const v = options.get(code) ?? []
  const nul = v.indexOf(0)
  const text = nul < 0 ? v : v.slice(0, nul)
  return text.every((c) => c > 32 && c < 127) ? String.fromCharCode(...text) : ''
}

/** Names in the form of DNS with compression pointers (RFC 3397 §2, RFC 1035 §4.1.4); what is malformed ends the list. */
export function dhcpNames(v: readonly number[], most: number): string[] {
  const names: string[] = []
  let p = 0
  while (p < v.length && names.length < most) {
    const read = nameAt(v, p)
    if (read === null) return names
    if (read.name !== '') names.push(read.name)
    p = read.next
  }
  return names
}

/** A classless route (RFC 3442): [network, prefix length, router]; null where the option is malformed. */
export function dhcpRoutes(v: readonly number[]): [number, number, number][] | null {
  const routes: [number, number, number][] = []
  for (let p = 0; p < v.length;) {
    const len = v[p]
    const octets = Math.ceil(len / 8)
    if (len > 32 || p + 1 + octets + 4 > v.length) return null
    const net = [0, 0, 0, 0]
    for (let i = 0; i < octets; i++) net[i] = v[p + 1 + i]
    const mask = len === 0 ? 0 : -1 << (32 - len)
    routes.push([wordAt(net, 0) & mask, len, wordAt(v, p + 1 + octets)])
    p += 1 + octets + 4
  }
  return routes
}

function collect(bytes: Uint8Array, at: number, end: number, options: Map<number, number[]>): void {
  for (let p = at; p < end;) {
    const code = bytes[p]
    if (code === DHO_END) return
    if (code === DHO_PAD) {
      p++
      continue
    }
    if (p + 2 > end || p + 2 + bytes[p + 1] > end) return
    const value = bytes.subarray(p + 2, p + 2 + bytes[p + 1])
    options.set(code, [...options.get(code) ?? [], ...value])
    p += 2 + value.length
  }
}

function nameAt(v: readonly number[], at: number): { name: string; next: number } | null {
  const labels: string[] = []
  let next = -1
  let length = 0
  for (let p = at; p < v.length;) {
    const n = v[p]
    if (n === 0) return { name: labels.join('.'), next: next < 0 ? p + 1 : next }
    if ((n & 0xc0) === 0xc0) {
      const to = p + 1 < v.length ? (n & 0x3f) << 8 | v[p + 1] : v.length
      // a pointer leads back, so that it comes to an end
      if (to >= p) return null
      if (next < 0) next = p + 2
      p = to
      length++
      if (length > 255) return null
      continue
    }
    const label = v.slice(p + 1, p + 1 + n)
    length += n + 1
    if (n > 63 || label.length < n || length > 255 || !label.every((c) => c > 32 && c < 127 && c !== 46)) return null
    labels.push(String.fromCharCode(...label))
    p += n + 1
  }
  return null
}

function wordAt(v: readonly number[], i: number): number {
  return v[i] << 24 | v[i + 1] << 16 | v[i + 2] << 8 | v[i + 3]
}
