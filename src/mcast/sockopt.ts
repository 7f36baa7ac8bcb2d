/** Multicast options of sockets that are numbers (RFC 1112 §6.1, RFC 3493 §5.2), and what they do to a packet. */

import {
  IPV6_MULTICAST_ALL, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_IF, IPV6_MULTICAST_LOOP, IP_MULTICAST_ALL, IP_MULTICAST_IF,
  IP_MULTICAST_LOOP, IP_MULTICAST_TTL, SOL_IP, SOL_IPV6,
} from '../inet/sockopt.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4 } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { EADDRNOTAVAIL, EINVAL, ENOPROTOOPT } from '../lib/errno.ts'
import { F_NOLOOP, F_TTLZERO } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { tableIn } from '../lib/table.ts'
import { createMcSocket } from './state.ts'
import type { McSocket } from './state.ts'

/**
 * Sets an option of socket `id`. IP_MULTICAST_IF and IPV6_MULTICAST_IF take an interface id, 0 for the route's; a time
 * to live of -1 is the default. ENOPROTOOPT: not one of these. EINVAL: not a value for it. EADDRNOTAVAIL: no such
 * interface.
 */
export function mcastSetOpt(vn: Vn, id: number, level: number, name: number, value: number): number {
  if (!isOption(level, name)) return ENOPROTOOPT
  const so = vn.state.mcast.sockets.get(id) ?? createMcSocket()
  const errno = set(vn, so, level === SOL_IP, name, value)
  if (errno === 0) tableIn(vn.state.mcast, 'sockets').set(id, so)
  return errno
}

/** The option's value, or -ENOPROTOOPT. */
export function mcastGetOpt(vn: Vn, id: number, level: number, name: number): number {
  if (!isOption(level, name)) return -ENOPROTOOPT
  const so = vn.state.mcast.sockets.get(id) ?? createMcSocket()
  const { sysctl } = vn.state
  const v4 = level === SOL_IP
  switch (name) {
    case v4 ? IP_MULTICAST_IF : IPV6_MULTICAST_IF: return v4 ? so.ifId4 : so.ifId6
    case v4 ? IP_MULTICAST_TTL : IPV6_MULTICAST_HOPS: {
      const hops = v4 ? so.ttl : so.hops
      return hops >= 0 ? hops : v4 ? sysctl['net.inet.ip.mcast.ttl'] : 1
    }
    case v4 ? IP_MULTICAST_LOOP : IPV6_MULTICAST_LOOP: return loops(vn, so, v4) ? 1 : 0
    default: return (v4 ? so.all4 : so.all6) ? 1 : 0
  }
}

/** The interface that socket `id` sends multicasts to `group` by, 0 where the route decides. */
export function mcastSendIf(vn: Vn, id: number, group: Addr): number {
  const so = vn.state.mcast.sockets.get(id)
  if (so === undefined) return group.zone
  const ifId = addrIsV4(group) ? so.ifId4 : so.ifId6
  return group.zone !== 0 ? group.zone : vn.state.link.ifnets.has(ifId) ? ifId : 0
}

/** Makes the multicast in `f` (dst filled in) one of socket `id`: interface, time to live, loopback. */
export function mcastSending(vn: Vn, id: number, f: Frame): void {
  const so = vn.state.mcast.sockets.get(id)
  const v4 = addrIsV4(f.dst)
  f.ifId = mcastSendIf(vn, id, f.dst)
  const hops = so === undefined ? -1 : v4 ? so.ttl : so.hops
  // IP_TTL is for unicasts; without an option of its own a multicast stays on the link (RFC 1112 §6.1)
  f.ttl = hops < 0 ? v4 ? vn.state.sysctl['net.inet.ip.mcast.ttl'] : 1 : hops
  if (f.ttl === 0) f.flags |= F_TTLZERO
  if (!loops(vn, so ?? null, v4)) f.flags |= F_NOLOOP
}

function loops(vn: Vn, so: McSocket | null, v4: boolean): boolean {
  const own = so === null ? -1 : v4 ? so.loop4 : so.loop6
  return own < 0 ? vn.state.sysctl['net.inet.ip.mcast.loop'] === 1 : own === 1
}

function isOption(level: number, name: number): boolean {
  if (level === SOL_IP) {
    return name === IP_MULTICAST_IF || name === IP_MULTICAST_TTL || name === IP_MULTICAST_LOOP || name === IP_MULTICAST_ALL
  }
  return level === SOL_IPV6 && (name === IPV6_MULTICAST_IF || name === IPV6_MULTICAST_HOPS ||
    name === IPV6_MULTICAST_LOOP || name === IPV6_MULTICAST_ALL)
}

function set(vn: Vn, so: McSocket, v4: boolean, name: number, value: number): number {
  switch (name) {
    case v4 ? IP_MULTICAST_IF : IPV6_MULTICAST_IF:
      if (value !== 0 && !vn.state.link.ifnets.has(value)) return EADDRNOTAVAIL
      if (v4) so.ifId4 = value
      else so.ifId6 = value
      return 0
    case v4 ? IP_MULTICAST_TTL : IPV6_MULTICAST_HOPS:
      if (!Number.isInteger(value) || value < -1 || value > 255) return EINVAL
      if (v4) so.ttl = value
      else so.hops = value
      return 0
    case v4 ? IP_MULTICAST_LOOP : IPV6_MULTICAST_LOOP:
      if (v4) so.loop4 = value === 0 ? 0 : 1
      else so.loop6 = value === 0 ? 0 : 1
      return 0
    default:
      if (v4) so.all4 = value !== 0
      else so.all6 = value !== 0
      return 0
  }
}
