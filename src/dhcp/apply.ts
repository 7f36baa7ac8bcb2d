/** A lease taken into use and out of it: address, routes, MTU, name servers. */

import { ipIsLocal } from '../ip/addrs.ts'
import { routeAdd, routeDelete } from '../ip/route.ts'
import { LOG_INFO, logWrite } from '../kern/log.ts'
import type { Vn } from '../kern/vn.ts'
import { addrFromIp4, addrIsV4, ip4Print } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import { ifDelAddr, ifSetMtu } from '../link/ifnet.ts'
import { IFA_PREFERRED } from '../link/state.ts'
import type { IfAddr } from '../link/state.ts'
import { resolverSet } from '../resolver/resolver.ts'
import { RESOLVER_DHCP4 } from '../resolver/state.ts'
import { createDhcpLease, dhcpStats } from './state.ts'
import type { DhcpClient, DhcpLease } from './state.ts'

/** The offer becomes the lease; its address is on the interface and usable. */
export function dhcpApply(vn: Vn, client: DhcpClient): void {
  const { lease: old, offer } = client
  const ifp = vn.state.link.ifnets.get(client.ifId)
  if (ifp === undefined) return
  dropRoutes(vn, client.ifId, old)
  if (old.addr !== 0 && old.addr !== offer.addr) ifDelAddr(vn, client.ifId, addrFromIp4(old.addr))
  client.lease = offer
  client.offer = createDhcpLease()
  for (const { dst, prefixLen, gateway } of offer.routes) routeAdd(vn, dst, prefixLen, gateway, client.ifId, 0)
  setMtu(vn, client, offer.mtu)
  resolverSet(vn, RESOLVER_DHCP4, client.ifId, offer.dns.map(addrFromIp4), offer.search)
  if (old.addr === offer.addr) return
  dhcpStats(vn).bound++
  const text = `${ifp.name}: leased ${ip4Print(offer.addr)}/${offer.prefixLen} from ${ip4Print(offer.server)}`
  logWrite(vn.state.log, vn.state.now, LOG_INFO, text)
}

/** Takes everything away that the lease (or an address that is being checked) has brought. */
export function dhcpUnapply(vn: Vn, client: DhcpClient): void {
  const { lease, offer } = client
  dropRoutes(vn, client.ifId, lease)
  for (const addr of [lease.addr, offer.addr]) if (addr !== 0) ifDelAddr(vn, client.ifId, addrFromIp4(addr))
  setMtu(vn, client, 0)
  resolverSet(vn, RESOLVER_DHCP4, client.ifId, [], [])
  client.lease = createDhcpLease()
  client.offer = createDhcpLease()
}

/** The interface's record of an address, or null. */
export function dhcpIfAddr(vn: Vn, ifId: number, ip: Ip4): IfAddr | null {
  return vn.state.link.ifnets.get(ifId)?.addrs.find((ia) => addrIsV4(ia.addr) && ia.addr.w3 === ip) ?? null
}

/** True while the leased address can be sent from. */
export function dhcpHasAddress(vn: Vn, client: DhcpClient): boolean {
  const { addr } = client.lease
  return addr !== 0 && ipIsLocal(vn, addr) && dhcpIfAddr(vn, client.ifId, addr)?.status === IFA_PREFERRED
}

function dropRoutes(vn: Vn, ifId: number, lease: DhcpLease): void {
  for (const { dst, prefixLen, gateway } of lease.routes) if (gateway !== 0) routeDelete(vn, dst, prefixLen, gateway)
  // a route without a gateway is of the interface (RFC 3442 "local subnet routes")
  for (const { dst, prefixLen, gateway } of lease.routes) {
    const routes = vn.state.ip.routes.get(prefixLen)?.get(dst)
    if (gateway === 0 && routes?.some((r) => r.ifId === ifId) === true) routeDelete(vn, dst, prefixLen)
  }
}

/** A lease makes packets smaller, never larger than the interface can; 0 puts back what was. */
function setMtu(vn: Vn, client: DhcpClient, mtu: number): void {
  const ifp = vn.state.link.ifnets.get(client.ifId)
  if (ifp === undefined) return
  if (client.mtuBefore !== 0) ifSetMtu(vn, ifp.id, client.mtuBefore)
  client.mtuBefore = 0
  if (mtu === 0 || mtu >= ifp.mtu) return
  client.mtuBefore = ifp.mtu
  ifSetMtu(vn, ifp.id, mtu)
}
