/**
 * How long blocking calls wait: SO_RCVTIMEO for receive and accept, SO_SNDTIMEO for send, and on Linux for connect (POSIX
 * setsockopt, socket(7)). The stack's own calls never block, so the times belong to the script's descriptors.
 */

import { SOL_SOCKET, SO_RCVTIMEO, SO_SNDTIMEO } from '../inet/sockopt.ts'
import { EDOM, EINPROGRESS, EINVAL } from '../lib/errno.ts'
import type { Args } from './args.ts'
import type { Expr } from './ast.ts'
import { atOnce } from './call.ts'
import type { Call } from './call.ts'
import { MSG_DONTWAIT } from './constants.ts'
import { unsupported } from './error.ts'
import type { OpenFile, Session } from './session.ts'

/** A call that waits for what comes in. */
export function waitingRead(session: Session, file: OpenFile, flags: number): Call {
  return waiting(session, file, flags, file.rcvTimeoUs)
}

/** A call that waits for room. */
export function waitingWrite(session: Session, file: OpenFile, flags: number): Call {
  return waiting(session, file, flags, file.sndTimeoUs)
}

/** A call that waits for a connection: on Linux it goes on when the time is over; FreeBSD waits for its end. */
export function waitingConnect(session: Session, file: OpenFile, flags: number): Call {
  const timeoUs = session.config.personality === 'linux' ? file.sndTimeoUs : 0
  return { ...waiting(session, file, flags, timeoUs), expired: () => -EINPROGRESS }
}

/** Whether a call with these flags waits when it would block. */
export function mayBlock(file: OpenFile, flags: number): boolean {
  return !file.nonblocking && (flags & MSG_DONTWAIT) === 0
}

function waiting(session: Session, file: OpenFile, flags: number, timeoUs: number): Call {
  const until = timeoUs > 0 ? session.stack.now + timeoUs : Infinity
  return { ...atOnce(() => -EINVAL), blocks: mayBlock(file, flags), until }
}

/** A socket that accept returns has its listener's times, on both systems. */
export function timeoutsInherit(session: Session, listener: number, fd: number): void {
  const from = session.files.get(listener)
  const file = session.files.get(fd)
  if (from === undefined || file === undefined) return
  file.rcvTimeoUs = from.rcvTimeoUs
  file.sndTimeoUs = from.sndTimeoUs
}

export function isTimeout(level: number, name: number): boolean {
  return level === SOL_SOCKET && (name === SO_RCVTIMEO || name === SO_SNDTIMEO)
}

/** `setsockopt(4, SOL_SOCKET, SO_RCVTIMEO, {tv_sec=1, tv_usec=500000}, 16)`; both 0: no limit. */
export function setTimeoutCall(session: Session, args: Args, file: OpenFile, name: number): Call {
  const [secExpr, usecExpr] = timeval(args)
  const sec = args.value(secExpr)
  const usec = args.value(usecExpr)
  if (sec < 0 && session.config.personality === 'linux') throw unsupported('a negative tv_sec')
  return atOnce(() => {
    if (sec < 0 || usec < 0 || usec >= 1_000_000) return -EDOM
    const us = sec * 1_000_000 + usec
    if (name === SO_RCVTIMEO) file.rcvTimeoUs = us
    else file.sndTimeoUs = us
    return 0
  })
}

export function getTimeoutCall(args: Args, file: OpenFile, name: number): Call {
  const us = name === SO_RCVTIMEO ? file.rcvTimeoUs : file.sndTimeoUs
  return atOnce(() => 0, () => {
    const [sec, usec] = timeval(args)
    args.expectNumber(sec, 'tv_sec', Math.floor(us / 1_000_000))
    args.expectNumber(usec, 'tv_usec', us % 1_000_000)
    args.expectNumber(args.at(4), 'the length', TIMEVAL_LEN)
  })
}

/** Two 64-bit numbers. */
const TIMEVAL_LEN = 16

function timeval(args: Args): [Expr, Expr] {
  const e = args.at(3)
  const bare = e.kind === 'struct' && e.fields.length === 2 && e.fields[0].name === '' ? e.fields : null
  const sec = args.field(e, 'tv_sec') ?? bare?.[0].value ?? null
  const usec = args.field(e, 'tv_usec') ?? bare?.[1].value ?? null
  if (sec === null || usec === null) throw args.unknown(e)
  return [sec, usec]
}
