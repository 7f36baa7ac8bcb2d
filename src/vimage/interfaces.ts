/** Interfaces as `ifconfig` and `netstat -i` show and change them. */

import { dhcpStart, dhcpStop } from '../dhcp/client.ts'
import { DHCPS_WORDS } from '../dhcp/state.ts'
import { dhcp6Start, dhcp6Stop } from '../dhcp6/client.ts'
import { DHCP6S_WORDS, DHCP6_ADDRESSES } from '../dhcp6/state.ts'
import { ip6Addrs } from '../ip6/ifaddr.ts'
import { IA6_AUTOCONF, IA6_DEPRECATED, IA6_DHCP, IA6_TEMPORARY } from '../ip6/state.ts'
import type { Ip6Addr } from '../ip6/state.ts'
import { addrIsV4, addrPrint, ip4Print, macPrint } from '../lib/addr.ts'
import { addrParsePrefix } from '../lib/addr6.ts'
import { EADDRNOTAVAIL, EEXIST, EINVAL, ENOENT } from '../lib/errno.ts'
import { IF_MIN_MTU, ifAddAddr, ifAnnounceAll, ifByName, ifDelAddr, ifSetFlags, ifSetMtu } from '../link/ifnet.ts'
import {
  IFA_DUPLICATED, IFA_TENTATIVE, IFF_BROADCAST, IFF_LOOPBACK, IFF_MULTICAST, IFF_POINTOPOINT, IFF_PROMISC, IFF_RUNNING,
  IFF_UP, IFT_ETHER, IFT_LOOP,
} from '../link/state.ts'
import type { IfAddr, Ifnet } from '../link/state.ts'
import type { Runner } from '../vnet/runner.ts'
import { parseAddress, printAddress } from './address.ts'
import type { Prefix } from './address.ts'
import { ManageError, manageCheck } from './error.ts'

export interface InterfaceAddress {
  address: string
  prefixLen: number
  /** '' where there is none. */
  broadcast: string
  /** 'preferred', 'tentative' (being probed, RFC 5227, RFC 4862), 'duplicated' or 'deprecated' (RFC 4862 §5.5.4). */
  status: string
  /** How it came: '' by hand, 'autoconf' (RFC 4862), 'temporary' (RFC 8981) or 'dhcp' (RFC 8415). */
  origin: string
}

export interface InterfaceInfo {
  name: string
  type: 'ether' | 'ip' | 'loopback'
  /** The flags as a number (FreeBSD's names, this stack's bits), and in words. */
  flagBits: number
  flags: string[]
  mtuBytes: number
  /** '' where there is none. */
  mac: string
  addresses: InterfaceAddress[]
  /** What its DHCP client is doing ('bound', 'selecting' …), '' where it has none. */
  dhcp: string
  /** What its DHCPv6 client is doing ('bound', 'soliciting', 'informed' …), '' where it has none. */
  dhcp6: string
  inPackets: number
  inBytes: number
  inErrors: number
  inDrops: number
  outPackets: number
  outBytes: number
  outErrors: number
  outDrops: number
}

/** `InterfaceInfo` with its addresses in words: what a table shows. */
export type InterfaceRow = Omit<InterfaceInfo, 'addresses' | 'flagBits'> & { addresses: string[] }

/** Every interface, in the order they were made. */
export function interfaceList(runner: Runner): InterfaceInfo[] {
  return [...runner.vnet.state.link.ifnets.values()].map((ifp) => interfaceInfo(runner, ifp))
}

export function interfaceRows(runner: Runner): InterfaceRow[] {
  return interfaceList(runner).map(({ flagBits: _, addresses, name, type, ...rest }) => ({
    name, type, addresses: addresses.map(addressWords), ...rest,
  }))
}

/** One interface by name; ManageError ENOENT. */
export function interfaceGet(runner: Runner, name: string): InterfaceInfo {
  return interfaceInfo(runner, find(runner, name))
}

