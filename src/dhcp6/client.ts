/** DHCPv6 clients: started, stopped, and what they do when (RFC 8415 §18.2). */

import { ip6Enable } from '../ip6/ifaddr.ts'
import { randomBelow } from '../kern/random.ts'
import { NEVER, TIMER_DHCP6, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import { EEXIST, EINVAL, ENOENT } from '../lib/errno.ts'
import { ifSetFlags } from '../link/ifnet.ts'
import { IFF_RUNNING, IFF_UP, IFT_ETHER } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { DHCP6_INFORMATION_REQUEST, DUID_LL } from '../wire/dhcp6.ts'
import type { Dhcp6Option } from '../wire/dhcp6.ts'
import { dhcp6Configure, dhcp6Unconfigure } from './config.ts'
import { dhcp6Send, dhcp6Source } from './output.ts'
import { dhcp6NextRt } from './retransmit.ts'
import {
  DHCP6S_DOWN, DHCP6S_INFORMED, DHCP6S_INFORMING, DHCP6S_INIT, DHCP6_NOTHING, createDhcp6Client,
} from './state.ts'
import type { Dhcp6Client } from './state.ts'

const SECOND = 1_000_000
/** INF_TIMEOUT and IRT_MINIMUM (§7.6). */
const INF_TIMEOUT = SECOND
const REFRESH_LEAST = 600
/** §7.7. */
const INFINITY = 0xffffffff

/**
 * Asks servers on an interface for what `wants` says (DHCP6_INFORMATION, DHCP6_ADDRESSES) from now on; it is brought up, and
 * speaks IPv6. ENOENT: no such interface; EINVAL: no Ethernet; EEXIST: it has a client that a call has started.
 */
export function dhcp6Start(vn: Vn, ifId: number, wants: number): number {
  const ifp = vn.state.link.ifnets.get(ifId)
  if (ifp === undefined) return ENOENT
  if (ifp.type !== IFT_ETHER) return EINVAL
  const { clients } = vn.state.dhcp6
  if (clients.get(ifId)?.byRouter === false) return EEXIST
  ifSetFlags(vn, ifId, ifp.flags | IFF_UP)
  ip6Enable(vn, ifId)
  const client = clients.get(ifId) ?? createDhcp6Client(ifId, wants, false)
  client.wants = wants
  client.byRouter = false
  clients.set(ifId, client)
  linkChange(vn, client, ifp)
  return 0
}

/** Ends the client; what it brought goes. ENOENT: there is none. */
export function dhcp6Stop(vn: Vn, ifId: number): number {
  const client = vn.state.dhcp6.clients.get(ifId)
  if (client === undefined) return ENOENT
  dhcp6Unconfigure(vn, client)
  vn.state.dhcp6.clients.delete(ifId)
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
  if (client.wants === DHCP6_NOTHING) {
    dhcp6Stop(vn, owner)
    return
  }
  if (client.linkChanged) {
    client.linkChanged = false
    linkChange(vn, client, ifp)
  }
  if (client.deadline <= vn.state.now) due(vn, client, ifp)
  alarm(vn, client)
}

/** A server has answered an Information-request; asked again after `seconds` (§21.23). */
export function dhcp6Informed(
  vn: Vn, client: Dhcp6Client, view: DataView, options: readonly Dhcp6Option[], seconds: number,
): void {
  dhcp6Configure(vn, client, view, options)
  const until = seconds === INFINITY ? NEVER : vn.state.now + Math.max(REFRESH_LEAST, seconds) * SECOND
  enter(client, DHCP6S_INFORMED, until)
  alarm(vn, client)
}

function due(vn: Vn, client: Dhcp6Client, ifp: Ifnet): void {
  const { now, random } = vn.state
  switch (client.state) {
    case DHCP6S_INIT:
      // duplicate address detection tells when there is an address to send from
      if (dhcp6Source(vn, client.ifId) === null) return
      makeDuid(vn, ifp)
      client.xid = randomBelow(random, 0x1000000)
      client.startedAt = now
      enter(client, DHCP6S_INFORMING, now)
      return due(vn, client, ifp)
    case DHCP6S_INFORMING: return repeat(vn, client, DHCP6_INFORMATION_REQUEST, INF_TIMEOUT, client.infMaxRtUs)
    case DHCP6S_INFORMED: return begin(vn, client)
    default: client.deadline = NEVER
  }
}

/** Sends, and sets the time of the next try. */
function repeat(vn: Vn, client: Dhcp6Client, type: number, irtUs: number, mrtUs: number): void {
  dhcp6Send(vn, client, type)
  client.deadline = vn.state.now + dhcp6NextRt(vn, client, irtUs, mrtUs, false)
  client.tries++
}

/** §18.2.12: after the link was away, all is asked for anew; what is known is used until then. */
function linkChange(vn: Vn, client: Dhcp6Client, ifp: Ifnet): void {
  if (isUp(ifp)) begin(vn, client)
  else enter(client, DHCP6S_DOWN, NEVER)
}

/** §18.2.6: the first message is delayed, so that a link's hosts do not all ask at once. */
function begin(vn: Vn, client: Dhcp6Client): void {
  const delay = randomBelow(vn.state.random, vn.state.sysctl['net.inet6.dhcp6.startdelay'] * 1000 + 1)
  enter(client, DHCP6S_INIT, vn.state.now + delay)
  alarm(vn, client)
}

function enter(client: Dhcp6Client, state: number, deadline: number): void {
  client.state = state
  client.tries = 0
  client.deadline = deadline
}

/** What is due and waits for news needs no alarm. */
function alarm(vn: Vn, client: Dhcp6Client): void {
  if (client.deadline > vn.state.now || client.state !== DHCP6S_INIT || dhcp6Source(vn, client.ifId) !== null) {
    alarmSet(vn.state.timers, TIMER_DHCP6, client.ifId, client, client.deadline)
  }
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
