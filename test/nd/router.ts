/** Router messages octet by octet, and a host that hears them. */

import { ip6Addrs, ip6Enable } from '../../src/ip6/ifaddr.ts'
import { route6List } from '../../src/ip6/route.ts'
import type { Ip6Addr, Route6 } from '../../src/ip6/state.ts'
import { addrPrint } from '../../src/lib/addr.ts'
import { ndAutoStart } from '../../src/nd/auto.ts'
import { MY_MAC, createHost, pass, rx, take } from '../ip/harness.ts'
import type { Host, Sent } from '../ip/harness.ts'
import { frameOf } from '../ip/packet.ts'
import { icmp6, ip6, octets } from '../ip6/build.ts'

export const R1 = 'fe80::1'
export const R2 = 'fe80::2'
export const FOREVER = 0xffffffff
const ALL = 0x333300000001

export interface Ra {
  src?: string; hops?: number; code?: number; curHops?: number; flags?: number; lifetime?: number; reachable?: number; retrans?: number
  options?: number[]; cut?: number
}

/** An Ethernet address 02:00:00:00:01:NN for the router fe80::NN. */
export function macOf(router: string): number {
  return 0x020000000100 + Number(router.replace('fe80::', ''))
}

export function word(n: number): number[] {
  return [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]
}

/** RFC 4861 §4.6.2; `flags`: 0x80 on-link, 0x40 autonomous. */
export function pio(prefix: string, valid: number, preferred: number, flags = 0xc0, len = 64): number[] {
  return [3, 4, len, flags, ...word(valid), ...word(preferred), 0, 0, 0, 0, ...octets(prefix)]
}

export function slla(router = R1): number[] {
  return [1, 1, 2, 0, 0, 0, 1, macOf(router) & 255]
}

/** RFC 4861 §4.2. */
export function ra(o: Ra = {}): Uint8Array {
  const { src = R1, hops = 255, code = 0, curHops = 0, flags = 0, lifetime = 1800, reachable = 0, retrans = 0 } = o
  const rest = [curHops, flags, lifetime >> 8, lifetime & 255, ...word(reachable), ...word(retrans), ...(o.options ?? slla(src))]
  const payload = icmp6(134, code, rest.slice(0, o.cut ?? rest.length), src, 'ff02::1')
  return frameOf(ALL, macOf(src.startsWith('fe80') ? src : R1), 0x86dd, ip6({ src, dst: 'ff02::1', hops, next: 58, payload }))
}

/** A host that listens to routers, with its link-local address checked. */
export function autoHost(sysctls: Record<string, number> = {}, seed = 1): Host {
  const h = createHost({ bare: true, sysctls, seed })
  h.ifp.flags |= 1
  ip6Enable(h.vn, h.ifp.id)
  ndAutoStart(h.vn, h.ifp.id)
  pass(h, 3e6)
  take(h)
  return h
}

export function hear(h: Host, o: Ra = {}): void {
  rx(h, ra(o))
}

/** Addresses but the link-local one. */
export function globals(h: Host): Ip6Addr[] {
  return ip6Addrs(h.vn, h.ifp.id).filter((ia) => !addrPrint(ia.addr).startsWith('fe80'))
}

/** `prefix/len via` of the routes that are not by hand, the best first. */
export function learnt(h: Host): string[] {
  return route6List(h.vn).filter((r) => (r.flags & 0x8010) !== 0).map(routeText)
}

function routeText(r: Route6): string {
  const via = addrPrint(r.gateway)
  return `${addrPrint(r.dst)}/${r.prefixLen}${via === '::' ? '' : ` ${via.replace(/%.*/, '')}`}`
}

/** The ICMPv6 messages of a type among what was sent. */
export function ofType(sent: readonly Sent[], type: number): Sent[] {
  return sent.filter((s) => s.ether.type === 0x86dd && s.bytes[14 + 6] === 58 && s.bytes[14 + 40] === type)
}

/** A packet that `router` brings us. */
export function toMe(router: string, dst: string, payload: number[], src = router): Uint8Array {
  return frameOf(MY_MAC, macOf(router), 0x86dd, ip6({ src, dst, hops: 255, next: 58, payload }))
}
