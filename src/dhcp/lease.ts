/** A server's message as a lease (RFC 2132, RFC 3442), within bounds. */

import { NEVER } from '../kern/timer.ts'
import { ip4IsMulticast, ip4PrefixLen } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import {
  DHO_CLASSLESS_ROUTES, DHO_DNS, DHO_DOMAIN_NAME, DHO_DOMAIN_SEARCH, DHO_HOST_NAME, DHO_LEASE_TIME, DHO_MTU,
  DHO_ROUTERS, DHO_SERVER_ID, DHO_SUBNET_MASK, DHO_T1, DHO_T2, dhcpAddresses, dhcpNames, dhcpRoutes, dhcpText, dhcpWord,
} from '../wire/dhcp.ts'
import { createDhcpLease, createDhcpRoute } from './state.ts'
import type { DhcpLease, DhcpRoute } from './state.ts'

const SECOND = 1_000_000
const MOST_SERVERS = 8
const MOST_ROUTES = 64
/** Least that a host must take (RFC 791 §3.2); smaller ones are an attack or a mistake. */
const MTU_MIN = 576

/**
 * The lease that a message grants at `askedAt` (µs), or null: no address to be one of a host, no server, no duration.
 * Without T1 and T2, or with ones out of order, they are a half and seven eighths (RFC 2131 §4.4.5).
 */
export function dhcpLease(
  options: ReadonlyMap<number, number[]>, addr: Ip4, askedAt: number,
): DhcpLease | null {
  const server = dhcpWord(options, DHO_SERVER_ID, 0)
  const seconds = dhcpWord(options, DHO_LEASE_TIME, 0) >>> 0
  const prefixLen = ip4PrefixLen(dhcpWord(options, DHO_SUBNET_MASK, classMask(addr)))
  if (!isHost(addr) || !isHost(server) || seconds === 0 || prefixLen < 1) return null
  const lease = createDhcpLease()
  lease.addr = addr
  lease.server = server
  lease.prefixLen = prefixLen
  lease.routes = routes(options)
  lease.dns = dhcpAddresses(options, DHO_DNS).filter(isHost).slice(0, MOST_SERVERS)
  const domain = dhcpText(options, DHO_DOMAIN_NAME)
  const search = dhcpNames(options.get(DHO_DOMAIN_SEARCH) ?? [], MOST_SERVERS)
  lease.search = search.length > 0 ? search : domain === '' ? [] : [domain.slice(0, 255)]
  lease.hostname = dhcpText(options, DHO_HOST_NAME).slice(0, 255)
  const mtu = options.get(DHO_MTU)
  if (mtu?.length === 2 && (mtu[0] << 8 | mtu[1]) >= MTU_MIN) lease.mtu = mtu[0] << 8 | mtu[1]
  times(lease, options, seconds, askedAt)
  return lease
}

function times(lease: DhcpLease, options: ReadonlyMap<number, number[]>, seconds: number, askedAt: number): void {
  // all ones is a lease for good (RFC 2131 §3.3)
  if (seconds === 0xffffffff) return
  let t1 = dhcpWord(options, DHO_T1, 0) >>> 0
  let t2 = dhcpWord(options, DHO_T2, 0) >>> 0
  if (t2 === 0 || t2 >= seconds) t2 = seconds * 0.875
  if (t1 === 0 || t1 >= t2) t1 = seconds * 0.5 < t2 ? seconds * 0.5 : t2 * 0.5
  lease.renewAt = Math.floor(askedAt + t1 * SECOND)
  lease.rebindAt = Math.floor(askedAt + t2 * SECOND)
  lease.expiresAt = Math.min(NEVER, askedAt + seconds * SECOND)
}

/** Classless routes take the place of the router option (RFC 3442 "DHCP Client Behavior"). */
function routes(options: ReadonlyMap<number, number[]>): DhcpRoute[] {
  const classless = dhcpRoutes(options.get(DHO_CLASSLESS_ROUTES) ?? [])
  const list = classless !== null && classless.length > 0
    ? classless.map(([dst, prefixLen, gateway]) => createDhcpRoute(dst, prefixLen, gateway))
    : dhcpAddresses(options, DHO_ROUTERS).slice(0, 1).map((gateway) => createDhcpRoute(0, 0, gateway))
  return list.filter(({ gateway }) => gateway === 0 || isHost(gateway)).slice(0, MOST_ROUTES)
}

/** The natural mask of an address (RFC 791 §2.3), for servers that say none. */
function classMask(addr: Ip4): Ip4 {
  return (addr >>> 31) === 0 ? 0xff000000 | 0 : (addr >>> 30) === 2 ? 0xffff0000 | 0 : 0xffffff00 | 0
}

function isHost(ip: Ip4): boolean {
  return (ip >>> 24) !== 0 && (ip >>> 24) !== 127 && !ip4IsMulticast(ip) && (ip >>> 28) !== 0xf
}
