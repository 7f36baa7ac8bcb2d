/**
 * The system calls. A call is made as an attempt that can be repeated: −EAGAIN says that a blocking one waits. `done`
 * looks at what a successful call has left in its arguments.
 */

import { EAGAIN, EINPROGRESS, EINVAL } from '../lib/errno.ts'
import { AF_INET, AF_INET6, SO_KIND_MASK, SO_TCP } from '../inet/state.ts'
import { MSG_FASTOPEN, MSG_OOB, MSG_PEEK, MSG_TRUNC, SOCK_DGRAM, SOCK_STREAM } from '../inet/sockopt.ts'
import { EV_ERROR, EV_READ, EV_WRITE } from '../kern/vn.ts'
import {
  soAccept, soBind, soClose, soConnect, soCreate, soFastConnect, soGetOpt, soListen, soName, soPeer, soReady, soRecv,
  soSend, soSendMsg, soSendTo, soSetOpt, soShutdown,
} from '../vnet/so.ts'
import type { SendItem } from '../vnet/so.ts'
import { SO_ERROR, SO_RCVLOWAT, SOL_SOCKET, SOL_TCP, TCP_CORK } from '../inet/sockopt.ts'
import { IPPROTO_UDP } from '../wire/ipv4.ts'
import { Args } from './args.ts'
import type { SocketAddress } from './args.ts'
import type { CallSpec, Expr } from './ast.ts'
import { atOnce, onFile } from './call.ts'
import type { Call } from './call.ts'
import {
  F_GETFD, F_GETFL, F_SETFD, F_SETFL, MSG_DONTWAIT, MSG_EOR, MSG_MORE, MSG_NOSIGNAL, MSG_WAITALL, O_RDWR,
  SOCK_CLOEXEC, SOCK_NONBLOCK, nonblockFlag,
} from './constants.ts'
import { controlOf, controlOfStream, controlToSend, expectControl } from './control.ts'
import type { Control } from './control.ts'
import { unsupported } from './error.ts'
import { epollCreateCall, epollCtlCall, epollWaitCall } from './epoll.ts'
import { ioctlCall } from './ioctl.ts'
import { pollCall } from './poll.ts'
import { createFrom, fileOpen, flowNew, flowOfSocket, peerPort } from './session.ts'
import type { OpenFile, Session } from './session.ts'
import { getsockoptCall, setsockoptCall } from './sockopts.ts'
import { mayBlock, timeoutsInherit, waitingConnect, waitingRead, waitingWrite } from './timeouts.ts'

export function callMake(session: Session, spec: CallSpec): Call {
  const args = new Args(spec, session.config.personality, session.config.v6)
  const make = Object.hasOwn(CALLS, spec.name) ? CALLS[spec.name] : undefined
  if (make === undefined) throw unsupported(`system call ${spec.name}()`)
  return make(session, args)
}

type Maker = (session: Session, args: Args) => Call

const CALLS: Readonly<Record<string, Maker>> = Object.freeze({
  socket: socketCall, bind: bindCall, listen: listenCall, accept: acceptCall, accept4: acceptCall, connect: connectCall,
  read: (s: Session, a: Args) => recvCall(s, a, a.number(2), 0, -1),
  recv: (s: Session, a: Args) => recvCall(s, a, a.number(2), a.number(3), -1),
  recvfrom: (s: Session, a: Args) => recvCall(s, a, a.number(2), a.number(3), 4),
  epoll_create: epollCreateCall, epoll_create1: epollCreateCall, epoll_ctl: epollCtlCall, epoll_wait: epollWaitCall,
  epoll_pwait: epollWaitCall, dup: dupCall, cap_set: () => atOnce(() => 0),
  readv: (s: Session, a: Args) => recvCall(s, a, a.vector(a.at(1)), 0, -1),
  recvmsg: recvmsgCall,
  write: (s: Session, a: Args) => sendCall(s, a, a.number(2), 0, null),
  send: (s: Session, a: Args) => sendCall(s, a, a.number(2), a.number(3), null),
  sendto: (s: Session, a: Args) => sendCall(s, a, a.number(2), a.number(3), peerOf(s, a, a.at(4))),
  writev: (s: Session, a: Args) => sendCall(s, a, a.vector(a.at(1)), 0, null),
  sendmsg: sendmsgCall,
  shutdown: shutdownCall, close: closeCall, fcntl: fcntlCall, ioctl: ioctlCall, poll: pollCall,
  setsockopt: setsockoptCall, getsockopt: getsockoptCall, getsockname: nameCall, getpeername: nameCall,
})

