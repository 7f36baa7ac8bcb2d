/** Leased addresses on the interface: taken into use, aged, taken away (RFC 8415 §18.2.10.1, RFC 4862 §5.5.4). */

import { ip6AddAddr, ip6DelAddr } from '../ip6/ifaddr.ts'
import { IA6_AUTOCONF, IA6_DHCP } from '../ip6/state.ts'
import type { Ip6Addr } from '../ip6/state.ts'
import { LOG_INFO, LOG_WARNING, logWrite } from '../kern/log.ts'
import type { Vn } from '../kern/vn.ts'
import { addrPrint } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { sameWords } from '../lib/addr6.ts'
import { IFA_DUPLICATED } from '../link/state.ts'
import { ndUntil } from '../nd/lifetime.ts'
import { ndAddrById, ndSetLifetimes } from '../nd/makeaddr.ts'
import { dhcp6Unconfigure } from './config.ts'
import type { Dhcp6Ia } from './lease.ts'
import { createDhcp6Lease, dhcp6Stats } from './state.ts'
import type { Dhcp6Client, Dhcp6Lease } from './state.ts'

const MOST = 8
/** §18.2.10.1: an address says nothing of what is on the link. */
const PREFIX_LEN = 128

/** Adds, prolongs and ends leases as the server says; those that it does not name are left as they are. */
export function dhcp6Take(vn: Vn, client: Dhcp6Client, ia: Dhcp6Ia): void {
  const { log, now } = vn.state
  for (const { addr, preferredS, validS } of ia.addrs) {
    let lease = client.leases.find((l) => sameWords(l.addr, addr))
    if (validS === 0) {
      if (lease !== undefined) drop(vn, client, lease)
      continue
    }
    if (lease === undefined) {
      if (client.leases.length >= MOST) continue
      lease = createDhcp6Lease(addr)
      client.leases.push(lease)
      dhcp6Stats(vn).bound++
      logWrite(log, now, LOG_INFO, `dhcp6: leased ${addrPrint(addr)}`)
    }
    lease.preferredUntil = ndUntil(vn, preferredS)
    lease.validUntil = ndUntil(vn, validS)
    if (dhcp6LeaseAddr(vn, client, lease) === null) claim(vn, client, lease)
  }
  dhcp6Age(vn, client)
}

/** What has run out goes; what is no longer preferred is deprecated. */
export function dhcp6Age(vn: Vn, client: Dhcp6Client): void {
  const { log, now } = vn.state
  for (const lease of [...client.leases]) {
    if (lease.validUntil <= now) {
      dhcp6Stats(vn).expired++
      logWrite(log, now, LOG_WARNING, `dhcp6: the lease of ${addrPrint(lease.addr)} has run out`)
      drop(vn, client, lease)
      continue
    }
    const ia = dhcp6LeaseAddr(vn, client, lease)
    if (ia !== null) ndSetLifetimes(vn, ia, lease.preferredUntil, lease.validUntil)
  }
}

/** When the next lease is deprecated or ends. */
export function dhcp6AgeNext(vn: Vn, client: Dhcp6Client): number {
  let next = Infinity
  for (const { preferredUntil, validUntil } of client.leases) {
    for (const at of [preferredUntil, validUntil]) if (at > vn.state.now && at < next) next = at
  }
  return next
}

/** Takes the leases that somebody else uses off the interface; returns their addresses. */
export function dhcp6DropDuplicates(vn: Vn, client: Dhcp6Client): Addr[] {
  const gone = client.leases.filter((lease) => dhcp6LeaseAddr(vn, client, lease)?.status === IFA_DUPLICATED)
  for (const lease of gone) {
    logWrite(vn.state.log, vn.state.now, LOG_WARNING, `dhcp6: ${addrPrint(lease.addr)} is somebody else's, declined`)
    drop(vn, client, lease)
  }
  return gone.map((lease) => lease.addr)
}

/** Nothing of what the client has brought is left; returns the addresses that it had. */
export function dhcp6Unapply(vn: Vn, client: Dhcp6Client): Addr[] {
  const addrs = client.leases.map((lease) => lease.addr)
  for (const lease of [...client.leases]) drop(vn, client, lease)
  dhcp6Unconfigure(vn, client)
  client.server = new Uint8Array(0)
  client.renewAt = Infinity
  client.rebindAt = Infinity
  return addrs
}

/** The interface's record of a lease, or null: it was taken away, or somebody else had set the address. */
export function dhcp6LeaseAddr(vn: Vn, client: Dhcp6Client, lease: Dhcp6Lease): Ip6Addr | null {
  return lease.addrId === 0 ? null : ndAddrById(vn, client.ifId, lease.addrId)
}

/** §18.2.10.1: duplicate address detection comes before use. */
function claim(vn: Vn, client: Dhcp6Client, lease: Dhcp6Lease): void {
  lease.addrId = 0
  if (ip6AddAddr(vn, client.ifId, lease.addr, PREFIX_LEN, true, IA6_AUTOCONF | IA6_DHCP) !== 0) return
  lease.addrId = vn.state.ip6.ifs.get(client.ifId)?.addrs.find((ia) => sameWords(ia.addr, lease.addr))?.id ?? 0
}

function drop(vn: Vn, client: Dhcp6Client, lease: Dhcp6Lease): void {
  const ia = dhcp6LeaseAddr(vn, client, lease)
  if (ia !== null) ip6DelAddr(vn, client.ifId, ia.addr)
  client.leases.splice(client.leases.indexOf(lease), 1)
}
