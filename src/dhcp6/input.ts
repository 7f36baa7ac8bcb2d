/** Messages of servers (RFC 8415 §16, §18.2.9, §18.2.10): checked, then by what the client waits for. */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import type { Frame } from '../lib/frame.ts'
import {
  D6O_CLIENT_ID, D6O_SERVER_ID, DHCP6_ADVERTISE, DHCP6_HDR_LEN, DHCP6_HEAD, DHCP6_REPLY, DUID_MAX, DUID_MIN, dhcp6Find,
  dhcp6Options,
} from '../wire/dhcp6.ts'
import type { Dhcp6Option } from '../wire/dhcp6.ts'
import { UDP_HDR_LEN } from '../wire/udp.ts'
import { dhcp6Advertised, dhcp6Replied } from './reply.ts'
import { dhcp6Stats } from './state.ts'
import type { Dhcp6Stats } from './state.ts'
import { dhcp6Alarm } from './steps.ts'

/**
 * A datagram of `n` bytes to the client's port over IPv6 (f.l4 at its UDP header). False when its interface has no
 * client: then it is like any other. Borrows the frame.
 */
export function dhcp6Input(vn: Vn, f: Frame, n: number): boolean {
  const client = vn.state.dhcp6.clients.get(f.ifId)
  if (client === undefined) return false
  const { view } = f
  const at = f.l4 + UDP_HDR_LEN
  dhcp6Stats(vn).received++
  if (n < DHCP6_HDR_LEN) return drop(vn, f, 'tooshort')
  const head = view.getUint32(at + DHCP6_HEAD)
  // §16: a client discards what clients and relays send, and types that nobody knows
  const type = head >>> 24
  if (type !== DHCP6_REPLY && type !== DHCP6_ADVERTISE) return drop(vn, f, 'badtype')
  const options = dhcp6Options(view, at + DHCP6_HDR_LEN, at + n)
  if (options === null) return drop(vn, f, 'badform')
  // §16.3, §16.10
  const server = dhcp6Find(options, D6O_SERVER_ID)
  if (server === null || server.end - server.at < DUID_MIN || server.end - server.at > DUID_MAX) return drop(vn, f, 'noserver')
  if ((head & 0xffffff) !== client.xid || !isOurs(vn, f, options)) return drop(vn, f, 'notours')
  const fate = (type === DHCP6_REPLY ? dhcp6Replied : dhcp6Advertised)(vn, client, view, options)
  if (vn.state.dhcp6.clients.has(f.ifId)) dhcp6Alarm(vn, client)
  return fate === '' ? true : drop(vn, f, fate)
}

function isOurs(vn: Vn, f: Frame, options: readonly Dhcp6Option[]): boolean {
  const { duid } = vn.state.dhcp6
  const id = dhcp6Find(options, D6O_CLIENT_ID)
  return id !== null && id.end - id.at === duid.length && duid.every((b, i) => f.view.getUint8(id.at + i) === b)
}

function drop(vn: Vn, f: Frame, counter: keyof Dhcp6Stats): true {
  countDrop(vn, dhcp6Stats(vn), 'dhcp6', counter, f)
  return true
}
