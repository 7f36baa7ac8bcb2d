/** Addresses as people write them: with the interface's name as the zone of a link-local one (RFC 4007 §11). */

import { addrFromIp4, addrIsV4, addrParse, addrPrint, ip4Mask } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6, addrParsePrefix, prefixOf, sameWords } from '../lib/addr6.ts'
import { ifByName } from '../link/ifnet.ts'
import type { Vnet } from '../vnet/vnet.ts'
import { ManageError } from './error.ts'

export interface Prefix { addr: Addr; prefixLen: number }

/** "10.0.0.1", "2001:db8::1" or "fe80::1%eth0"; ManageError EINVAL, or ENOENT for an interface that is not there. */
export function parseAddress(vnet: Vnet, text: string): Addr {
  const [body, zone = ''] = text.split('%', 2)
  const addr = addrParse(/^\d+$/.test(zone) ? text : body)
  if (addr === null || (zone !== '' && addrIsV4(addr))) {
    throw new ManageError('EINVAL', `"${text}" is not an address; expected one like 10.0.0.1, 2001:db8::1 or fe80::1%eth0`)
  }
  if (zone === '' || /^\d+$/.test(zone)) return addr
  const ifp = ifByName(vnet.vn, zone)
  if (ifp === null) throw new ManageError('ENOENT', `vimage ${vnet.name} has no interface "${zone}"`)
  addr.zone = ifp.id
  return addr
}

/** The other way round. */
export function printAddress(vnet: Vnet, a: Addr): string {
  if (a.zone === 0) return addrPrint(a)
  const name = vnet.state.link.ifnets.get(a.zone)?.name ?? String(a.zone)
  return `${addrPrint({ ...a, zone: 0 })}%${name}`
}

/**
 * "default" (of IPv6 where `six` says so), a network or a host; null when it is none of them or has bits outside its
 * prefix.
 */
export function destinationParse(text: string, six = false): Prefix | null {
  if (text === 'default') return { addr: six ? addr6(0, 0, 0, 0) : addrFromIp4(0), prefixLen: 0 }
  const parsed = addrParsePrefix(text)
  if (parsed === null || parsed.addr.zone !== 0) return null
  const { addr, prefixLen } = parsed
  const hostBits = addrIsV4(addr) ? (addr.w3 & ~ip4Mask(prefixLen)) !== 0 : !sameWords(prefixOf(addr, prefixLen), addr)
  return hostBits ? null : parsed
}
