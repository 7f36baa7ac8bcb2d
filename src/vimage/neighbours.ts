/** The neighbours as `arp` and `ndp` show and change them: ARP's table for IPv4, neighbour discovery's for IPv6. */

import { arpDelete, arpList, arpSetStatic } from '../arp/list.ts'
import { addrIsV4, ip4Print, macParse, macPrint } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { EEXIST, EINVAL, ENETUNREACH, ENOBUFS, ENOENT } from '../lib/errno.ts'
import { ndDelete, ndList, ndProxySet, ndSetStatic } from '../nd/list.ts'
import type { Runner } from '../vnet/runner.ts'
import { parseAddress, printAddress } from './address.ts'
import { ManageError, manageCheck } from './error.ts'

export interface NeighbourRow {
  address: string
  /** '' while unknown. */
  mac: string
  interface: string
  /**
   * IPv4: 'incomplete', 'reachable', 'validating', 'failed' or 'permanent'. IPv6: 'incomplete', 'reachable', 'stale',
   * 'delay', 'probe' (RFC 4861 §7.3.2), 'permanent', or 'proxy' for one that this vimage answers for.
   */
  status: string
  /** Seconds until the entry's next step, -1 where there is none. */
  expiresS: number
  /** It has said that it is a router (IPv6 only). */
  router: boolean
}

/** ARP's table. */
export function neighbourRows(runner: Runner): NeighbourRow[] {
  runner.vnet.setNow(runner.now())
  return arpList(runner.vnet.vn).map((row) => ({
    address: ip4Print(row.ip),
    mac: row.mac === 0 ? '' : macPrint(row.mac),
    interface: row.ifName,
    status: row.status,
    expiresS: row.expires,
    router: false,
  }))
}

/** Neighbour discovery's table. */
export function neighbour6Rows(runner: Runner): NeighbourRow[] {
  const { vnet } = runner
  vnet.setNow(runner.now())
  return ndList(vnet.vn).map((row) => ({
    address: printAddress(vnet, row.addr),
    mac: row.mac === 0 ? '' : macPrint(row.mac),
    interface: vnet.state.link.ifnets.get(row.ifId)?.name ?? '',
    status: row.status,
    expiresS: row.expires,
    router: row.router,
  }))
}

/**
 * Sets an entry, of either family, that neither ages nor changes; with 'proxy' for `mac` the vimage answers for the address, which is
 * IPv6's and names its interface, itself (RFC 4861 §7.2.8).
 */
export function neighbourSet(runner: Runner, address: string, mac: string): void {
  const { vnet } = runner
  const addr = parseAddress(vnet, address)
  if (mac === 'proxy') return proxySet(runner, address, addr)
  const hardware = macParse(mac)
  if (hardware === null) {
    throw new ManageError('EINVAL', `"${mac}" is not a hardware address; expected one like 02:00:00:00:00:01`)
  }
  vnet.setNow(runner.now())
  const errno = addrIsV4(addr) ? arpSetStatic(vnet.vn, addr.w3, hardware) : ndSetStatic(vnet.vn, addr, hardware)
  runner.kick()
  manageCheck(errno, `cannot set the hardware address of ${address}`, {
    [ENETUNREACH]: 'it is not on the link of any Ethernet interface',
    [EINVAL]: addrIsV4(addr) ? `${mac} is not the address of one station`
      : `${mac} is not the address of one station, or the address wants its interface, as in fe80::1%eth0`,
  })
}

function proxySet(runner: Runner, address: string, addr: Addr): void {
  if (addrIsV4(addr)) throw new ManageError('EINVAL', `cannot answer for ${address}: only IPv6 addresses have a proxy`)
  runner.vnet.setNow(runner.now())
  const errno = ndProxySet(runner.vnet.vn, addr)
  runner.kick()
  manageCheck(errno, `cannot answer for ${address}`, {
    [EINVAL]: 'expected the address of one station with an interface that speaks IPv6, as in 2001:db8::7%eth0',
    [EEXIST]: 'it is an address of this vimage',
    [ENOBUFS]: 'net.inet6.icmp6.nd6_maxproxies are there already',
  })
}

export function neighbourDelete(runner: Runner, address: string): void {
  const { vnet } = runner
  const addr = parseAddress(vnet, address)
  vnet.setNow(runner.now())
  const errno = addrIsV4(addr) ? arpDelete(vnet.vn, addr.w3) : ndDelete(vnet.vn, addr)
  runner.kick()
  manageCheck(errno, `cannot delete ${address}`, { [ENOENT]: 'there is no such neighbour' })
}