export function interfaceSetUp(runner: Runner, name: string, up: boolean): void {
  const ifp = find(runner, name)
  ifSetFlags(runner.vnet.vn, ifp.id, up ? ifp.flags | IFF_UP : ifp.flags & ~IFF_UP)
  runner.kick()
}

export function interfaceSetMtu(runner: Runner, name: string, mtuBytes: number): void {
  const ifp = find(runner, name)
  const errno = ifSetMtu(runner.vnet.vn, ifp.id, mtuBytes)
  runner.kick()
  const why = { [EINVAL]: `expected ${IF_MIN_MTU} to 65535` }
  manageCheck(errno, `cannot set the MTU of ${name} to ${mtuBytes}`, why)
}

/**
 * Gives the interface `text` ("10.0.0.1/24", "2001:db8::1/64") besides what it has. With `probe` the address is tentative
 * until nobody has claimed it (RFC 5227 §2.1), as one of IPv6 always is (RFC 4862 §5.4).
 */
export function interfaceAddAddress(runner: Runner, name: string, text: string, probe: boolean): void {
  const ifp = find(runner, name)
  const { addr, prefixLen } = parsePrefix(text)
  const errno = ifAddAddr(runner.vnet.vn, ifp.id, addr, prefixLen, { probe: probe || !addrIsV4(addr) })
  runner.kick()
  manageCheck(errno, `cannot add ${text} to ${name}`, {
    [EEXIST]: 'this vimage has the address already',
    [EINVAL]: 'expected the address of a host, not of a network, a broadcast or a group',
  })
}

/** Takes an address away; `text` may end in "/LEN". */
export function interfaceRemoveAddress(runner: Runner, name: string, text: string): void {
  const ifp = find(runner, name)
  const addr = parseAddress(runner.vnet, text.replace(/\/.*$/, ''))
  const errno = ifDelAddr(runner.vnet.vn, ifp.id, addr)
  runner.kick()
  manageCheck(errno, `cannot remove ${text} from ${name}`, { [EADDRNOTAVAIL]: 'the interface does not have it' })
}

/** Gets the address of an interface by DHCP from now on, under the vimage's name; or gives it back and stops. */
export function interfaceDhcp(runner: Runner, name: string, on: boolean): void {
  const ifp = find(runner, name)
  const { vn } = runner.vnet
  const errno = on ? dhcpStart(vn, ifp.id, runner.vnet.name) : dhcpStop(vn, ifp.id)
  runner.kick()
  manageCheck(errno, `cannot ${on ? 'start' : 'stop'} DHCP on ${name}`, {
    [EEXIST]: 'it has a client already', [EINVAL]: 'it is no Ethernet', [ENOENT]: 'it has no client',
  })
}

/**
 * Gets addresses of an interface by DHCPv6 from now on, whatever routers say; or gives them back and stops. What the M and O
 * flags of routers start needs no call (sysctl net.inet6.dhcp6.accept_ra).
 */
export function interfaceDhcp6(runner: Runner, name: string, on: boolean): void {
  const ifp = find(runner, name)
  const { vn } = runner.vnet
  const errno = on ? dhcp6Start(vn, ifp.id, DHCP6_ADDRESSES) : dhcp6Stop(vn, ifp.id)
  runner.kick()
  manageCheck(errno, `cannot ${on ? 'start' : 'stop'} DHCPv6 on ${name}`, {
    [EEXIST]: 'it has a client already', [EINVAL]: 'it is no Ethernet', [ENOENT]: 'it has no client',
  })
}

/** Tells every link again which addresses are here (RFC 5227 §2.3): the Vnet has come from elsewhere. */
export function interfaceAnnounce(runner: Runner): void {
  const { vnet } = runner
  vnet.setNow(runner.now())
  ifAnnounceAll(vnet.vn)
  runner.kick()
}

