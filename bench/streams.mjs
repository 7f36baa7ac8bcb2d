/** Programs at both ends: a source that fills the send buffer, a sink that empties the receive buffer, on any Runner. */

import {
  AF_INET, EV_ACCEPT, EV_CONNECT, EV_GONE, EV_READ, EV_WRITE, SOCK_STREAM, SOL_SOCKET, SO_REUSEADDR, addrParse,
} from '../dist/index.js'
import { EAGAIN, EINPROGRESS, errnoName } from '../dist/lib/errno.js'
import { createAddr } from '../dist/lib/addr.js'
import { soAbort, soAccept, soBind, soClose, soConnect, soCreate, soListen, soRecv, soSend, soSetOpt } from '../dist/vnet/so.js'

const CHUNK = 65_536

/** Reads `total` bytes of one connection to `port`; resolves to the µs between its first byte and its last. */
export function sink(host, port, total) {
  const { vnet } = host
  const listener = listen(host, port)
  const into = new Uint8Array(CHUNK * 4)
  const from = { addr: createAddr(), port: 0, truncated: false }
  return new Promise((resolve, reject) => {
    let received = 0
    let startedAt = 0
    const read = (socket) => {
      for (;;) {
        const n = soRecv(vnet, host.now(), socket, into, 0, into.length, 0, from)
        if (n === -EAGAIN) break
        if (n <= 0) return reject(new Error(`the stream ended after ${received} bytes: ${errnoName(-n)}`))
        if (received === 0) startedAt = process.hrtime.bigint()
        received += n
        if (received >= total) {
          closeSocket(host, socket)
          closeSocket(host, listener)
          return resolve(Number(process.hrtime.bigint() - startedAt) / 1000)
        }
      }
      host.kick()
    }
    host.watch(listener, () => {
      const socket = soAccept(vnet, host.now(), listener)
      if (socket < 0) return
      host.watch(socket, (what) => { if ((what & (EV_READ | EV_GONE)) !== 0) read(socket) })
      read(socket)
    })
  })
}

/** Connects and sends `total` bytes; the connection is closed by whoever has read them. */
export function source(host, to, port, total) {
  const { vnet } = host
  const socket = connect(host, to, port)
  const chunk = new Uint8Array(CHUNK)
  let sent = 0
  const write = () => {
    while (sent < total) {
      const n = soSend(vnet, host.now(), socket, chunk, 0, Math.min(CHUNK, total - sent), 0)
      if (n === -EAGAIN) break
      if (n < 0) {
        // the reader has all it wanted
        closeSocket(host, socket)
        return
      }
      sent += n
    }
    host.kick()
    if (sent >= total) closeSocket(host, socket)
  }
  host.watch(socket, (what) => { if ((what & (EV_WRITE | EV_CONNECT | EV_GONE)) !== 0) write() })
}

/** Accepts and closes at once, until told to stop. */
export function acceptAndClose(host, port) {
  const listener = listen(host, port)
  host.watch(listener, (what) => {
    if ((what & EV_ACCEPT) === 0) return
    for (;;) {
      const socket = soAccept(host.vnet, host.now(), listener)
      if (socket < 0) break
      soClose(host.vnet, host.now(), socket)
    }
    host.kick()
  })
  return () => closeSocket(host, listener)
}

/** Opens `count` connections, `atOnce` at a time, each closed when the peer has closed; resolves to µs. */
export function connectMany(host, to, port, count, atOnce) {
  const from = { addr: createAddr(), port: 0, truncated: false }
  const byte = new Uint8Array(1)
  const startedAt = process.hrtime.bigint()
  return new Promise((resolve, reject) => {
    let started = 0
    let done = 0
    const next = () => {
      if (started >= count) return
      started++
      const socket = connect(host, to, port)
      host.watch(socket, (what) => {
        if ((what & (EV_READ | EV_GONE)) === 0) return
        const n = soRecv(host.vnet, host.now(), socket, byte, 0, 1, 0, from)
        if (n === -EAGAIN) return
        if (n !== 0) return reject(new Error(`a connection failed: ${errnoName(-n)}`))
        closeSocket(host, socket)
        if (++done === count) resolve(Number(process.hrtime.bigint() - startedAt) / 1000)
        else next()
      })
    }
    for (let i = 0; i < atOnce; i++) next()
  })
}

/**
 * Opens `perSecond` connections a second for ever; each is closed when the peer has closed, and every `resetEvery`th is
 * aborted as soon as it stands. Returns what has become of them, and `stop`.
 */
export function connectRate(host, to, port, perSecond, resetEvery) {
  const from = { addr: createAddr(), port: 0, truncated: false }
  const byte = new Uint8Array(1)
  const fate = { opened: 0, closed: 0, reset: 0, failed: 0 }
  const startedAt = process.hrtime.bigint()
  const open = () => {
    const reset = ++fate.opened % resetEvery === 0
    const socket = connect(host, to, port)
    host.watch(socket, (what) => {
      if (reset && (what & EV_CONNECT) !== 0) {
        fate.reset++
        host.unwatch(socket)
        soAbort(host.vnet, host.now(), socket)
        return host.kick()
      }
      if ((what & (EV_READ | EV_GONE)) === 0) return
      const n = soRecv(host.vnet, host.now(), socket, byte, 0, 1, 0, from)
      if (n === -EAGAIN) return
      if (n === 0) fate.closed++
      else fate.failed++
      closeSocket(host, socket)
    })
  }
  const timer = setInterval(() => {
    const due = Number(process.hrtime.bigint() - startedAt) / 1e9 * perSecond
    while (fate.opened < due) open()
  }, 5)
  return { fate, stop: () => { clearInterval(timer) } }
}

function listen(host, port) {
  const { vnet } = host
  const socket = soCreate(vnet, host.now(), AF_INET, SOCK_STREAM, 0)
  check(soSetOpt(vnet, host.now(), socket, SOL_SOCKET, SO_REUSEADDR, 1))
  check(soBind(vnet, host.now(), socket, addrParse('0.0.0.0'), port))
  check(soListen(vnet, host.now(), socket, 512))
  return socket
}

function connect(host, to, port) {
  const { vnet } = host
  const socket = soCreate(vnet, host.now(), AF_INET, SOCK_STREAM, 0)
  const errno = soConnect(vnet, host.now(), socket, addrParse(to), port)
  if (errno !== EINPROGRESS) check(errno)
  host.kick()
  return socket
}

function closeSocket(host, socket) {
  host.unwatch(socket)
  soClose(host.vnet, host.now(), socket)
  host.kick()
}

function check(errno) {
  if (errno !== 0) throw new Error(errnoName(errno))
}
