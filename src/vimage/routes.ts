/** The routing table as `netstat -r` and `route` show and change it. */

import { routeAdd, routeDelete, routeList, routeLookup } from '../ip/route.ts'
import { RTF_BLACKHOLE, RTF_DYNAMIC, RTF_GATEWAY, RTF_HOST, RTF_REJECT, RTF_STATIC, RTF_UP } from '../ip/state.ts'
import type { Route } from '../ip/state.ts'
import { ip4Mask, ip4Parse, ip4ParsePrefix, ip4Print } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import { EEXIST, EINVAL, ENETUNREACH, ENOENT } from '../lib/errno.ts'
import { ifByName } from '../link/ifnet.ts'
import type { Runner } from '../vnet/runner.ts'
import { ManageError, manageCheck } from './error.ts'

export interface RouteRow {
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

export function routeRows(runner: Runner): RouteRow[] {
  runner.vnet.setNow(runner.now())
  return routeList(runner.vnet.vn).map((r) => routeRow(runner, r))
}

/** The route that a packet to `address` takes; ManageError ENETUNREACH when there is none. */
export function routeGet(runner: Runner, address: string): RouteRow {
  const ip = ip4Parse(address)
  if (ip === null) throw new ManageError('EINVAL', `"${address}" is not an address; expected one like 10.0.0.1`)
  runner.vnet.setNow(runner.now())
  const route = routeLookup(runner.vnet.vn, ip)
  if (route === null) throw new ManageError('ENETUNREACH', `vimage ${runner.vnet.name} has no route to ${address}`)
  return routeRow(runner, route)
}

export function routeInsert(runner: Runner, spec: RouteSpec): void {
  const { ip, prefixLen } = parseDestination(spec.to)
  const gateway = spec.via === '' ? 0 : parseGateway(spec.via)
  const ifp = spec.interface === '' ? null : ifByName(runner.vnet.vn, spec.interface)
  if (spec.interface !== '' && ifp === null) {
    throw new ManageError('ENOENT', `vimage ${runner.vnet.name} has no interface "${spec.interface}"`)
  }
  if (gateway === 0 && ifp === null) {
    throw new ManageError('EINVAL', `a route to ${spec.to} needs a gateway ("via") or an interface`)
  }
  runner.vnet.setNow(runner.now())
  const errno = routeAdd(runner.vnet.vn, ip, prefixLen, gateway, ifp?.id ?? 0, RTF_STATIC)
  runner.kick()
  manageCheck(errno, `cannot add a route to ${spec.to}`, {
    [EINVAL]: 'the address has bits set outside its prefix',
    [ENETUNREACH]: `the gateway ${spec.via} is not on the link of ${ifp === null ? 'any interface' : spec.interface}`,
    [EEXIST]: 'there is one by the same way already',
  })
}

/** Removes the route to `to`; with `via`, the one by this gateway. */
export function routeRemove(runner: Runner, to: string, via: string): void {
  const { ip, prefixLen } = parseDestination(to)
  runner.vnet.setNow(runner.now())
  const errno = routeDelete(runner.vnet.vn, ip, prefixLen, via === '' ? 0 : parseGateway(via))
  runner.kick()
  manageCheck(errno, `cannot delete the route to ${to}`, {
    [ENOENT]: 'there is no such route (the route of an interface address goes with the address)',
  })
}

/** 'default', 'NET/LEN' or 'ADDR' (a host); null when it is none of them or has bits outside its prefix. */
export function routeParse(text: string): { ip: Ip4; prefixLen: number } | null {
  if (text === 'default') return { ip: 0, prefixLen: 0 }
  const parsed = ip4ParsePrefix(text)
  return parsed === null || (parsed.ip & ~ip4Mask(parsed.prefixLen)) !== 0 ? null : parsed
}

function parseDestination(text: string): { ip: Ip4; prefixLen: number } {
  const parsed = routeParse(text)
  if (parsed !== null) return parsed
  throw new ManageError('EINVAL', `"${text}" is no destination; expected "default", a network like 10.1.0.0/16 (no bits`
    + ' set outside the prefix) or an address')
}

function parseGateway(text: string): Ip4 {
  const ip = ip4Parse(text)
  if (ip !== null && ip !== 0) return ip
  throw new ManageError('EINVAL', `"${text}" is no gateway; expected an address like 10.0.0.1`)
}

function routeRow(runner: Runner, r: Route): RouteRow {
  const { state } = runner.vnet
  const ifp = state.link.ifnets.get(r.ifId)
  const whole = r.prefixLen === 0 && r.dst === 0
  return {
    destination: whole ? 'default' : r.prefixLen === 32 ? ip4Print(r.dst) : `${ip4Print(r.dst)}/${r.prefixLen}`,
    gateway: r.gateway === 0 ? `link#${r.ifId}` : ip4Print(r.gateway),
    flags: FLAG_LETTERS.filter(([bit]) => (r.flags & bit) !== 0).map(([, letter]) => letter).join(''),
    interface: ifp?.name ?? '',
    mtuBytes: ifp?.mtu ?? 0,
    metric: r.metric,
    packets: r.use,
    expiresS: r.expires === Infinity ? -1 : Math.max(0, Math.ceil((r.expires - state.now) / 1e6)),
  }
}

const FLAG_LETTERS: readonly (readonly [bit: number, letter: string])[] = Object.freeze([
  [RTF_UP, 'U'], [RTF_GATEWAY, 'G'], [RTF_HOST, 'H'], [RTF_REJECT, 'R'], [RTF_DYNAMIC, 'D'], [RTF_STATIC, 'S'],
  [RTF_BLACKHOLE, 'B'],
])
