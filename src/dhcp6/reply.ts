/** What servers' answers do to a client (RFC 8415 §18.2.9, §18.2.10). */

import { NEVER } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import {
  D6O_PREFERENCE, D6O_RAPID_COMMIT, D6O_REFRESH_TIME, D6O_SERVER_ID, D6S_NOT_ON_LINK, D6S_NO_ADDRS_AVAIL, D6S_NO_BINDING,
  D6S_SUCCESS, dhcp6Find, dhcp6Status, dhcp6Word,
} from '../wire/dhcp6.ts'
import type { Dhcp6Option } from '../wire/dhcp6.ts'
import { dhcp6Take } from './apply.ts'
import { dhcp6Configure, dhcp6MaxRt } from './config.ts'
import { dhcp6ReadIa } from './lease.ts'
import {
  DHCP6S_BOUND, DHCP6S_CONFIRMING, DHCP6S_DECLINING, DHCP6S_INFORMED, DHCP6S_INFORMING, DHCP6S_REBINDING, DHCP6S_RELEASING,
  DHCP6S_RENEWING, DHCP6S_REQUESTING, DHCP6S_SOLICITING, dhcp6Stats,
} from './state.ts'
import type { Dhcp6Client, Dhcp6Stats } from './state.ts'
import { dhcp6Declined, dhcp6Enter, dhcp6Exchange, dhcp6Restart } from './steps.ts'

const SECOND = 1_000_000
/** IRT_DEFAULT and IRT_MINIMUM (§7.6). */
const REFRESH_DEFAULT = 86_400
const REFRESH_LEAST = 600
/** §7.7. */
const INFINITY = 0xffffffff
/** Such a server is asked at once (§18.2.1). */
const PREFERENCE_MOST = 255

/** The counter under which the message is discarded, '' for one that counts. */
export type Dhcp6Fate = keyof Dhcp6Stats | ''

/** An Advertise of this transaction: the best of the first RT is taken, later the first (§18.2.1). */
export function dhcp6Advertised(vn: Vn, client: Dhcp6Client, view: DataView, options: readonly Dhcp6Option[]): Dhcp6Fate {
  if (client.state !== DHCP6S_SOLICITING) return 'unexpected'
  dhcp6MaxRt(client, view, options)
  if (dhcp6Status(view, options) !== D6S_SUCCESS) return 'refused'
  const ia = dhcp6ReadIa(view, options, client.ifId)
  const offered = ia?.addrs.filter((a) => a.validS > 0).map((a) => a.addr) ?? []
  if (ia === null || ia.status !== D6S_SUCCESS || offered.length === 0) return 'badlease'
  dhcp6Stats(vn).advertises++
  const o = dhcp6Find(options, D6O_PREFERENCE)
  const preference = o !== null && o.end - o.at === 1 ? view.getUint8(o.at) : 0
  if (preference > client.preference) {
    client.preference = preference
    client.server = serverOf(view, options)
    client.named = offered
  }
  if (preference === PREFERENCE_MOST || client.tries > 1) dhcp6Exchange(vn, client, DHCP6S_REQUESTING)
  return ''
}

/** A Reply of this transaction. */
export function dhcp6Replied(vn: Vn, client: Dhcp6Client, view: DataView, options: readonly Dhcp6Option[]): Dhcp6Fate {
  const { clients } = vn.state.dhcp6
  const stats = dhcp6Stats(vn)
  const { state } = client
  const leasing = state === DHCP6S_REQUESTING || state === DHCP6S_RENEWING || state === DHCP6S_REBINDING ||
    (state === DHCP6S_SOLICITING && dhcp6Find(options, D6O_RAPID_COMMIT) !== null)
  const ending = state === DHCP6S_DECLINING || state === DHCP6S_RELEASING
  if (!leasing && !ending && state !== DHCP6S_INFORMING && state !== DHCP6S_CONFIRMING) return 'unexpected'
  dhcp6MaxRt(client, view, options)
  const status = dhcp6Status(view, options)
  if (leasing) return leased(vn, client, view, options, status)
  if (!ending && status !== D6S_SUCCESS) {
    // §18.2.10.1: another server's success goes before it, so the others have until the next message is due; anything else
    // is asked again, at the pace of §15
    if (state === DHCP6S_CONFIRMING && status === D6S_NOT_ON_LINK) client.notOnLink = true
    return 'refused'
  }
  stats.replies++
  if (state === DHCP6S_INFORMING) {
    dhcp6Configure(vn, client, view, options)
    const seconds = dhcp6Word(view, options, D6O_REFRESH_TIME, REFRESH_DEFAULT)
    // §21.23
    const until = seconds === INFINITY ? NEVER : vn.state.now + Math.max(REFRESH_LEAST, seconds) * SECOND
    dhcp6Enter(client, DHCP6S_INFORMED, until)
  } else if (state === DHCP6S_CONFIRMING) dhcp6Enter(client, DHCP6S_BOUND, Math.max(vn.state.now, client.renewAt))
  else if (state === DHCP6S_DECLINING) dhcp6Declined(vn, client)
  else clients.delete(client.ifId)
  return ''
}

/** §18.2.10.1. */
function leased(
  vn: Vn, client: Dhcp6Client, view: DataView, options: readonly Dhcp6Option[], status: number,
): Dhcp6Fate {
  const { now } = vn.state
  const first = client.state === DHCP6S_REQUESTING || client.state === DHCP6S_SOLICITING
  const ia = dhcp6ReadIa(view, options, client.ifId)
  const why = status !== D6S_SUCCESS ? status : ia?.status ?? D6S_SUCCESS
  if (why !== D6S_SUCCESS) {
    const lost = why === D6S_NOT_ON_LINK || why === D6S_NO_ADDRS_AVAIL || why === D6S_NO_BINDING
    if (first && lost) dhcp6Restart(vn, client, true)
    else if (why === D6S_NO_BINDING) {
      // the server that has answered is asked to make the binding
      client.server = serverOf(view, options)
      client.named = client.leases.map((lease) => ({ ...lease.addr }))
      dhcp6Exchange(vn, client, DHCP6S_REQUESTING)
    }
    return 'refused'
  }
  if (ia === null || (first && !ia.addrs.some((a) => a.validS > 0))) return 'badlease'
  dhcp6Stats(vn).replies++
  client.server = serverOf(view, options)
  client.named = []
  client.renewAt = now + ia.renewUs
  client.rebindAt = now + ia.rebindUs
  dhcp6Enter(client, DHCP6S_BOUND, client.renewAt)
  dhcp6Take(vn, client, ia)
  dhcp6Configure(vn, client, view, options)
  if (client.leases.length === 0) dhcp6Restart(vn, client, true)
  return ''
}

/** Its length was checked. */
function serverOf(view: DataView, options: readonly Dhcp6Option[]): Uint8Array {
  const o = dhcp6Find(options, D6O_SERVER_ID)
  return o === null ? new Uint8Array(0) : Uint8Array.from({ length: o.end - o.at }, (_, i) => view.getUint8(o.at + i))
}