function socketCall(session: Session, args: Args): Call {
  const family = familyOf(session, args.at(0), args)
  const flags = args.number(1)
  const type = flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)
  if (type !== SOCK_STREAM && type !== SOCK_DGRAM) throw unsupported(`sockets of type ${type}`)
  // Multipath TCP and the like are protocols of their own
  const protocol = args.number(2)
  if (protocol !== 0 && protocol !== (type === SOCK_STREAM ? SOL_TCP : IPPROTO_UDP)) throw unsupported(`protocol ${protocol}`)
  const { vnet } = session.stack
  const live = family === AF_INET6 && !session.config.v6 ? AF_INET : family
  return { ...atOnce(() => soCreate(vnet, session.stack.vnetNow, live, type, 0)), opens: true }
}

/** The family of a new socket; in mapped mode one of AF_INET6 has IPv4 on the wire. */
function familyOf(session: Session, e: Expr, args: Args): number {
  const six = session.config.mapped || session.config.v6
  if (e.kind === 'ellipsis') return six ? AF_INET6 : AF_INET
  const family = args.value(e)
  if (family === AF_INET6 && !six) throw unsupported('sockets of AF_INET6')
  return family
}

/** Another descriptor of the same socket. */
function dupCall(session: Session, args: Args): Call {
  return onFile(session, args, (file) => ({
    ...atOnce(() => 0), opens: true, openFile: (fd) => { session.files.set(fd, file) },
  }))
}

function bindCall(session: Session, args: Args): Call {
  return onFile(session, args, ({ id }) => {
    const to = args.address(args.at(1)) ?? { addr: { ...session.config.local }, port: session.config.bindPort }
    return atOnce(() => {
      const errno = soBind(session.stack.vnet, session.stack.vnetNow, id, to.addr, to.port)
      // a datagram socket receives from the first that speaks to it
      if (errno === 0 && (id & SO_KIND_MASK) !== SO_TCP) flowNew(session, portOf(session, id), peerPort(session))
      return -errno
    })
  })
}

function listenCall(session: Session, args: Args): Call {
  return onFile(session, args, ({ id }) => atOnce(() => {
    const errno = soListen(session.stack.vnet, session.stack.vnetNow, id, args.number(1))
    if (errno === 0) flowNew(session, portOf(session, id), -1).listening = true
    return -errno
  }))
}

function acceptCall(session: Session, args: Args): Call {
  return onFile(session, args, (file) => ({
    ...waitingRead(session, file, 0), opens: true,
    attempt: () => soAccept(session.stack.vnet, session.stack.vnetNow, file.id),
    done: (id) => {
      flowOfSocket(session, id)
      const peer = createFrom()
      soPeer(session.stack.vnet, id, peer)
      args.expectAddress(1, peer)
    },
  }))
}

function connectCall(session: Session, args: Args): Call {
  return onFile(session, args, (file) => {
    const { id } = file
    const to = args.address(args.at(1)) ?? defaultPeer(session)
    const tcp = (id & SO_KIND_MASK) === SO_TCP
    let started = false
    const attempt = (): number => {
      const { stack } = session
      if (started) return connected(session, id)
      const errno = soConnect(stack.vnet, stack.vnetNow, id, to.addr, to.port)
      if (errno === 0 || errno === EINPROGRESS) flowOfSocket(session, id)
      if (!tcp || errno !== EINPROGRESS || file.nonblocking) return -errno
      started = true
      return -EAGAIN
    }
    return { ...waitingConnect(session, file, 0), attempt }
  })
}

/** What a blocking connect returns once it is over. */
function connected(session: Session, id: number): number {
  const ready = soReady(session.stack.vnet, id)
  if ((ready & EV_ERROR) !== 0) return -soGetOpt(session.stack.vnet, session.stack.vnetNow, id, SOL_SOCKET, SO_ERROR)
  return (ready & EV_WRITE) !== 0 ? 0 : -EAGAIN
}

/** Flags of send and receive that this stack knows. */
const RECV_FLAGS = MSG_OOB | MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL
const SEND_FLAGS = 1 | MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR | MSG_MORE | MSG_FASTOPEN

