/** DHCPv6 clients: started and stopped, and what news do to them (RFC 8415 §18.2); what is due when: steps.ts. */

import { ip6Enable } from '../ip6/ifaddr.ts'
import { NEVER } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import { EEXIST, EINVAL, ENOENT } from '../lib/errno.ts'
import { tableIn } from '../lib/table.ts'
import { ifSetFlags } from '../link/ifnet.ts'
import { IFF_RUNNING, IFF_UP, IFT_ETHER } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { DUID_LL } from '../wire/dhcp6.ts'
import { dhcp6Age, dhcp6DropDuplicates, dhcp6Unapply } from './apply.ts'
import {
  DHCP6S_BOUND, DHCP6S_CONFIRMING, DHCP6S_DECLINING, DHCP6S_DOWN, DHCP6S_REBINDING, DHCP6S_RELEASING, DHCP6S_RENEWING,
  DHCP6_NOTHING, createDhcp6Client, dhcp6Stats,
} from './state.ts'
import type { Dhcp6Client } from './state.ts'
import { dhcp6Alarm, dhcp6Begin, dhcp6Due, dhcp6Enter, dhcp6Exchange, dhcp6Restart } from './steps.ts'

/**
 * Asks servers on an interface for what `wants` says (DHCP6_INFORMATION, DHCP6_ADDRESSES) from now on; it is brought up, and
 * speaks IPv6. ENOENT: no such interface; EINVAL: no Ethernet; EEXIST: it has a client that a call has started.
 */
export function dhcp6Start(vn: Vn, ifId: number, wants: number): number {
  const ifp = vn.state.link.ifnets.get(ifId)
  if (ifp === undefined) return ENOENT
  if (ifp.type !== IFT_ETHER) return EINVAL
  const { clients } = vn.state.dhcp6
  const known = clients.get(ifId)
  const ends = known?.state === DHCP6S_RELEASING
  if (known?.byRouter === false && !ends) return EEXIST
  ifSetFlags(vn, ifId, ifp.flags | IFF_UP)
  ip6Enable(vn, ifId)
  const client = known === undefined || ends ? createDhcp6Client(ifId, wants, false) : known
  const asks = client !== known || client.wants !== wants
  client.wants = wants
  client.byRouter = false
  tableIn(vn.state.dhcp6, 'clients').set(ifId, client)
  if (asks) linkChange(vn, client, ifp)
  dhcp6Alarm(vn, client)
  return 0
}

/**
 * Ends the client: what it brought goes at once, and the server is told until it answers, four times at most (§18.2.7).
 * ENOENT: there is none, or it is ending.
 */
export function dhcp6Stop(vn: Vn, ifId: number): number {
  const { clients } = vn.state.dhcp6
  const stats = dhcp6Stats(vn)
  const client = clients.get(ifId)
  if (client === undefined || client.state === DHCP6S_RELEASING) return ENOENT
  const { server, state } = client
  client.wants = DHCP6_NOTHING
  client.byRouter = false
  client.named = dhcp6Unapply(vn, client)
  if (client.named.length === 0 || state === DHCP6S_DOWN) {
    clients.delete(ifId)
    return 0
  }
  client.server = server
  stats.releases++
  dhcp6Exchange(vn, client, DHCP6S_RELEASING)
  dhcp6Alarm(vn, client)
  return 0
}

/** TIMER_DHCP6: a deadline, news of routers, of an address, or of the link. `owner` is the interface. */
export function dhcp6Timer(vn: Vn, owner: number, at: number): void {
  const { clients } = vn.state.dhcp6
  const client = clients.get(owner)
  if (client?.alarmAt !== at) return
  client.alarmAt = NEVER
  const ifp = vn.state.link.ifnets.get(owner)
  if (ifp === undefined) {
    clients.delete(owner)
    return
  }
  if (client.wants === DHCP6_NOTHING && client.state !== DHCP6S_RELEASING) {
    dhcp6Stop(vn, owner)
    return
  }
  makeDuid(vn, ifp)
  if (client.linkChanged) {
    client.linkChanged = false
    linkChange(vn, client, ifp)
  }
  leases(vn, client)
  if (clients.has(owner) && client.deadline <= vn.state.now) dhcp6Due(vn, client)
  if (clients.has(owner)) dhcp6Alarm(vn, client)
}

/** Leases that have run out, and addresses that somebody else has (§18.2.8). */
function leases(vn: Vn, client: Dhcp6Client): void {
  if (client.leases.length === 0) return
  dhcp6Age(vn, client)
  const holds = [DHCP6S_BOUND, DHCP6S_RENEWING, DHCP6S_REBINDING, DHCP6S_CONFIRMING, DHCP6S_DECLINING].includes(client.state)
  if (!holds) return
  const taken = dhcp6DropDuplicates(vn, client)
  if (taken.length > 0) {
    dhcp6Stats(vn).declines += taken.length
    client.named = client.state === DHCP6S_DECLINING ? [...client.named, ...taken] : taken
    dhcp6Exchange(vn, client, DHCP6S_DECLINING)
  } else if (client.leases.length === 0 && client.state !== DHCP6S_DECLINING) dhcp6Restart(vn, client, false)
}

/** §18.2.12: after the link was away, all is asked for anew; what is known is used until then. */
function linkChange(vn: Vn, client: Dhcp6Client, ifp: Ifnet): void {
  if (client.state === DHCP6S_RELEASING) return
  if (!isUp(ifp)) return dhcp6Enter(client, DHCP6S_DOWN, NEVER)
  makeDuid(vn, ifp)
  client.named = []
  dhcp6Begin(vn, client)
}

/** §11.4: made once, of the Ethernet address of the interface that asks first. */
function makeDuid(vn: Vn, ifp: Ifnet): void {
  const { dhcp6 } = vn.state
  if (dhcp6.duid.length > 0) return
  const mac = Array.from({ length: 6 }, (_, i) => Math.floor(ifp.mac / 256 ** (5 - i)) & 255)
  dhcp6.duid = Uint8Array.of(0, DUID_LL, 0, 1, ...mac)
}

function isUp(ifp: Ifnet): boolean {
  return (ifp.flags & (IFF_UP | IFF_RUNNING)) === (IFF_UP | IFF_RUNNING)
}
