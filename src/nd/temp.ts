/** Temporary addresses (RFC 8981 §3): made beside the stable one of a prefix, replaced before they stop being preferred. */

import { ip6AddrReserved, ip6DelAddr } from '../ip6/ifaddr.ts'
import { IA6_TEMPORARY } from '../ip6/state.ts'
import { randomBelow, randomInt32 } from '../kern/random.ts'
import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { IFA_DUPLICATED, IFA_PREFERRED } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { ndAddrById, ndMakeAddr, ndSetLifetimes } from './makeaddr.ts'
import { createNdTemp } from './state-auto.ts'
import type { NdPrefix, NdTemp } from './state-auto.ts'

/** TEMP_IDGEN_RETRIES (§3.8). */
const RETRIES = 3
/** Desynchronization takes up to that share of the preferred lifetime (§3.8: MAX_DESYNC_FACTOR). */
const DESYNC_SHARE = 0.4
/** Most temporary addresses of a prefix: as many preferred lifetimes as fit its valid one, within reason (RFC 6583). */
const MOST = 16

/** Puts into effect what time, an advertisement or a checked address has changed; makes the next address where it is due. */
export function ndTempRun(vn: Vn, ifp: Ifnet, p: NdPrefix): void {
  const { now } = vn.state
  for (const temp of [...p.temps]) {
    const ia = ndAddrById(vn, ifp.id, temp.addrId)
    const valid = Math.min(p.validUntil, temp.createdAt + validUs(vn))
    const failed = ia?.status === IFA_DUPLICATED
    if (failed) p.tempTries++
    else if (ia?.status === IFA_PREFERRED) p.tempTries = 0
    if (ia === null || failed || valid <= now) {
      if (ia !== null) ip6DelAddr(vn, ifp.id, ia.addr)
      p.temps.splice(p.temps.indexOf(temp), 1)
    } else ndSetLifetimes(vn, ia, preferredUntil(vn, p, temp), valid)
  }
  if (vn.state.sysctl['net.inet6.ip6.use_tempaddr'] === 0 || p.validUntil <= now) return
  const newest = p.temps.find((temp) => !temp.replaced)
  if (newest !== undefined && preferredUntil(vn, p, newest) - advanceUs(vn, ifp) > now) return
  // §3.4: not where the new one would be at its end as soon; §3.3.1: not for ever where all are taken
  const desyncUs = randomBelow(vn.state.random, Math.floor(preferredUs(vn) * DESYNC_SHARE / 1000) + 1) * 1000
  const lasts = Math.min(p.preferredUntil, now + preferredUs(vn) - desyncUs) - now
  if (lasts <= advanceUs(vn, ifp) || p.tempTries >= RETRIES || p.temps.length >= MOST) return
  const addrId = ndMakeAddr(vn, ifp, randomAddr(vn, p), IA6_TEMPORARY)
  if (addrId === 0) return
  if (newest !== undefined) newest.replaced = true
  const temp = createNdTemp(addrId, now, desyncUs)
  p.temps.push(temp)
  const ia = ndAddrById(vn, ifp.id, addrId)
  if (ia !== null) ndSetLifetimes(vn, ia, preferredUntil(vn, p, temp), Math.min(p.validUntil, now + validUs(vn)))
}

/** The time of the next change among them. */
export function ndTempNext(vn: Vn, ifp: Ifnet, p: NdPrefix): number {
  const { now } = vn.state
  let next = Infinity
  for (const temp of p.temps) {
    const preferred = preferredUntil(vn, p, temp)
    const times = [preferred, Math.min(p.validUntil, temp.createdAt + validUs(vn))]
    if (!temp.replaced) times.push(preferred - advanceUs(vn, ifp))
    for (const at of times) if (at > now && at < next) next = at
  }
  return next
}

/** §3.4: within the limits of this host, and of the prefix. */
function preferredUntil(vn: Vn, p: NdPrefix, temp: NdTemp): number {
  return Math.min(p.preferredUntil, temp.createdAt + preferredUs(vn) - temp.desyncUs)
}

/** REGEN_ADVANCE (§3.8): the next one is checked before this one ends. */
function advanceUs(vn: Vn, ifp: Ifnet): number {
  const retransMs = vn.state.ip6.ifs.get(ifp.id)?.retransMs ?? 1000
  return 2_000_000 + RETRIES * vn.state.sysctl['net.inet6.ip6.dad_count'] * retransMs * 1000
}

function preferredUs(vn: Vn): number {
  return vn.state.sysctl['net.inet6.ip6.temppltime'] * 1_000_000
}

function validUs(vn: Vn): number {
  return vn.state.sysctl['net.inet6.ip6.tempvltime'] * 1_000_000
}

/** §3.3.1: 64 random bits, none of RFC 5453's. */
function randomAddr(vn: Vn, p: NdPrefix): Addr {
  const a = { ...p.prefix }
  do {
    a.w2 = randomInt32(vn.state.random)
    a.w3 = randomInt32(vn.state.random)
  } while (ip6AddrReserved(a))
  return a
}
