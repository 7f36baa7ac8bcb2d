/** Which IPv6 addresses and groups are ours: looked up for every packet. */

import type { Vn } from '../kern/vn.ts'
import type { Addr, Mac } from '../lib/addr.ts'
import {
  addr6Hash, addr6IsSolicitedNode, macFromGroup6, macIsGroup6, addr6AllRouters, sameWords,
} from '../lib/addr6.ts'
import { tableIn } from '../lib/table.ts'
import type { Ifnet } from '../link/state.ts'
import { createIp6Local } from './state.ts'
import type { Ip6Addr, Ip6If } from './state.ts'

/** Id of the interface that has this address, usable, or 0. A link-local address counts in its own zone only. */
export function ip6LocalIf(vn: Vn, a: Addr): number {
  const list = vn.state.ip6.local.get(addr6Hash(vn.state.inet.hashKey, a, 128, 0))
  if (list === undefined) return 0
  for (let i = 0; i < list.length; i++) {
    const l = list[i]
    if (sameWords(l.addr, a) && l.addr.zone === a.zone) return l.ifId
  }
  return 0
}

/** True for a usable address of this host. */
export function ip6IsLocal(vn: Vn, a: Addr): boolean {
  return vn.state.ip6.local.size > 0 && ip6LocalIf(vn, a) !== 0
}

/** The address may be used from now on: packets to it are ours. */
export function ip6LocalAdd(vn: Vn, a: Addr, ifId: number): void {
  const { local } = vn.state.ip6
  const key = addr6Hash(vn.state.inet.hashKey, a, 128, 0)
  const list = local.get(key)
  if (list === undefined) tableIn(vn.state.ip6, 'local').set(key, [createIp6Local(a, ifId)])
  else list.push(createIp6Local(a, ifId))
}

export function ip6LocalRemove(vn: Vn, a: Addr): void {
  const { local } = vn.state.ip6
  const key = addr6Hash(vn.state.inet.hashKey, a, 128, 0)
  const list = local.get(key)?.filter((l) => !sameWords(l.addr, a) || l.addr.zone !== a.zone) ?? []
  if (list.length === 0) local.delete(key)
  else tableIn(vn.state.ip6, 'local').set(key, list)
}

/** The record of an address on an interface, whatever its status, or null. */
export function ip6AddrOn(i6: Ip6If, a: Addr): Ip6Addr | null {
  for (let i = 0; i < i6.addrs.length; i++) if (sameWords(i6.addrs[i].addr, a)) return i6.addrs[i]
  return null
}

/** True when this interface listens to a group (RFC 4291 §2.8); one that is being probed listens already. */
export function ip6InGroup(vn: Vn, ifId: number, group: Addr): boolean {
  const i6 = vn.state.ip6.ifs.get(ifId)
  if (i6 === undefined) return false
  if (group.w3 === 1 && group.w1 === 0 && group.w2 === 0 && (group.w0 === (0xff010000 | 0) || group.w0 === (0xff020000 | 0))) return true
  if (sameWords(group, addr6AllRouters(0))) return vn.state.sysctl['net.inet6.ip6.forwarding'] === 1
  if (addr6IsSolicitedNode(group)) {
    for (const ia of i6.addrs) if ((ia.addr.w3 & 0xffffff) === (group.w3 & 0xffffff)) return true
    for (const p of vn.state.nd.proxies) if (p.ifId === ifId && (p.addr.w3 & 0xffffff) === (group.w3 & 0xffffff)) return true
  }
  return i6.groups.some((g) => sameWords(g, group))
}

/** True when a frame to this Ethernet group address may carry a packet for one of our IPv6 groups (RFC 2464 §7). */
export function ip6WantsMac(vn: Vn, ifp: Ifnet, mac: Mac): boolean {
  if (!macIsGroup6(mac)) return false
  const i6 = vn.state.ip6.ifs.get(ifp.id)
  if (i6 === undefined) return false
  const low = (mac % 0x100000000) | 0
  if (low === 1) return true
  if (low === 2 && vn.state.sysctl['net.inet6.ip6.forwarding'] === 1) return true
  for (const ia of i6.addrs) if (((ia.addr.w3 & 0xffffff) | 0xff000000) === low) return true
  for (const p of vn.state.nd.proxies) if (p.ifId === ifp.id && ((p.addr.w3 & 0xffffff) | 0xff000000) === low) return true
  return i6.groups.some((g) => macFromGroup6(g) === mac)
}
