/** What a world needs to know of an address family to run over either. */

import { AF_INET, AF_INET6 } from '../../src/inet/state.ts'
import { route6Add } from '../../src/ip6/route.ts'
import { routeAdd } from '../../src/ip/route.ts'
import { addrParse, addrPrint, ip4Parse } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import type { SimHost } from '../../src/sim/host.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

export interface Family {
  name: string
  family: number
  /** As commands and `measurePath` call it. */
  inet: 'inet' | 'inet6'
  /** Host `n` of network `net`, as the stack prints it; `cidr` with its prefix, for ports. */
  host: (net: number, n: number) => string
  cidr: (net: number, n: number) => string
  /** A route to a network by a neighbour. */
  route: (host: SimHost, net: number, via: string) => void
  defaultRoute: (host: SimHost, via: string) => void
  forward: (host: SimHost) => void
}

const IPV4: Family = {
  name: 'IPv4', family: AF_INET, inet: 'inet',
  host: (net, n) => `10.0.${net}.${n}`,
  cidr: (net, n) => `10.0.${net}.${n}/24`,
  route: (host, net, via) => { added(routeAdd(host.vnet.vn, ip4(`10.0.${net}.0`), 24, ip4(via), 0, 0)) },
  defaultRoute: (host, via) => { added(routeAdd(host.vnet.vn, 0, 0, ip4(via), 0, 0)) },
  forward: (host) => { sysctlsIn(host.vnet.state)['net.inet.ip.forwarding'] = 1 },
}

const IPV6: Family = {
  name: 'IPv6', family: AF_INET6, inet: 'inet6',
  host: (net, n) => addrPrint(ip6(`2001:db8:0:${net.toString(16)}::${n.toString(16)}`)),
  cidr: (net, n) => `${IPV6.host(net, n)}/64`,
  route: (host, net, via) => {
    added(route6Add(host.vnet.vn, ip6(`2001:db8:0:${net.toString(16)}::`), 64, ip6(via), 0, 0))
  },
  defaultRoute: (host, via) => { added(route6Add(host.vnet.vn, ip6('::'), 0, ip6(via), 0, 0)) },
  forward: (host) => { sysctlsIn(host.vnet.state)['net.inet6.ip6.forwarding'] = 1 },
}

/** For World.runUntilIdle: a neighbour of IPv6 that nobody speaks to is kept for a day (net.inet6.icmp6.nd6_gctimer). */
export const IDLE_US = 2 * 86_400e6

/** For `describe.each`. */
export const FAMILIES: readonly Family[] = [IPV4, IPV6]

function ip4(text: string): number {
  return ip4Parse(text) as number
}

function ip6(text: string): Addr {
  return addrParse(text) as Addr
}

function added(errno: number): void {
  if (errno !== 0) throw new Error(`route: errno ${errno}`)
}
