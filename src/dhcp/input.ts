/** Messages of servers (RFC 2131 §4.4): checked, then offer, acknowledgement or refusal. */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { macRead } from '../lib/addr.ts'
import type { Frame } from '../lib/frame.ts'
import {
  BOOTREPLY, DHCPACK, DHCPNAK, DHCPOFFER, DHCP_CHADDR, DHCP_COOKIE, DHCP_HLEN, DHCP_MAGIC, DHCP_OP, DHCP_OPTIONS,
  DHCP_XID, DHCP_YIADDR, DHO_MESSAGE_TYPE, DHO_SERVER_ID, dhcpOptions, dhcpWord,
} from '../wire/dhcp.ts'
import { UDP_HDR_LEN } from '../wire/udp.ts'
import { dhcpAcked, dhcpNaked, dhcpSelect } from './client.ts'
import { dhcpLease } from './lease.ts'
import {
  DHCPS_REBINDING, DHCPS_REBOOTING, DHCPS_RENEWING, DHCPS_REQUESTING, DHCPS_SELECTING, dhcpStats,
} from './state.ts'
import type { DhcpClient, DhcpStats } from './state.ts'

/**
 * A datagram of `n` bytes to the client's port (f.l4 at its UDP header). False when its interface has no client: then it
 * is like any other. Borrows the frame.
 */
export function dhcpInput(vn: Vn, f: Frame, n: number): boolean {
  const client = vn.state.dhcp.clients.get(f.ifId)
  if (client === undefined) return false
  const stats = dhcpStats(vn)
  const { view } = f
  const at = f.l4 + UDP_HDR_LEN
  stats.received++
  if (n < DHCP_OPTIONS) return drop(vn, f, 'tooshort')
  if (view.getUint8(at + DHCP_OP) !== BOOTREPLY || view.getUint32(at + DHCP_MAGIC) !== DHCP_COOKIE) {
    return drop(vn, f, 'badform')
  }
  const mac = vn.state.link.ifnets.get(f.ifId)?.mac
  const ours = view.getInt32(at + DHCP_XID) === client.xid && view.getUint8(at + DHCP_HLEN) === 6 &&
    macRead(view, at + DHCP_CHADDR) === mac
  if (!ours) return drop(vn, f, 'notours')
  const options = dhcpOptions(f.slab, at, at + n)
  const yiaddr = view.getInt32(at + DHCP_YIADDR)
  switch (options.get(DHO_MESSAGE_TYPE)?.[0]) {
    case DHCPOFFER: return offered(vn, f, client, options, yiaddr)
    case DHCPACK: return acked(vn, f, client, options, yiaddr)
    case DHCPNAK: return naked(vn, f, client, options)
    default: return drop(vn, f, 'badform')
  }
}

/** The first offer that holds what a lease needs is taken (§4.4.1 leaves the choice to us). */
function offered(vn: Vn, f: Frame, client: DhcpClient, options: Map<number, number[]>, addr: number): true {
  if (client.state !== DHCPS_SELECTING) return drop(vn, f, 'unexpected')
  const lease = dhcpLease(options, addr, vn.state.now)
  if (lease === null) return drop(vn, f, 'badlease')
  dhcpStats(vn).offers++
  client.offer = lease
  dhcpSelect(vn, client)
  return true
}

/** The lease runs from the time of the request (§4.4.1). */
function acked(vn: Vn, f: Frame, client: DhcpClient, options: Map<number, number[]>, addr: number): true {
  if (!waits(client)) return drop(vn, f, 'unexpected')
  const lease = dhcpLease(options, addr, client.sentAt)
  const wanted = client.state === DHCPS_REQUESTING ? client.offer.addr : client.lease.addr
  if (lease?.addr !== wanted) return drop(vn, f, 'badlease')
  dhcpStats(vn).acks++
  client.offer = lease
  dhcpAcked(vn, client)
  return true
}

/** A refusal of the server that was asked; while many are asked, of any. */
function naked(vn: Vn, f: Frame, client: DhcpClient, options: Map<number, number[]>): true {
  if (!waits(client)) return drop(vn, f, 'unexpected')
  const server = dhcpWord(options, DHO_SERVER_ID, 0)
  const asked = client.state === DHCPS_REQUESTING ? client.offer.server
    : client.state === DHCPS_RENEWING ? client.lease.server : server
  if (server !== asked) return drop(vn, f, 'unexpected')
  dhcpStats(vn).naks++
  dhcpNaked(vn, client)
  return true
}

function waits(client: DhcpClient): boolean {
  return client.state === DHCPS_REQUESTING || client.state === DHCPS_RENEWING || client.state === DHCPS_REBINDING ||
    client.state === DHCPS_REBOOTING
}

function drop(vn: Vn, f: Frame, counter: keyof DhcpStats): true {
  countDrop(vn, dhcpStats(vn), 'dhcp', counter, f)
  return true
}
