/** A client's messages (RFC 2131 §4.4.1 table 5). */

import { inetChecksumSet } from '../inet/checksum.ts'
import { ipOutput } from '../ip/output.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { IP4_BROADCAST, addrSetIp4, macWrite } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import { F_ANYSRC, F_BROADCAST_OK, F_NOLOOP, frameAlloc } from '../lib/frame.ts'
import {
  BOOTREQUEST, DHCPDISCOVER, DHCPREQUEST, DHCP_CHADDR, DHCP_CIADDR, DHCP_CLIENT_PORT, DHCP_COOKIE, DHCP_FLAGS,
  DHCP_F_BROADCAST, DHCP_HLEN, DHCP_HTYPE, DHCP_MAGIC, DHCP_MIN_LEN, DHCP_OP, DHCP_OPTIONS, DHCP_SECS,
  DHCP_SERVER_PORT, DHCP_XID, DHO_BROADCAST, DHO_CLASSLESS_ROUTES, DHO_CLIENT_ID, DHO_DNS, DHO_DOMAIN_NAME,
  DHO_DOMAIN_SEARCH, DHO_END, DHO_HOST_NAME, DHO_LEASE_TIME, DHO_MAX_SIZE, DHO_MESSAGE_TYPE, DHO_MTU, DHO_PARAMETERS,
  DHO_REQUESTED_ADDRESS, DHO_ROUTERS, DHO_SERVER_ID, DHO_SUBNET_MASK, DHO_T1, DHO_T2,
} from '../wire/dhcp.ts'
import { IPPROTO_UDP } from '../wire/ipv4.ts'
import { UDP_DPORT, UDP_HDR_LEN, UDP_LEN, UDP_SPORT, UDP_SUM } from '../wire/udp.ts'
import { dhcpStats } from './state.ts'
import type { DhcpClient } from './state.ts'

/** Classless routes before routers, as RFC 3442 asks. */
const WANTED: readonly number[] = Object.freeze([
  DHO_SUBNET_MASK, DHO_CLASSLESS_ROUTES, DHO_ROUTERS, DHO_DNS, DHO_HOST_NAME, DHO_DOMAIN_NAME, DHO_MTU, DHO_BROADCAST,
  DHO_LEASE_TIME, DHO_SERVER_ID, DHO_T1, DHO_T2, DHO_DOMAIN_SEARCH,
])
const ARPHRD_ETHER = 1

export interface DhcpMessage {
  type: number
  /** Our address where we have it in use (ciaddr), 0 otherwise. */
  ciaddr: Ip4
  /** Options 50 and 54, 0 for none. */
  requested: Ip4
  server: Ip4
  /** Where to; 0 is 255.255.255.255. */
  to: Ip4
}

/** Sends a message of a client; a unicast goes from `ciaddr`. Lost is lost: its timer repeats it. */
export function dhcpSend(vn: Vn, client: DhcpClient, m: Readonly<DhcpMessage>): void {
  const stats = dhcpStats(vn)
  const ifp = vn.state.link.ifnets.get(client.ifId)
  const f = frameAlloc(vn.pool, UDP_HDR_LEN + DHCP_OPTIONS + 512)
  if (f === null || ifp === undefined) return countDrop(vn, stats, 'dhcp', 'nobuf', null)
  const { view, slab } = f
  const at = f.off + UDP_HDR_LEN
  slab.fill(0, f.off, at + DHCP_OPTIONS + 512)
  view.setUint8(at + DHCP_OP, BOOTREQUEST)
  view.setUint8(at + DHCP_HTYPE, ARPHRD_ETHER)
  view.setUint8(at + DHCP_HLEN, 6)
  view.setInt32(at + DHCP_XID, client.xid)
  view.setUint16(at + DHCP_SECS, Math.min(0xffff, Math.floor((vn.state.now - client.startedAt) / 1_000_000)))
  // this stack takes no unicast to an address that it does not have yet (§4.1)
  view.setUint16(at + DHCP_FLAGS, m.ciaddr === 0 ? DHCP_F_BROADCAST : 0)
  view.setInt32(at + DHCP_CIADDR, m.ciaddr)
  macWrite(view, at + DHCP_CHADDR, ifp.mac)
  view.setUint32(at + DHCP_MAGIC, DHCP_COOKIE)
  let p = at + DHCP_OPTIONS
  const option = (code: number, bytes: ArrayLike<number>): void => {
    slab.set([code, bytes.length], p)
    slab.set(bytes, p + 2)
    p += 2 + bytes.length
  }
  option(DHO_MESSAGE_TYPE, [m.type])
  option(DHO_CLIENT_ID, client.clientId)
  if (m.requested !== 0) option(DHO_REQUESTED_ADDRESS, octets(m.requested))
  if (m.server !== 0) option(DHO_SERVER_ID, octets(m.server))
  if (m.type === DHCPDISCOVER || m.type === DHCPREQUEST) {
    option(DHO_MAX_SIZE, [Math.max(576, ifp.mtu) >> 8, Math.max(576, ifp.mtu) & 255])
    if (client.hostname !== '') option(DHO_HOST_NAME, ascii(client.hostname.slice(0, 63)))
    option(DHO_PARAMETERS, WANTED)
  }
  slab[p++] = DHO_END
  f.len = UDP_HDR_LEN + Math.max(DHCP_MIN_LEN, p - at)
  stats.sent++
  const l4 = f.off
  f.l4 = l4
  view.setUint16(l4 + UDP_SPORT, DHCP_CLIENT_PORT)
  view.setUint16(l4 + UDP_DPORT, DHCP_SERVER_PORT)
  view.setUint16(l4 + UDP_LEN, f.len)
  addrSetIp4(f.src, m.ciaddr)
  addrSetIp4(f.dst, m.to === 0 ? IP4_BROADCAST : m.to)
  f.proto = IPPROTO_UDP
  f.tos = 0
  f.ifId = ifp.id
  f.flags = F_ANYSRC | F_BROADCAST_OK | F_NOLOOP
  inetChecksumSet(f, l4 + UDP_SUM)
  ipOutput(vn, f)
}

function ascii(text: string): number[] {
  return Array.from(text, (c) => c.charCodeAt(0) & 0x7f)
}

function octets(ip: Ip4): number[] {
  return [ip >>> 24, (ip >>> 16) & 255, (ip >>> 8) & 255, ip & 255]
}
