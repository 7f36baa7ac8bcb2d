/** The ARP table as `arp -a`, `arp -s` and `arp -d` show and change it. */

import { arpDelete, arpList, arpSetStatic } from '../arp/list.ts'
import { ip4Parse, ip4Print, macParse, macPrint } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import { EINVAL, ENETUNREACH, ENOENT } from '../lib/errno.ts'
import type { Runner } from '../vnet/runner.ts'
import { ManageError, manageCheck } from './error.ts'

export interface NeighbourRow {
  address: string
  /** '' while unknown. */
  mac: string
  interface: string
  /** 'incomplete', 'reachable', 'validating', 'failed' or 'permanent'. */
  status: string
  /** Seconds until the entry's next step, -1 for a permanent one. */
  expiresS: number
}

export function neighbourRows(runner: Runner): NeighbourRow[] {
  runner.vnet.setNow(runner.now())
  return arpList(runner.vnet.vn).map((row) => ({
    address: ip4Print(row.ip),
    mac: row.mac === 0 ? '' : macPrint(row.mac),
    interface: row.ifName,
    status: row.status,
    expiresS: row.expires,
  }))
}

/** Sets an entry that neither ages nor changes. */
export function neighbourSet(runner: Runner, address: string, mac: string): void {
  const ip = parse(address)
  const hardware = macParse(mac)
  if (hardware === null) {
    throw new ManageError('EINVAL', `"${mac}" is not a hardware address; expected one like 02:00:00:00:00:01`)
  }
  runner.vnet.setNow(runner.now())
  const errno = arpSetStatic(runner.vnet.vn, ip, hardware)
  runner.kick()
  manageCheck(errno, `cannot set the hardware address of ${address}`, {
    [ENETUNREACH]: 'it is not on the link of any Ethernet interface',
    [EINVAL]: `${mac} is not the address of one station`,
  })
}

export function neighbourDelete(runner: Runner, address: string): void {
  const ip = parse(address)
  runner.vnet.setNow(runner.now())
  const errno = arpDelete(runner.vnet.vn, ip)
  runner.kick()
  manageCheck(errno, `cannot delete ${address}`, { [ENOENT]: 'there is no such neighbour' })
}

function parse(address: string): Ip4 {
  const ip = ip4Parse(address)
  if (ip === null) throw new ManageError('EINVAL', `"${address}" is not an address; expected one like 10.0.0.1`)
  return ip
}
