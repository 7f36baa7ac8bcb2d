/** poll: what would not block. */

import { EV_ACCEPT, EV_ERROR, EV_GONE, EV_READ, EV_WRITE } from '../kern/vn.ts'
import { EAGAIN } from '../lib/errno.ts'
import { tcbSeen } from '../tcp/state-dormant.ts'
import { TCPS_CLOSED, TF_CANTRCVMORE, TF_CANTSENDMORE, TF_GOTFIN } from '../tcp/state.ts'
import { soReady } from '../vnet/so.ts'
import type { Args } from './args.ts'
import type { Expr } from './ast.ts'
import { atOnce } from './call.ts'
import type { Call } from './call.ts'
import {
  POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM,
} from './constants.ts'
import type { Session } from './session.ts'

/** `poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 100) = 1`; the timeout is in milliseconds. */
export function pollCall(session: Session, args: Args): Call {
  const list = args.at(0)
  if (list.kind !== 'list' || list.items.length !== args.number(1)) throw args.unknown(list)
  const timeout = args.number(2)
  const { stack } = session
  let found: number[] = []
  const attempt = (): number => {
    found = list.items.map((item) => revents(session, args, item))
    const ready = found.filter((bits) => bits !== 0).length
    return ready > 0 || timeout === 0 || stack.now >= until ? ready : -EAGAIN
  }
  const until = timeout < 0 ? Infinity : stack.now + timeout * 1000
  const done = (): void => list.items.forEach((item, i) => {
    const expected = args.field(item, 'revents')
    if (expected !== null) args.expectNumber(expected, `revents of entry ${i}`, found[i])
  })
  return { ...atOnce(attempt, done), blocks: timeout !== 0, until }
}

function revents(session: Session, args: Args, item: Expr): number {
  const fd = args.field(item, 'fd')
  const events = args.field(item, 'events')
  if (fd === null || events === null) throw args.unknown(item)
  const file = session.files.get(args.value(fd))
  if (file === undefined) return POLLNVAL
  // errors and hang-ups are told unasked
  return readyBits(session, file.id) & (args.value(events) | POLLERR | POLLHUP | POLLNVAL)
}

/** POLL* bits that hold for a socket. */
export function readyBits(session: Session, id: number): number {
  const what = soReady(session.stack.vnet, id)
  let bits = 0
  if ((what & (EV_READ | EV_ACCEPT)) !== 0) bits |= POLLIN | POLLRDNORM
  if ((what & EV_WRITE) !== 0) bits |= POLLOUT | POLLWRNORM
  if ((what & EV_ERROR) !== 0) bits |= POLLERR
  if ((what & EV_GONE) !== 0) bits |= POLLNVAL
  const record = session.stack.vnet.state.tcp.tcbs.get(id)
  if (record === undefined) return bits
  const tcb = tcbSeen(record)
  const { flags } = tcb
  const noMoreIn = (flags & (TF_GOTFIN | TF_CANTRCVMORE)) !== 0 || tcb.state === TCPS_CLOSED
  if ((flags & TF_GOTFIN) !== 0) bits |= POLLRDHUP
  return noMoreIn && (flags & TF_CANTSENDMORE) !== 0 ? bits | POLLHUP : bits
}