function recvCall(
  session: Session, args: Args, len: number, flags: number, addressAt: number,
  message: ((from: SocketAddress, truncated: boolean, control: readonly Control[]) => void) = ignore,
): Call {
  if ((flags & ~RECV_FLAGS) !== 0) throw unsupported(`flags 0x${flags.toString(16)} of ${args.call.name}()`)
  const buf = args.buffer(len)
  const from = createFrom()
  let got = 0
  let control: Control[] = []
  return onFile(session, args, (file) => ({
    ...waitingRead(session, file, flags),
    expired: () => got > 0 ? got : -EAGAIN,
    attempt: () => {
      const { vnet, vnetNow } = session.stack
      control = controlOf(session, file)
      // a call that may wait waits for SO_RCVLOWAT octets
      if (mayBlock(file, flags) && got === 0 && belowLowat(session, file)) return -EAGAIN
      const n = soRecv(vnet, vnetNow, file.id, buf, got, len - got, flags & (MSG_OOB | MSG_PEEK | MSG_TRUNC), from)
      if (n <= 0) return n === -EAGAIN || got === 0 ? n : got
      got += n
      return (flags & MSG_WAITALL) !== 0 && got < len ? -EAGAIN : got
    },
    done: () => {
      if ((file.id & SO_KIND_MASK) === SO_TCP) soPeer(session.stack.vnet, file.id, from)
      if (addressAt >= 0) args.expectAddress(addressAt, from)
      message(from, from.truncated, [...control, ...controlOfStream(session, file)])
    },
  }))
}

/** What has come is less than SO_RCVLOWAT, and more may come. */
function belowLowat(session: Session, { id }: OpenFile): boolean {
  const { vnet, vnetNow } = session.stack
  const lowat = (id & SO_KIND_MASK) === SO_TCP ? soGetOpt(vnet, vnetNow, id, SOL_SOCKET, SO_RCVLOWAT) : 0
  return lowat > 1 && (soReady(vnet, id) & EV_READ) === 0
}

function recvmsgCall(session: Session, args: Args): Call {
  const msg = args.at(1)
  const vector = args.field(msg, 'msg_iov')
  if (vector === null) throw args.unknown(msg)
  return recvCall(session, args, args.vector(vector), args.number(2), -1, (from, truncated, control) => {
    const name = args.field(msg, 'msg_name')
    if (name !== null) new Args({ ...args.call, args: [name] }, session.config.personality, session.config.v6).expectAddress(0, from)
    const flags = args.field(msg, 'msg_flags')
    if (flags !== null) args.expectNumber(flags, 'msg_flags', truncated ? args.constant('MSG_TRUNC') : 0)
    const expected = args.field(msg, 'msg_control')
    if (expected !== null) expectControl(args, expected, control)
  })
}

function sendCall(
  session: Session, args: Args, len: number, flags: number, to: SocketAddress | null, items: SendItem[] | null = null,
): Call {
  if ((flags & ~SEND_FLAGS) !== 0) throw unsupported(`flags 0x${flags.toString(16)} of ${args.call.name}()`)
  const buf = args.buffer(len)
  if ((flags & MSG_FASTOPEN) !== 0) return fastSendCall(session, args, buf, flags, to ?? defaultPeer(session))
  let put = 0
  return onFile(session, args, (file) => ({
    ...waitingWrite(session, file, flags),
    expired: () => put > 0 ? put : -EAGAIN,
    attempt: () => {
      const { vnet, vnetNow } = session.stack
      const { id } = file
      if ((flags & MSG_MORE) !== 0 && !file.more) cork(session, file)
      const n = items !== null ? soSendMsg(vnet, vnetNow, id, buf, 0, len, to?.addr ?? null, to?.port ?? 0, items)
        : to === null || (id & SO_KIND_MASK) === SO_TCP ? soSend(vnet, vnetNow, id, buf, put, len - put, flags & 1)
        : soSendTo(vnet, vnetNow, id, buf, 0, len, to.addr, to.port)
      if (n >= 0 && to !== null) flowOfDatagram(session, id, to)
      if (n >= 0 && (file.more || (flags & MSG_MORE) !== 0)) uncork(session, file, flags)
      if (n < 0) return n === -EAGAIN || put === 0 ? n : put
      put += n
      // a blocking call takes all of it
      return put < len && mayBlock(file, flags) ? -EAGAIN : put
    },
  }))
}

/** sendto with MSG_FASTOPEN: connects; without a cookie a blocking one waits for the connection and sends then. */
function fastSendCall(session: Session, args: Args, buf: Uint8Array, flags: number, to: SocketAddress): Call {
  let started = false
  return onFile(session, args, (file) => ({
    ...waitingConnect(session, file, flags),
    attempt: () => {
      const { vnet, vnetNow } = session.stack
      const { id } = file
      if (started) {
        const done = connected(session, id)
        return done === 0 ? soSend(vnet, vnetNow, id, buf, 0, buf.length, 0) : done
      }
      const n = soFastConnect(vnet, vnetNow, id, buf, 0, buf.length, to.addr, to.port)
      if (n >= 0 || n === -EINPROGRESS) flowOfSocket(session, id)
      if (n !== -EINPROGRESS || !mayBlock(file, flags)) return n
      started = true
      return -EAGAIN
    },
  }))
}

