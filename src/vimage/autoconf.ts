/** IPv6 autoconfiguration as `ifconfig` and `ndp` show and change it: a host that listens to routers, a router that advertises. */

import { ifByName } from '../link/ifnet.ts'
import type { Ifnet } from '../link/state.ts'
import { EEXIST, EINVAL, ENOENT } from '../lib/errno.ts'
import { ndAdvertStart, ndAdvertStop } from '../nd/rtadv.ts'
import { ndAutoStart, ndAutoStop } from '../nd/auto.ts'
import type { NdAdvertConfig } from '../nd/state-adverts.ts'
import type { Runner } from '../vnet/runner.ts'
import { printAddress } from './address.ts'
import { ManageError, manageCheck } from './error.ts'

export interface RouterRow {
  router: string
  interface: string
  /** '::/0' for a default router. */
  destination: string
  /** 'low', 'medium' or 'high' (RFC 4191 §2.1). */
  preference: string
  /** It answers, as far as is known (RFC 4861 §6.3.6). */
  reachable: boolean
  /** Seconds, -1 for good. */
  expiresS: number
}

export interface PrefixRow {
  prefix: string
  interface: string
  onLink: boolean
  autonomous: boolean
  /** Seconds, -1 for good, 0: not (any more). */
  validS: number
  preferredS: number
}

/** Listens to routers on an interface from now on (RFC 4862), or no longer: what was learnt goes. */
export function interfaceAuto(runner: Runner, name: string, on: boolean): void {
  const ifp = find(runner, name)
  const { vn } = runner.vnet
  const errno = on ? ndAutoStart(vn, ifp.id) : ndAutoStop(vn, ifp.id)
  runner.kick()
  manageCheck(errno, `cannot ${on ? 'start' : 'stop'} autoconfiguration of ${name}`, {
    [EINVAL]: 'it is no Ethernet', [ENOENT]: 'it does not listen to routers',
  })
}

/** Advertises this router on an interface from now on (RFC 4861 §6.2), or ends it when `config` is null. */
export function interfaceAdvertise(runner: Runner, name: string, config: NdAdvertConfig | null): void {
  const ifp = find(runner, name)
  const { vn } = runner.vnet
  const errno = config === null ? ndAdvertStop(vn, ifp.id) : ndAdvertStart(vn, ifp.id, structuredClone(config))
  runner.kick()
  manageCheck(errno, `cannot ${config === null ? 'stop' : 'start'} advertisements on ${name}`, {
    [EEXIST]: 'it advertises already', [EINVAL]: 'it is no Ethernet, or the intervals and lifetimes are out of bounds (RFC 4861 §6.2.1)',
    [ENOENT]: 'it does not advertise',
  })
}

/** Routers that were learnt (ndp -r). */
export function routerRows(runner: Runner): RouterRow[] {
  const { vnet } = runner
  vnet.setNow(runner.now())
  return [...vnet.state.nd.hosts.values()].flatMap((host) => host.routes.filter((r) => !r.isRedirect).map((r) => ({
    router: printAddress(vnet, r.router),
    interface: nameOf(runner, host.ifId),
    destination: `${printAddress(vnet, r.dst)}/${r.prefixLen}`,
    preference: r.preference < 0 ? 'low' : r.preference > 0 ? 'high' : 'medium',
    reachable: !r.unreachable,
    expiresS: seconds(vnet.state.now, r.until),
  })))
}

/** Prefixes that were learnt (ndp -p). */
export function prefixRows(runner: Runner): PrefixRow[] {
  const { vnet } = runner
  vnet.setNow(runner.now())
  const { now } = vnet.state
  return [...vnet.state.nd.hosts.values()].flatMap((host) => host.prefixes.map((p) => ({
    prefix: `${printAddress(vnet, p.prefix)}/${p.prefixLen}`,
    interface: nameOf(runner, host.ifId),
    onLink: p.onLinkUntil > now,
    autonomous: p.validUntil > now,
    validS: seconds(now, Math.max(p.onLinkUntil, p.validUntil)),
    preferredS: seconds(now, p.preferredUntil),
  })))
}

function seconds(now: number, until: number): number {
  return until === Infinity ? -1 : Math.max(0, Math.ceil((until - now) / 1_000_000))
}

function nameOf(runner: Runner, ifId: number): string {
  return runner.vnet.state.link.ifnets.get(ifId)?.name ?? ''
}

function find(runner: Runner, name: string): Ifnet {
  const { vnet } = runner
  vnet.setNow(runner.now())
  const ifp = ifByName(vnet.vn, name)
  if (ifp === null) throw new ManageError('ENOENT', `vimage ${vnet.name} has no interface "${name}"`)
  return ifp
}
