/** epoll_create, epoll_ctl, epoll_wait: sets of descriptors watched, level- or edge-triggered, or once. */

import { EAGAIN, EBADF, EEXIST, EINVAL, ENOENT } from '../lib/errno.ts'
import type { Args } from './args.ts'
import type { Expr } from './ast.ts'
import { atOnce } from './call.ts'
import type { Call } from './call.ts'
import { EPOLLET, EPOLLONESHOT, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, POLLERR, POLLHUP } from './constants.ts'
import { unsupported } from './error.ts'
import { readyBits } from './poll.ts'
import type { EpollWatch, Session } from './session.ts'

export function epollCreateCall(session: Session, args: Args): Call {
  args.number(0)
  return { ...atOnce(() => 0), opens: true, openFile: (fd) => {
    session.files.set(fd, {
      id: 0, nonblocking: false, family: 0, more: false, rcvTimeoUs: 0, sndTimeoUs: 0, passive: new Map(), epoll: new Map(),
    })
  } }
}

/** `epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = 0`. */
export function epollCtlCall(session: Session, args: Args): Call {
  const watches = session.files.get(args.number(0))?.epoll ?? null
  const op = args.number(1)
  const fd = args.number(2)
  if (watches === null) return atOnce(() => -EBADF)
  return atOnce(() => {
    if (!session.files.has(fd)) return -EBADF
    const known = watches.has(fd)
    if (op === EPOLL_CTL_ADD && known) return -EEXIST
    if (op !== EPOLL_CTL_ADD && !known) return -ENOENT
    if (op === EPOLL_CTL_DEL) watches.delete(fd)
    else if (op === EPOLL_CTL_ADD || op === EPOLL_CTL_MOD) {
      const e = args.at(3)
      const events = args.field(e, 'events')
      if (events === null) throw args.unknown(e)
      watches.set(fd, { events: args.value(events), data: dataOf(args, e) ?? fd, told: 0, off: false })
    } else return -EINVAL
    return 0
  })
}

/** `epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1`; the timeout is in milliseconds. */
export function epollWaitCall(session: Session, args: Args): Call {
  const epfd = args.number(0)
  const watches = session.files.get(epfd)?.epoll ?? null
  if (watches === null) return atOnce(() => -EBADF)
  const most = args.number(2)
  const timeout = args.number(3)
  const { stack } = session
  const until = timeout < 0 ? Infinity : stack.now + timeout * 1000
  let found: Found[] = []
  const attempt = (): number => {
    found = collect(session, watches, most)
    return found.length > 0 || timeout === 0 || stack.now >= until ? found.length : -EAGAIN
  }
  const done = (): void => {
    const e = args.at(1)
    const items = e.kind === 'list' ? e.items : [e]
    items.forEach((item, i) => {
      const event = found[i]
      if (event !== undefined && item.kind !== 'ellipsis') expectEvent(args, item, event)
    })
  }
  return { ...atOnce(attempt, done), blocks: timeout !== 0, until }
}

interface Found { events: number; data: number }

function collect(session: Session, watches: ReadonlyMap<number, EpollWatch>, most: number): Found[] {
  const found: Found[] = []
  for (const [fd, watch] of watches) {
    const file = session.files.get(fd)
    if (found.length >= most || file === undefined || watch.off) continue
    const events = readyBits(session, file.id) & (watch.events | POLLERR | POLLHUP)
    const edge = (watch.events & EPOLLET) !== 0
    // an edge is a condition that did not hold when it was last told, or anything new that happened to the socket
    const news = edge ? (events & ~watch.told) !== 0 || (events !== 0 && session.stack.touched.delete(file.id)) : events !== 0
    watch.told = events
    if (!news) continue
    if ((watch.events & EPOLLONESHOT) !== 0) watch.off = true
    session.stack.touched.delete(file.id)
    found.push({ events, data: watch.data })
  }
  return found
}

function expectEvent(args: Args, item: Expr, event: Found): void {
  const events = args.field(item, 'events')
  if (events !== null) args.expectNumber(events, 'events', event.events)
  const data = dataOf(args, item)
  if (data !== null) args.expectNumber({ kind: 'number', value: data }, 'data of the event', event.data)
}

/** The user's word of an entry: `fd=4`, `u32=7`, `u64=7` or `ptr=7`; null where it is not given. */
function dataOf(args: Args, e: Expr): number | null {
  if (e.kind !== 'struct') throw unsupported(`an entry of ${args.call.name}() that is no struct`)
  for (const name of ['fd', 'u32', 'u64', 'ptr', 'data']) {
    const field = args.field(e, name)
    if (field !== null && field.kind !== 'ellipsis') return args.value(field)
  }
  return null
}
