/** Programs for worlds, in plain data (program.ts): one that sends over TCP, one that receives and checks. */

import { SHUT_WR, SOCK_STREAM } from '../inet/sockopt.ts'
import { AF_INET } from '../inet/state.ts'
import { EV_GONE } from '../kern/vn.ts'
import { addrFromIp4, createAddr, ip4Parse } from '../lib/addr.ts'
import { EAGAIN, EINPROGRESS, errnoName } from '../lib/errno.ts'
import { soAccept, soBind, soClose, soConnect, soCreate, soListen, soRecv, soSend, soShutdown } from '../vnet/so.ts'
import type { ProgramKind, ProgramSide } from './program.ts'

const CHUNK = 16_384
/** Connections of one receiver. */
const MOST = 64

 
export type SenderData = {
  to: string
  port: number
  bytes: number
  /** µs after its start at which it connects. */
  after: number
  socket: number
  sent: number
  /** Everything is sent and acknowledged by a FIN of the peer, or the connection is gone. */
  closed: boolean
  error: string
}

/** Connects to `to`:`port`, sends `bytes` bytes (the n-th is n & 0xff), and closes when the peer has. */
export const SENDER = Object.freeze<ProgramKind<SenderData>>({
  name: 'sender',
  create: () => ({ to: '', port: 9, bytes: 0, after: 0, socket: 0, sent: 0, closed: false, error: '' }),
  start(side, data) {
    side.wake(side.now() + data.after)
  },
  attach(side, data) {
    if (data.socket !== 0 && !data.closed) watchSender(side, data)
  },
  timer(side, data) {
    data.socket = made(soCreate(side.vnet, side.now(), AF_INET, SOCK_STREAM, 0))
    const errno = soConnect(side.vnet, side.now(), data.socket, addrFromIp4(ip4Parse(data.to) ?? 0), data.port)
    if (errno !== EINPROGRESS) made(-errno)
    watchSender(side, data)
  },
})

function watchSender(side: ProgramSide, data: SenderData): void {
  side.watch(data.socket, (what) => {
    sendMore(side, data)
    if ((what & EV_GONE) !== 0 && !data.closed) endSender(side, data)
    side.kick()
  })
}

function sendMore(side: ProgramSide, data: SenderData): void {
  const { vnet } = side
  const chunk = new Uint8Array(CHUNK)
  while (data.sent < data.bytes) {
    const size = Math.min(CHUNK, data.bytes - data.sent)
    for (let i = 0; i < size; i++) chunk[i] = data.sent + i
    const n = soSend(vnet, side.now(), data.socket, chunk, 0, size, 0)
    if (n < 0) {
      if (n !== -EAGAIN) data.error = errnoName(-n)
      break
    }
    data.sent += n
    if (data.sent === data.bytes) soShutdown(vnet, side.now(), data.socket, SHUT_WR)
  }
  const from = { addr: createAddr(), port: 0, truncated: false }
  if (soRecv(vnet, side.now(), data.socket, chunk, 0, CHUNK, 0, from) === 0) endSender(side, data)
}

function endSender(side: ProgramSide, data: SenderData): void {
  data.closed = true
  side.unwatch(data.socket)
  soClose(side.vnet, side.now(), data.socket)
}

 
export type ReceiverData = {
  port: number
  listener: number
  /** Connections: "socket:bytes", with spaces between. */
  open: string
  bytes: number
  /** Bytes that were not what a SENDER sends there. */
  wrong: number
  ended: number
}

/** Listens on `port` and reads what comes; a connection is closed when its peer has finished. */
export const RECEIVER = Object.freeze<ProgramKind<ReceiverData>>({
  name: 'receiver',
  create: () => ({ port: 9, listener: 0, open: '', bytes: 0, wrong: 0, ended: 0 }),
  start(side, data) {
    data.listener = made(soCreate(side.vnet, side.now(), AF_INET, SOCK_STREAM, 0))
    made(-soBind(side.vnet, side.now(), data.listener, addrFromIp4(0), data.port))
    made(-soListen(side.vnet, side.now(), data.listener, MOST))
  },
  attach(side, data) {
    side.watch(data.listener, () => {
      for (;;) {
        const socket = soAccept(side.vnet, side.now(), data.listener)
        if (socket < 0) break
        const conns = connections(data)
        conns.set(socket, 0)
        note(data, conns)
        watchReceived(side, data, socket)
        receive(side, data, socket)
      }
      side.kick()
    })
    for (const socket of connections(data).keys()) watchReceived(side, data, socket)
  },
  timer() {
    // it plans nothing
  },
})

function watchReceived(side: ProgramSide, data: ReceiverData, socket: number): void {
  side.watch(socket, () => {
    receive(side, data, socket)
    side.kick()
  })
}

function receive(side: ProgramSide, data: ReceiverData, socket: number): void {
  const conns = connections(data)
  const into = new Uint8Array(CHUNK)
  const from = { addr: createAddr(), port: 0, truncated: false }
  for (;;) {
    const n = soRecv(side.vnet, side.now(), socket, into, 0, CHUNK, 0, from)
    if (n === -EAGAIN) break
    if (n <= 0) {
      conns.delete(socket)
      if (n === 0) data.ended++
      side.unwatch(socket)
      soClose(side.vnet, side.now(), socket)
      break
    }
    const before = conns.get(socket) ?? 0
    for (let i = 0; i < n; i++) if (into[i] !== ((before + i) & 0xff)) data.wrong++
    data.bytes += n
    conns.set(socket, before + n)
  }
  note(data, conns)
}

function connections(data: ReceiverData): Map<number, number> {
  const words = data.open === '' ? [] : data.open.split(' ')
  return new Map(words.map((word) => {
    const [socket, bytes] = word.split(':')
    return [Number(socket), Number(bytes)]
  }))
}

function note(data: ReceiverData, conns: ReadonlyMap<number, number>): void {
  data.open = Array.from(conns, ([socket, bytes]) => `${socket}:${bytes}`).join(' ')
}

function made(result: number): number {
  if (result < 0) throw new Error(errnoName(-result))
  return result
}