/** More is to come: a last short segment waits for it. */
function cork(session: Session, file: OpenFile): void {
  const { vnet, vnetNow } = session.stack
  if ((file.id & SO_KIND_MASK) !== SO_TCP) throw unsupported('MSG_MORE without TCP')
  // a cork of the user's own stays when the flag is gone
  file.more = soGetOpt(vnet, vnetNow, file.id, SOL_TCP, TCP_CORK) === 0
  if (file.more) soSetOpt(vnet, vnetNow, file.id, SOL_TCP, TCP_CORK, 1)
}

/** What was held back goes with the data of the first send without the flag. */
function uncork(session: Session, file: OpenFile, flags: number): void {
  if ((flags & MSG_MORE) !== 0) return
  file.more = false
  soSetOpt(session.stack.vnet, session.stack.vnetNow, file.id, SOL_TCP, TCP_CORK, 0)
}

function sendmsgCall(session: Session, args: Args): Call {
  const msg = args.at(1)
  const vector = args.field(msg, 'msg_iov')
  if (vector === null) throw args.unknown(msg)
  const control = args.field(msg, 'msg_control')
  const name = args.field(msg, 'msg_name')
  return sendCall(session, args, args.vector(vector), args.number(2), name === null ? null : peerOf(session, args, name),
    control === null ? null : controlToSend(args, control))
}

/** What goes to this peer belongs to a conversation of its own. */
function flowOfDatagram(session: Session, id: number, to: SocketAddress): void {
  if ((id & SO_KIND_MASK) === SO_TCP) return
  const local = portOf(session, id)
  const { current } = session
  if (current?.localPort === local && current.remotePort === to.port) return
  flowNew(session, local, to.port)
}

function shutdownCall(session: Session, args: Args): Call {
  return onFile(session, args, ({ id }) => atOnce(() =>
    -soShutdown(session.stack.vnet, session.stack.vnetNow, id, args.number(1))))
}

function closeCall(session: Session, args: Args): Call {
  return onFile(session, args, ({ id }) => atOnce(() => {
    const fd = args.number(0)
    const file = session.files.get(fd)
    session.files.delete(fd)
    for (const other of session.files.values()) other.epoll?.delete(fd)
    // the socket lives as long as one descriptor of it
    if (file?.epoll !== null || [...session.files.values()].includes(file)) return 0
    return -soClose(session.stack.vnet, session.stack.vnetNow, id)
  }))
}

function fcntlCall(session: Session, args: Args): Call {
  const nonblock = nonblockFlag(session.config.personality)
  return onFile(session, args, (file) => {
    switch (args.number(1)) {
      case F_GETFL: return atOnce(() => O_RDWR | (file.nonblocking ? nonblock : 0))
      case F_GETFD: return atOnce(() => 0)
      case F_SETFD: return atOnce(() => 0)
      case F_SETFL: return atOnce(() => {
        const flags = args.number(2)
        if ((flags & ~(O_RDWR | nonblock)) !== 0) return -EINVAL
        file.nonblocking = (flags & nonblock) !== 0
        return 0
      })
      default: throw unsupported(`fcntl ${args.number(1)}`)
    }
  })
}

function nameCall(session: Session, args: Args): Call {
  const out = createFrom()
  const get = args.call.name === 'getsockname' ? soName : soPeer
  return onFile(session, args, ({ id }) =>
    atOnce(() => -get(session.stack.vnet, id, out), () => args.expectAddress(1, out)))
}

function peerOf(session: Session, args: Args, e: Expr): SocketAddress {
  return args.address(e) ?? defaultPeer(session)
}

/** Where `...` sends to: the peer of the current conversation, or the remote port of the script. */
function defaultPeer(session: Session): SocketAddress {
  const { config } = session
  return { addr: { ...config.remote }, port: config.connectPort }
}

function portOf(session: Session, id: number): number {
  const out = createFrom()
  soName(session.stack.vnet, id, out)
  return out.port
}

/** Opens the descriptor of a call that made a socket. */
export function callOpen(session: Session, spec: CallSpec, id: number, fd: number): void {
  fileOpen(session, id, fd, session.config.mapped || session.config.v6 ? AF_INET6 : AF_INET)
  const file = session.files.get(fd)
  const flags = spec.name === 'socket' ? spec.args[1] : spec.name === 'accept4' ? spec.args[3] : undefined
  if (spec.name.startsWith('accept')) timeoutsInherit(session, new Args(spec, session.config.personality).number(0), fd)
  if (file !== undefined && flags?.kind === 'names') file.nonblocking = flags.names.includes('SOCK_NONBLOCK')
}

function ignore(): void {
  // nothing is expected of the arguments
}
