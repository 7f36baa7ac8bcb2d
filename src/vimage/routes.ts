/** The routing table as `netstat -r` and `route` show and change it. */

import { routeAdd, routeDelete, routeList, routeLookup } from '../ip/route.ts'
import { RTF_BLACKHOLE, RTF_DYNAMIC, RTF_GATEWAY, RTF_HOST, RTF_REJECT, RTF_STATIC, RTF_UP } from '../ip/state.ts'
import type { Route } from '../ip/state.ts'
import { route6Add, route6Delete, route6List, route6Lookup } from '../ip6/route.ts'
import type { Route6 } from '../ip6/state.ts'
import { addrIsUnspecified, addrIsV4, addrPrint, createAddr, ip4Print } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6IsAny } from '../lib/addr6.ts'
import { EEXIST, EINVAL, ENETUNREACH, ENOENT } from '../lib/errno.ts'
import { ifByName } from '../link/ifnet.ts'
import type { Runner } from '../vnet/runner.ts'
import { destinationParse, parseAddress, printAddress } from './address.ts'
import type { Prefix } from './address.ts'
import { ManageError, manageCheck } from './error.ts'

export interface RouteRow {
  family: 'inet' | 'inet6'
  /** 'default' or 'NET/LEN'. */
  destination: string
  /** An address, or 'link#ID' for what is on the link, as FreeBSD shows it. */
  gateway: string
  /** FreeBSD's letters: U up, G gateway, H host, S static, D by redirect, R reject, B blackhole. */
  flags: string
  interface: string
  mtuBytes: number
  metric: number
  packets: number
  /** Seconds until a route made by a redirect ends, -1 for the others. */
  expiresS: number
}

export interface RouteSpec {
  /** 'default', 'NET/LEN' or an address. */
  to: string
  /** Gateway; '' for none. */
  via: string
  /** Interface; '' to leave it to the gateway. */
  interface: string
}

/** Routes of IPv4, then of IPv6. */
export function routeRows(runner: Runner): RouteRow[] {
  const { vnet } = runner
  vnet.setNow(runner.now())
  return [...routeList(vnet.vn).map((r) => routeRow(runner, r)), ...route6List(vnet.vn).map((r) => route6Row(runner, r))]
}

/** The route that a packet to `address` takes; ManageError ENETUNREACH when there is none. */
export function routeGet(runner: Runner, address: string): RouteRow {
  const { vnet } = runner
  const to = parseAddress(vnet, address)
  vnet.setNow(runner.now())
  if (addrIsV4(to)) {
    const route = routeLookup(vnet.vn, to.w3)
    if (route !== null) return routeRow(runner, route)
  } else {
    const route = route6Lookup(vnet.vn, to)
    if (route !== null) return route6Row(runner, route)
  }
  throw new ManageError('ENETUNREACH', `vimage ${vnet.name} has no route to ${address}`)
}

export function routeInsert(runner: Runner, spec: RouteSpec): void {
  const { vnet } = runner
  const gateway = spec.via === '' ? null : parseGateway(runner, spec.via)
  const { addr, prefixLen } = parseDestination(spec.to, gateway)
  const ifp = spec.interface === '' ? null : ifByName(vnet.vn, spec.interface)
  if (spec.interface !== '' && ifp === null) {
    throw new ManageError('ENOENT', `vimage ${vnet.name} has no interface "${spec.interface}"`)
  }
  if (gateway === null && ifp === null) {
    throw new ManageError('EINVAL', `a route to ${spec.to} needs a gateway ("via") or an interface`)
  }
  vnet.setNow(runner.now())
  const ifId = ifp?.id ?? 0
  const errno = addrIsV4(addr) ? routeAdd(vnet.vn, addr.w3, prefixLen, gateway?.w3 ?? 0, ifId, RTF_STATIC)
    : route6Add(vnet.vn, addr, prefixLen, gateway ?? createAddr(), ifId, RTF_STATIC)
  runner.kick()
  manageCheck(errno, `cannot add a route to ${spec.to}`, {
    [EINVAL]: 'the address has bits set outside its prefix',
    [ENETUNREACH]: `the gateway ${spec.via} is not on the link of ${ifp === null ? 'any interface' : spec.interface}`,
    [EEXIST]: 'there is one by the same way already',
  })
}

