/** DHCPv4 clients: started, stopped, and what they do when (RFC 2131 §4.4, figure 5). */

import { LOG_WARNING, logWrite } from '../kern/log.ts'
import { randomBelow, randomInt32 } from '../kern/random.ts'
import { NEVER, TIMER_DHCP, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import { addrFromIp4, ip4Print } from '../lib/addr.ts'
import { EEXIST, EINVAL, ENOENT } from '../lib/errno.ts'
import { tableIn } from '../lib/table.ts'
import { ifAddAddr, ifSetFlags } from '../link/ifnet.ts'
import { IFA_DUPLICATED, IFA_PREFERRED, IFF_RUNNING, IFF_UP, IFT_ETHER } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { DHCPDECLINE, DHCPDISCOVER, DHCPRELEASE, DHCPREQUEST } from '../wire/dhcp.ts'
import { dhcpApply, dhcpHasAddress, dhcpIfAddr, dhcpUnapply } from './apply.ts'
import { dhcpReachStart, dhcpReachTest } from './reach.ts'
import { dhcpSend } from './output.ts'
import {
  DHCPS_BOUND, DHCPS_CHECKING, DHCPS_DOWN, DHCPS_INIT, DHCPS_REBINDING, DHCPS_REBOOTING, DHCPS_RENEWING,
  DHCPS_REQUESTING, DHCPS_SELECTING, createDhcpClient, createDhcpLease, dhcpStats,
} from './state.ts'
import type { DhcpClient } from './state.ts'

const SECOND = 1_000_000
/** §4.1: 4, 8, 16, 32, 64 s, each a second more or less. */
const BACKOFF_FIRST = 4
const BACKOFF_MAX = 64
/** Requests of an offered lease before all begins anew (§3.1.5: "four times"); of one that was had before. */
const REQUEST_TRIES = 4
const REBOOT_TRIES = 2
/** §3.1.5: after a declined address. */
const DECLINE_WAIT = 10 * SECOND
/** §4.4.5: no renewal more often than once a minute. */
const RENEW_LEAST = 60 * SECOND
const DUID_LL = 3
const IAID_DUID = 255

/**
 * Gets the address of an interface by DHCP from now on, and brings it up. `hostname` is told to the server, '' tells none.
 * ENOENT: no such interface; EINVAL: no Ethernet; EEXIST: it has a client.
 */
export function dhcpStart(vn: Vn, ifId: number, hostname: string): number {
  const ifp = vn.state.link.ifnets.get(ifId)
  if (ifp === undefined) return ENOENT
  if (ifp.type !== IFT_ETHER) return EINVAL
  if (vn.state.dhcp.clients.has(ifId)) return EEXIST
  ifSetFlags(vn, ifId, ifp.flags | IFF_UP)
  const client = createDhcpClient(ifId, clientId(ifp), hostname)
  tableIn(vn.state.dhcp, 'clients').set(ifId, client)
  if (isUp(ifp)) begin(vn, client, startDelay(vn))
  else client.state = DHCPS_DOWN
  return 0
}

/** Gives the lease back (§4.4.6) and ends the client; what it brought goes. ENOENT: there is none. */
export function dhcpStop(vn: Vn, ifId: number): number {
  const client = vn.state.dhcp.clients.get(ifId)
  if (client === undefined) return ENOENT
  if (dhcpHasAddress(vn, client)) {
    const { addr, server } = client.lease
    dhcpStats(vn).releases++
    client.xid = randomInt32(vn.state.random)
    dhcpSend(vn, client, { type: DHCPRELEASE, ciaddr: addr, requested: 0, server, to: server })
  }
  dhcpUnapply(vn, client)
  vn.state.dhcp.clients.delete(ifId)
  return 0
}

/** TIMER_DHCP: a deadline, news of an address, or of the link. `owner` is the interface. */
export function dhcpTimer(vn: Vn, owner: number, at: number): void {
  const client = vn.state.dhcp.clients.get(owner)
  if (client?.alarmAt !== at) return
  client.alarmAt = NEVER
  const ifp = vn.state.link.ifnets.get(owner)
  if (ifp === undefined) {
    vn.state.dhcp.clients.delete(owner)
    return
  }
  if (client.linkChanged) {
    client.linkChanged = false
    linkChange(vn, client, ifp)
  }
  if (client.state === DHCPS_CHECKING) checked(vn, client)
  else if (client.lease.addr !== 0) lost(vn, client)
  if (client.deadline <= vn.state.now) due(vn, client)
  if (vn.state.dhcp.clients.has(owner)) alarm(vn, client)
}

/** A lease was acknowledged: it is used at once where the address is in use already, otherwise once it is checked. */
export function dhcpAcked(vn: Vn, client: DhcpClient): void {
  const { addr, prefixLen } = client.offer
  const ia = dhcpIfAddr(vn, client.ifId, addr)
  if (client.lease.addr === addr && ia?.status === IFA_PREFERRED) return bind(vn, client)
  const probe = vn.state.sysctl['net.inet.dhcp.probe'] === 1
  const errno = ifAddAddr(vn, client.ifId, addrFromIp4(addr), prefixLen, { probe })
  if (errno !== 0) return decline(vn, client)
  enter(client, DHCPS_CHECKING, NEVER)
  checked(vn, client)
  alarm(vn, client)
}

/** The server has refused (§3.1.4, §4.4.5): the lease is gone, all begins anew. */
export function dhcpNaked(vn: Vn, client: DhcpClient): void {
  dhcpUnapply(vn, client)
  begin(vn, client, 0)
}

/** An offer was taken: asks for it (§4.4.1). */
export function dhcpSelect(vn: Vn, client: DhcpClient): void {
  enter(client, DHCPS_REQUESTING, vn.state.now)
  due(vn, client)
  alarm(vn, client)
}

function due(vn: Vn, client: DhcpClient): void {
  const { now } = vn.state
  const { lease, offer } = client
  switch (client.state) {
    case DHCPS_INIT:
      client.xid = randomInt32(vn.state.random)
      client.startedAt = now
      enter(client, DHCPS_SELECTING, now)
      return due(vn, client)
    case DHCPS_SELECTING: return repeat(vn, client, DHCPDISCOVER, 0, 0)
    case DHCPS_REQUESTING:
      if (client.tries >= REQUEST_TRIES) {
        client.offer = createDhcpLease()
        return begin(vn, client, 0)
      }
      return repeat(vn, client, DHCPREQUEST, offer.addr, offer.server)
    case DHCPS_REBOOTING:
      if (dhcpReachTest(vn, client)) return enter(client, DHCPS_BOUND, lease.renewAt)
      if (lease.expiresAt <= now) return expire(vn, client)
      // nobody answers: the lease is ours until it ends (§3.2.3)
      if (client.tries >= REBOOT_TRIES) return enter(client, DHCPS_BOUND, Math.max(now, lease.renewAt))
      return repeat(vn, client, DHCPREQUEST, lease.addr, 0)
    case DHCPS_BOUND:
      client.xid = randomInt32(vn.state.random)
      client.startedAt = now
      enter(client, DHCPS_RENEWING, now)
      return due(vn, client)
    case DHCPS_RENEWING:
      if (now >= lease.rebindAt) {
        enter(client, DHCPS_REBINDING, now)
        return due(vn, client)
      }
      return renew(vn, client, lease.server, lease.rebindAt)
    case DHCPS_REBINDING: return now >= lease.expiresAt ? expire(vn, client) : renew(vn, client, 0, lease.expiresAt)
    default: client.deadline = NEVER
  }
}

/** Broadcasts, and sets the time of the next try. */
function repeat(vn: Vn, client: DhcpClient, type: number, requested: number, server: number): void {
  const { now, random } = vn.state
  client.sentAt = now
  dhcpSend(vn, client, { type, ciaddr: 0, requested, server, to: 0 })
  const seconds = Math.min(BACKOFF_MAX, BACKOFF_FIRST << Math.min(client.tries, 4))
  client.tries++
  client.deadline = now + seconds * SECOND + randomBelow(random, 2 * SECOND + 1) - SECOND
}

/** Asks to go on, then again after half of what is left until `end`, but not sooner than in a minute (§4.4.5). */
function renew(vn: Vn, client: DhcpClient, to: number, end: number): void {
  const { now } = vn.state
  client.sentAt = now
  dhcpSend(vn, client, { type: DHCPREQUEST, ciaddr: client.lease.addr, requested: 0, server: 0, to })
  client.tries++
  client.deadline = Math.min(end, now + Math.max(RENEW_LEAST, Math.floor((end - now) / 2)))
}

/** The address check has an outcome, or not yet (RFC 5227 §2.1; RFC 2131 §4.4.1). */
function checked(vn: Vn, client: DhcpClient): void {
  const ia = dhcpIfAddr(vn, client.ifId, client.offer.addr)
  if (ia === null || ia.status === IFA_DUPLICATED) return decline(vn, client)
  if (ia.status === IFA_PREFERRED) bind(vn, client)
}

/** A leased address that was given up to somebody else (RFC 5227 §2.4) is declined, too. */
function lost(vn: Vn, client: DhcpClient): void {
  const ia = dhcpIfAddr(vn, client.ifId, client.lease.addr)
  if (ia !== null && ia.status !== IFA_DUPLICATED) return
  client.offer = { ...client.lease, routes: [], dns: [], search: [] }
  decline(vn, client)
}

function bind(vn: Vn, client: DhcpClient): void {
  dhcpApply(vn, client)
  enter(client, DHCPS_BOUND, client.lease.renewAt)
  alarm(vn, client)
}

function decline(vn: Vn, client: DhcpClient): void {
  const { addr, server } = client.offer
  const { log, now } = vn.state
  dhcpStats(vn).conflicts++
  dhcpStats(vn).declines++
  logWrite(log, now, LOG_WARNING, `dhcp: ${ip4Print(addr)} is somebody else's, declined`)
  dhcpSend(vn, client, { type: DHCPDECLINE, ciaddr: 0, requested: addr, server, to: 0 })
  dhcpUnapply(vn, client)
  begin(vn, client, DECLINE_WAIT)
}

function expire(vn: Vn, client: DhcpClient): void {
  const { log, now } = vn.state
  dhcpStats(vn).expired++
  logWrite(log, now, LOG_WARNING, `dhcp: the lease of ${ip4Print(client.lease.addr)} has run out`)
  dhcpUnapply(vn, client)
  begin(vn, client, 0)
}

/** RFC 4436: coming up with a lease, the old gateway is asked, and the server at the same time (§4.1 there). */
function linkChange(vn: Vn, client: DhcpClient, ifp: Ifnet): void {
  const { now } = vn.state
  if (!isUp(ifp)) {
    if (client.state === DHCPS_CHECKING) dhcpUnapply(vn, client)
    client.offer = createDhcpLease()
    enter(client, DHCPS_DOWN, NEVER)
    return
  }
  if (client.lease.addr === 0) return begin(vn, client, startDelay(vn))
  if (client.lease.expiresAt <= now) return expire(vn, client)
  client.xid = randomInt32(vn.state.random)
  client.startedAt = now
  enter(client, DHCPS_REBOOTING, now)
  repeat(vn, client, DHCPREQUEST, client.lease.addr, 0)
  const answerBy = dhcpReachStart(vn, client, ifp)
  client.deadline = Math.min(client.deadline, answerBy)
}

function begin(vn: Vn, client: DhcpClient, delayUs: number): void {
  enter(client, DHCPS_INIT, vn.state.now + delayUs)
  alarm(vn, client)
}

function enter(client: DhcpClient, state: number, deadline: number): void {
  client.state = state
  client.tries = 0
  client.deadline = deadline
}

function alarm(vn: Vn, client: DhcpClient): void {
  alarmSet(vn.state.timers, TIMER_DHCP, client.ifId, client, client.deadline)
}

function startDelay(vn: Vn): number {
  return randomBelow(vn.state.random, vn.state.sysctl['net.inet.dhcp.startdelay'] * 1000 + 1)
}

function isUp(ifp: Ifnet): boolean {
  return (ifp.flags & (IFF_UP | IFF_RUNNING)) === (IFF_UP | IFF_RUNNING)
}

/** RFC 4361 §6.1: type 255, the interface's number, and the node's DUID, made from its Ethernet address. */
function clientId(ifp: Ifnet): Uint8Array {
  const mac = Array.from({ length: 6 }, (_, i) => Math.floor(ifp.mac / 256 ** (5 - i)) & 255)
  return Uint8Array.of(
    IAID_DUID, ifp.id >>> 24, (ifp.id >>> 16) & 255, (ifp.id >>> 8) & 255, ifp.id & 255, 0, DUID_LL, 0, 1, ...mac)
}
