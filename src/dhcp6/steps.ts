/** What a client does when a deadline has come (RFC 8415 §18.2.1 – §18.2.8), and how an exchange begins. */

import { randomBelow } from '../kern/random.ts'
import { NEVER, TIMER_DHCP6, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import {
  DHCP6_CONFIRM, DHCP6_DECLINE, DHCP6_INFORMATION_REQUEST, DHCP6_REBIND, DHCP6_RELEASE, DHCP6_RENEW, DHCP6_REQUEST, DHCP6_SOLICIT,
} from '../wire/dhcp6.ts'
import { dhcp6AgeNext, dhcp6Unapply } from './apply.ts'
import { dhcp6Send, dhcp6Source } from './output.ts'
import { dhcp6NextRt } from './retransmit.ts'
import {
  DHCP6S_BOUND, DHCP6S_CONFIRMING, DHCP6S_DECLINING, DHCP6S_INFORMED, DHCP6S_INFORMING, DHCP6S_INIT, DHCP6S_REBINDING,
  DHCP6S_RELEASING, DHCP6S_RENEWING, DHCP6S_REQUESTING, DHCP6S_SOLICITING, DHCP6_ADDRESSES,
} from './state.ts'
import type { Dhcp6Client } from './state.ts'

const SECOND = 1_000_000
/** SOL_, REQ_, CNF_, INF_, REL_ and DEC_TIMEOUT; REN_ and REB_TIMEOUT (§7.6). */
const TIMEOUT = SECOND
const RENEW_TIMEOUT = 10 * SECOND
/** REQ_MAX_RT and REQ_MAX_RC, CNF_MAX_RT and CNF_MAX_RD, REN_MAX_RT and REB_MAX_RT, REL_MAX_RC and DEC_MAX_RC. */
const REQUEST_MAX_RT = 30 * SECOND
const REQUEST_TRIES = 10
const CONFIRM_MAX_RT = 4 * SECOND
const CONFIRM_DURATION = 10 * SECOND
const RENEW_MAX_RT = 600 * SECOND
const LAST_TRIES = 4
/** §14.1: who was refused does not ask again at once. */
const REFUSED_WAIT = 10 * SECOND

/** Does what is due in the client's state. */
export function dhcp6Due(vn: Vn, client: Dhcp6Client): void {
  const { now } = vn.state
  switch (client.state) {
    case DHCP6S_INIT:
      // duplicate address detection tells when there is an address to send from
      if (dhcp6Source(vn, client.ifId) === null) return
      return dhcp6Exchange(vn, client, client.wants !== DHCP6_ADDRESSES ? DHCP6S_INFORMING
        : client.leases.length > 0 ? DHCP6S_CONFIRMING : DHCP6S_SOLICITING)
    case DHCP6S_INFORMING: return repeat(vn, client, DHCP6_INFORMATION_REQUEST, TIMEOUT, client.infMaxRtUs, NEVER)
    case DHCP6S_INFORMED: return dhcp6Begin(vn, client)
    case DHCP6S_SOLICITING:
      // the best of the first second's answers (§18.2.1)
      if (client.preference >= 0) return dhcp6Exchange(vn, client, DHCP6S_REQUESTING)
      return repeat(vn, client, DHCP6_SOLICIT, TIMEOUT, client.solMaxRtUs, NEVER)
    case DHCP6S_REQUESTING:
      if (client.tries >= REQUEST_TRIES) return dhcp6Restart(vn, client, false)
      return repeat(vn, client, DHCP6_REQUEST, TIMEOUT, REQUEST_MAX_RT, NEVER)
    case DHCP6S_BOUND: return dhcp6Exchange(vn, client, DHCP6S_RENEWING)
    case DHCP6S_RENEWING:
      if (now >= client.rebindAt) return dhcp6Exchange(vn, client, DHCP6S_REBINDING)
      return repeat(vn, client, DHCP6_RENEW, RENEW_TIMEOUT, RENEW_MAX_RT, client.rebindAt)
    // it ends with the last lease
    case DHCP6S_REBINDING: return repeat(vn, client, DHCP6_REBIND, RENEW_TIMEOUT, RENEW_MAX_RT, NEVER)
    case DHCP6S_CONFIRMING:
      if (client.notOnLink) return dhcp6Restart(vn, client, false)
      // §18.2.3: nobody answers: the leases are used on
      if (now >= client.startedAt + CONFIRM_DURATION) return dhcp6Enter(client, DHCP6S_BOUND, Math.max(now, client.renewAt))
      return repeat(vn, client, DHCP6_CONFIRM, TIMEOUT, CONFIRM_MAX_RT, client.startedAt + CONFIRM_DURATION)
    case DHCP6S_DECLINING:
      if (client.tries >= LAST_TRIES) return dhcp6Declined(vn, client)
      return repeat(vn, client, DHCP6_DECLINE, TIMEOUT, 0, NEVER)
    case DHCP6S_RELEASING:
      if (client.tries >= LAST_TRIES) vn.state.dhcp6.clients.delete(client.ifId)
      else repeat(vn, client, DHCP6_RELEASE, TIMEOUT, 0, NEVER)
      return
    default: client.deadline = NEVER
  }
}

/** Begins anew: by asking whether the leases hold, or for new ones. The first message is delayed, so that not all ask at once. */
export function dhcp6Begin(vn: Vn, client: Dhcp6Client): void {
  const delay = randomBelow(vn.state.random, vn.state.sysctl['net.inet6.dhcp6.startdelay'] * 1000 + 1)
  dhcp6Enter(client, DHCP6S_INIT, vn.state.now + delay)
}

/** Gives up what is leased and looks for servers again (§18.2.10.1), later where one has refused. */
export function dhcp6Restart(vn: Vn, client: Dhcp6Client, refused: boolean): void {
  dhcp6Unapply(vn, client)
  client.named = []
  dhcp6Begin(vn, client)
  if (refused) client.deadline += REFUSED_WAIT
}

/** A new exchange: its first message goes out now, under a transaction id of its own (§16.1). */
export function dhcp6Exchange(vn: Vn, client: Dhcp6Client, state: number): void {
  client.xid = randomBelow(vn.state.random, 0x1000000)
  client.startedAt = vn.state.now
  client.notOnLink = false
  if (state === DHCP6S_SOLICITING || state === DHCP6S_REQUESTING) client.preference = -1
  dhcp6Enter(client, state, vn.state.now)
  dhcp6Due(vn, client)
}

/** The server knows, or will not answer: on with what is left (§18.2.8). */
export function dhcp6Declined(vn: Vn, client: Dhcp6Client): void {
  client.named = []
  if (client.leases.length === 0) dhcp6Restart(vn, client, true)
  else dhcp6Enter(client, DHCP6S_BOUND, Math.max(vn.state.now, client.renewAt))
}

export function dhcp6Enter(client: Dhcp6Client, state: number, deadline: number): void {
  client.state = state
  client.tries = 0
  client.deadline = deadline
}

/** Sets the alarm to what comes next. What is due and waits for news needs none. */
export function dhcp6Alarm(vn: Vn, client: Dhcp6Client): void {
  const waits = client.state === DHCP6S_INIT && client.deadline <= vn.state.now && dhcp6Source(vn, client.ifId) === null
  const next = Math.min(waits ? NEVER : client.deadline, dhcp6AgeNext(vn, client))
  alarmSet(vn.state.timers, TIMER_DHCP6, client.ifId, client, next)
}

/** Sends, and sets the time of the next try, not after `until`. */
function repeat(vn: Vn, client: Dhcp6Client, type: number, irtUs: number, mrtUs: number, until: number): void {
  dhcp6Send(vn, client, type)
  client.deadline = Math.min(until, vn.state.now + dhcp6NextRt(vn, client, irtUs, mrtUs, type === DHCP6_SOLICIT))
  client.tries++
}