/** Removes the route to `to`; with `via`, the one by this gateway. */
export function routeRemove(runner: Runner, to: string, via: string): void {
  const gateway = via === '' ? null : parseGateway(runner, via)
  const { addr, prefixLen } = parseDestination(to, gateway)
  const { vnet } = runner
  vnet.setNow(runner.now())
  const errno = addrIsV4(addr) ? routeDelete(vnet.vn, addr.w3, prefixLen, gateway?.w3 ?? 0)
    : route6Delete(vnet.vn, addr, prefixLen, gateway ?? createAddr())
  runner.kick()
  manageCheck(errno, `cannot delete the route to ${to}`, {
    [ENOENT]: 'there is no such route (the route of an interface address goes with the address)',
  })
}

/** "default" is of the gateway's family. */
function parseDestination(text: string, gateway: Addr | null): Prefix {
  const parsed = destinationParse(text, gateway !== null && !addrIsV4(gateway))
  if (parsed === null) {
    throw new ManageError('EINVAL', `"${text}" is no destination; expected "default", a network like 10.1.0.0/16 or`
      + ' 2001:db8::/32 (no bits set outside the prefix) or an address')
  }
  if (gateway !== null && addrIsV4(gateway) !== addrIsV4(parsed.addr)) {
    throw new ManageError('EINVAL', `${addrPrint(gateway)} is no gateway to ${text}: the one is IPv4, the other IPv6`)
  }
  return parsed
}

function parseGateway(runner: Runner, text: string): Addr {
  const gateway = parseAddress(runner.vnet, text)
  if (!addrIsUnspecified(gateway)) return gateway
  throw new ManageError('EINVAL', `"${text}" is no gateway; expected an address like 10.0.0.1 or fe80::1%eth0`)
}

function route6Row(runner: Runner, r: Route6): RouteRow {
  const { vnet } = runner
  const ifp = vnet.state.link.ifnets.get(r.ifId)
  const to = addrPrint(r.dst)
  return {
    family: 'inet6',
    destination: r.prefixLen === 0 ? 'default' : r.prefixLen === 128 ? to : `${to}/${r.prefixLen}`,
    gateway: addr6IsAny(r.gateway) ? `link#${r.ifId}` : printAddress(vnet, r.gateway),
    flags: flagLetters(r.flags),
    interface: ifp?.name ?? '',
    mtuBytes: ifp?.mtu ?? 0,
    metric: r.metric,
    packets: r.use,
    expiresS: r.expires === Infinity ? -1 : Math.max(0, Math.ceil((r.expires - vnet.state.now) / 1e6)),
  }
}

function routeRow(runner: Runner, r: Route): RouteRow {
  const { state } = runner.vnet
  const ifp = state.link.ifnets.get(r.ifId)
  const whole = r.prefixLen === 0 && r.dst === 0
  return {
    family: 'inet',
    destination: whole ? 'default' : r.prefixLen === 32 ? ip4Print(r.dst) : `${ip4Print(r.dst)}/${r.prefixLen}`,
    gateway: r.gateway === 0 ? `link#${r.ifId}` : ip4Print(r.gateway),
    flags: flagLetters(r.flags),
    interface: ifp?.name ?? '',
    mtuBytes: ifp?.mtu ?? 0,
    metric: r.metric,
    packets: r.use,
    expiresS: r.expires === Infinity ? -1 : Math.max(0, Math.ceil((r.expires - state.now) / 1e6)),
  }
}

function flagLetters(flags: number): string {
  return FLAG_LETTERS.filter(([bit]) => (flags & bit) !== 0).map(([, letter]) => letter).join('')
}

const FLAG_LETTERS: readonly (readonly [bit: number, letter: string])[] = Object.freeze([
  [RTF_UP, 'U'], [RTF_GATEWAY, 'G'], [RTF_HOST, 'H'], [RTF_REJECT, 'R'], [RTF_DYNAMIC, 'D'], [RTF_STATIC, 'S'],
  [RTF_BLACKHOLE, 'B'],
])
