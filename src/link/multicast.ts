/** IPv4 multicast on Ethernet (RFC 1112 §6.4, §7). What an interface listens to; who wants it: mcast/. */

import type { Ip4, Mac } from '../lib/addr.ts'
import type { Ifnet } from './state.ts'

/** 224.0.0.1: every host belongs to it on every interface (RFC 1112 §4). */
export const IP4_ALL_SYSTEMS: Ip4 = 0xe0000001 | 0

const MAC_IP4_GROUPS = 0x01005e000000

/** True when a frame to this Ethernet group address may carry a packet for one of our groups. */
export function ifWantsMulticast(ifp: Ifnet, mac: Mac): boolean {
  if (mac === macFromGroup(IP4_ALL_SYSTEMS)) return true
  for (let i = 0; i < ifp.groups.length; i++) if (macFromGroup(ifp.groups[i]) === mac) return true
  return false
}

/** True when this interface listens to `group` (32 groups share an Ethernet address, so IP asks again). */
export function ifInGroup(ifp: Ifnet, group: Ip4): boolean {
  return group === IP4_ALL_SYSTEMS || ifp.groups.includes(group)
}

/** The Ethernet address of a group: 01-00-5E and the low 23 bits (RFC 1112 §6.4). */
export function macFromGroup(group: Ip4): Mac {
  return MAC_IP4_GROUPS + (group & 0x7fffff)
}

/** Listens to `group` on an interface; once is enough. */
export function ifJoinGroup(ifp: Ifnet, group: Ip4): void {
  if (!ifp.groups.includes(group)) ifp.groups.push(group)
}

export function ifLeaveGroup(ifp: Ifnet, group: Ip4): void {
  const i = ifp.groups.indexOf(group)
  if (i >= 0) ifp.groups.splice(i, 1)
}
