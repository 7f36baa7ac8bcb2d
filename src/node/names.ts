/** Addresses between Node's handles (text, port, family) and the Vnet's. */

import { AF_INET, AF_INET6 } from '../inet/state.ts'
import { addrIsUnspecified, addrIsV4, addrParse, addrPrint, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import type { Vnet } from '../vnet/vnet.ts'
import type { SoFrom } from '../vnet/so.ts'

/** What getsockname and its like fill. */
export interface NameOut { address?: string; family?: string; port?: number }

/** An address of `family` (AF_*), or null; a name of an interface after "%" is its zone. */
export function parseAddress(vnet: Vnet, text: unknown, family: number): Addr | null {
  if (typeof text !== 'string') return null
  const [body, zone] = text.split('%') as [string, string | undefined]
  const numeric = zone === undefined || /^\d+$/.test(zone)
  const addr = addrParse(numeric ? text : body)
  if (addr === null || (family === AF_INET && !addrIsV4(addr))) return null
  if (family === AF_INET6 && !text.includes(':')) return null
  if (!numeric) addr.zone = [...vnet.state.link.ifnets.values()].find((ifp) => ifp.name === zone)?.id ?? 0
  return addr
}

/** As the wildcard, but a destination: this host (as connect and sendto take it). */
export function parseDestination(vnet: Vnet, text: unknown, family: number): Addr | null {
  const addr = parseAddress(vnet, text, family)
  if (addr === null || !addrIsUnspecified(addr)) return addr
  return addrParse(addrIsV4(addr) ? '127.0.0.1' : '::1')
}

/** An IPv4 peer of an IPv6 socket is shown in its mapped form (RFC 4291 §2.5.5.2), the wildcard as `::`. */
export function printAddress(vnet: Vnet, addr: Addr, family: number): string {
  if (family === AF_INET6 && addrIsV4(addr)) return addrIsUnspecified(addr) ? '::' : `::ffff:${addrPrint(addr)}`
  if (addr.zone === 0) return addrPrint(addr)
  const name = vnet.state.link.ifnets.get(addr.zone)?.name
  return `${addrPrint({ ...addr, zone: 0 })}%${name ?? addr.zone}`
}

/** Fills `out` as Node's native handles do. */
export function nameInto(vnet: Vnet, out: NameOut, from: SoFrom, family: number): void {
  out.address = printAddress(vnet, from.addr, family)
  out.family = family === AF_INET6 ? 'IPv6' : 'IPv4'
  out.port = from.port
}

export function createFrom(): SoFrom {
  return { addr: createAddr(), port: 0, truncated: false }
}