function find(runner: Runner, name: string): Ifnet {
  const { vnet } = runner
  vnet.setNow(runner.now())
  const ifp = ifByName(vnet.vn, name)
  if (ifp !== null) return ifp
  const names = [...vnet.state.link.ifnets.values()].map((i) => i.name).join(', ')
  throw new ManageError('ENOENT', `vimage ${vnet.name} has no interface "${name}"; it has ${names}`)
}

function parsePrefix(text: string): Prefix {
  const parsed = text.includes('/') ? addrParsePrefix(text) : null
  if (parsed === null) {
    throw new ManageError('EINVAL', `"${text}" is not an address with its prefix length; expected one like 10.0.0.1/24 or`
      + ' 2001:db8::1/64')
  }
  return parsed
}

function interfaceInfo(runner: Runner, ifp: Ifnet): InterfaceInfo {
  const { stats } = ifp
  const six = ip6Addrs(runner.vnet.vn, ifp.id)
  return {
    name: ifp.name,
    type: ifp.type === IFT_ETHER ? 'ether' : ifp.type === IFT_LOOP ? 'loopback' : 'ip',
    flagBits: ifp.flags,
    flags: FLAG_NAMES.filter(([bit]) => (ifp.flags & bit) !== 0).map(([, name]) => name),
    mtuBytes: ifp.mtu,
    mac: ifp.mac === 0 ? '' : macPrint(ifp.mac),
    addresses: [...ifp.addrs.map((ia) => addressInfo(ifp, ia)), ...six.map((ia) => address6Info(runner, ia))],
    dhcp: DHCPS_WORDS[runner.vnet.state.dhcp.clients.get(ifp.id)?.state ?? -1] ?? '',
    dhcp6: DHCP6S_WORDS[runner.vnet.state.dhcp6.clients.get(ifp.id)?.state ?? -1] ?? '',
    inPackets: stats.ipackets,
    inBytes: stats.ibytes,
    inErrors: stats.ierrors,
    inDrops: stats.iqdrops,
    outPackets: stats.opackets,
    outBytes: stats.obytes,
    outErrors: stats.oerrors,
    outDrops: stats.oqdrops,
  }
}

function addressInfo(ifp: Ifnet, ia: IfAddr): InterfaceAddress {
  const broadcasts = (ifp.flags & IFF_BROADCAST) !== 0 && ia.broadcast !== ia.addr.w3
  return {
    address: addrPrint(ia.addr),
    prefixLen: ia.prefixLen,
    broadcast: broadcasts ? ip4Print(ia.broadcast) : '',
    status: statusName(ia.status),
    origin: '',
  }
}

function address6Info(runner: Runner, ia: Ip6Addr): InterfaceAddress {
  const deprecated = (ia.flags & IA6_DEPRECATED) !== 0
  return {
    address: printAddress(runner.vnet, ia.addr),
    prefixLen: ia.prefixLen,
    broadcast: '',
    status: deprecated ? 'deprecated' : statusName(ia.status),
    origin: originName(ia.flags),
  }
}

function originName(flags: number): string {
  if ((flags & IA6_DHCP) !== 0) return 'dhcp'
  return (flags & IA6_TEMPORARY) !== 0 ? 'temporary' : (flags & IA6_AUTOCONF) !== 0 ? 'autoconf' : ''
}

function statusName(status: number): string {
  return status === IFA_TENTATIVE ? 'tentative' : status === IFA_DUPLICATED ? 'duplicated' : 'preferred'
}

function addressWords(a: InterfaceAddress): string {
  return `${a.address}/${a.prefixLen}${a.status === 'preferred' ? '' : ` (${a.status})`}`
}

const FLAG_NAMES: readonly (readonly [bit: number, name: string])[] = Object.freeze([
  [IFF_UP, 'UP'], [IFF_BROADCAST, 'BROADCAST'], [IFF_LOOPBACK, 'LOOPBACK'], [IFF_POINTOPOINT, 'POINTOPOINT'],
  [IFF_RUNNING, 'RUNNING'], [IFF_PROMISC, 'PROMISC'], [IFF_MULTICAST, 'MULTICAST'],
])
