/** Which addresses are ours: looked up for every packet, so kept in maps beside the interfaces' lists. */

import type { Vn } from '../kern/vn.ts'
import { IP4_BROADCAST, addrIsV4, ip4IsLoopback, ip4Mask } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import { tableIn } from '../lib/table.ts'
import { IFA_PREFERRED } from '../link/state.ts'
import type { IfAddr, Ifnet } from '../link/state.ts'
import { routeAddConnected, routeDeleteConnected } from './route.ts'

/** True for a usable address of this host, and for all of 127.0.0.0/8 (RFC 1122 §3.2.1.3 g). */
export function ipIsLocal(vn: Vn, ip: Ip4): boolean {
  return vn.state.ip.local.has(ip) || ip4IsLoopback(ip)
}

/** True for 255.255.255.255 and a directed broadcast address: of interface `ifId`, or of any when it is 0. */
export function ipIsBroadcast(vn: Vn, ip: Ip4, ifId: number): boolean {
  if (ip === IP4_BROADCAST) return true
  const ids = vn.state.ip.broadcasts.get(ip)
  return ids !== undefined && (ifId === 0 || ids.includes(ifId))
}

/**
 * The address to speak from on an interface: a usable one on the neighbour's prefix, else the first usable one, else
 * 0.
 */
export function ipSourceOn(ifp: Ifnet, neighbour: Ip4): Ip4 {
  let first = 0
  for (let i = 0; i < ifp.addrs.length; i++) {
    const ia = ifp.addrs[i]
    if (ia.status !== IFA_PREFERRED || !addrIsV4(ia.addr)) continue
    if (((ia.addr.w3 ^ neighbour) & ip4Mask(ia.prefixLen)) === 0) return ia.addr.w3
    if (first === 0) first = ia.addr.w3
  }
  return first
}

/** The address may be used from now on: packets to it are ours, its prefix is on the link. */
export function ipAddrActivate(vn: Vn, ifp: Ifnet, ia: IfAddr): void {
  const { ip } = vn.state
  tableIn(ip, 'local').set(ia.addr.w3, ifp.id)
  if (ia.broadcast !== ia.addr.w3) {
    const ids = ip.broadcasts.get(ia.broadcast)
    if (ids === undefined) tableIn(ip, 'broadcasts').set(ia.broadcast, [ifp.id])
    else ids.push(ifp.id)
  }
  routeAddConnected(vn, ia.addr.w3, ia.prefixLen, ifp.id)
}

/** Undoes `ipAddrActivate`. */
export function ipAddrDeactivate(vn: Vn, ifp: Ifnet, ia: IfAddr): void {
  const { local, broadcasts } = vn.state.ip
  local.delete(ia.addr.w3)
  const ids = broadcasts.get(ia.broadcast)
  const i = ids?.indexOf(ifp.id) ?? -1
  if (ids !== undefined && i >= 0) {
    ids.splice(i, 1)
    if (ids.length === 0) broadcasts.delete(ia.broadcast)
  }
  routeDeleteConnected(vn, ia.addr.w3, ia.prefixLen, ifp)
}
