/**
 * One end of TCP under Node's `net`: a connection or a listener of a Vnet with libuv's manners. Calls return 0 or a negative
 * errno; what happens later is told to the `TcpSide`, always from the event loop.
 */

import { AsyncResource } from 'node:async_hooks'
import { AF_INET, AF_INET6 } from '../inet/state.ts'
import {
  IPV6_V6ONLY, SHUT_WR, SO_ERROR, SO_REUSEADDR, SO_REUSEPORT, SOCK_STREAM, SOL_IPV6, SOL_SOCKET,
} from '../inet/sockopt.ts'
import { EV_ACCEPT, EV_CONNECT, EV_ERROR, EV_GONE, EV_READ, EV_WRITE } from '../kern/vn.ts'
import { EADDRINUSE, EAGAIN, ECONNREFUSED, EINPROGRESS, ENOTCONN } from '../lib/errno.ts'
import {
  soAbort, soAccept, soBind, soClose, soConnect, soCreate, soGetOpt, soListen, soName, soPeer, soReady, soRecv, soSend,
  soSetOpt, soShutdown,
} from '../vnet/so.ts'
import { UV_EADDRINUSE, UV_EALREADY, UV_EBADF, UV_ECANCELED, UV_EINVAL, UV_ENOTCONN } from './binding.ts'
import { createFrom, nameInto, parseAddress, parseDestination } from './names.ts'
import type { NameOut } from './names.ts'
import type { NetEnv } from './netenv.ts'

/** Reads in one turn: one fast sender does not starve the rest. */
const READS_A_TURN = 32

/** Flags of bind6. */
const UV_TCP_IPV6ONLY = 1
const UV_TCP_REUSEPORT = 2

/** Whom an end tells. */
export interface TcpSide {
  /** Bytes that were read; they are the end's again when this returns. */
  data(bytes: Uint8Array): void
  ended(): void
  readFailed(status: number): void
  /** A connection waits: it is `id`, to be taken or closed. */
  accepted(id: number, family: number): void
}

type Done = (status: number) => void

interface Write { bufs: Uint8Array[]; at: number; done: Done }

export class TcpEnd {
  readonly #env: NetEnv
  readonly #side: TcpSide
  #id = 0
  #family = AF_INET
  #listening = false
  #reading = false
  #ended = false
  #closed = false
  #refd = true
  #holding = false
  /** A bind to a taken port is reported by listen or connect (as libuv does). */
  #delayed = 0
  #connecting: Done | null = null
  readonly #writes: Write[] = []
  #shutdown: Done | null = null
  #what = 0
  #posted = false
  /** Bytes that wait for room in the send buffer. */
  queued = 0
  bytesRead = 0
  bytesWritten = 0

  constructor(env: NetEnv, side: TcpSide) {
    this.#env = env
    this.#side = side
  }

  get id(): number {
    return this.#id
  }

  /** An accepted connection. */
  adopt(id: number, family: number): void {
    this.#id = id
    this.#family = family
    this.#watch()
  }

  bind(address: unknown, port: number, family: number, flags: number): number {
    const { runner } = this.#env
    const addr = parseAddress(runner.vnet, address, family)
    if (addr === null) return UV_EINVAL
    const errno = this.#open(family)
    if (errno !== 0) return errno
    this.#option(SOL_SOCKET, SO_REUSEADDR, 1)
    if ((flags & UV_TCP_REUSEPORT) !== 0) this.#option(SOL_SOCKET, SO_REUSEPORT, 1)
    if (family === AF_INET6) this.#option(SOL_IPV6, IPV6_V6ONLY, (flags & UV_TCP_IPV6ONLY) !== 0 ? 1 : 0)
    const failed = soBind(runner.vnet, runner.now(), this.#id, addr, port)
    runner.kick()
    if (failed === EADDRINUSE) this.#delayed = UV_EADDRINUSE
    return failed === EADDRINUSE ? 0 : 0 - failed
  }

  listen(backlog: number): number {
    if (this.#delayed !== 0) return this.#delayed
    const { runner } = this.#env
    const errno = this.#open(AF_INET)
    if (errno !== 0) return errno
    const failed = soListen(runner.vnet, runner.now(), this.#id, backlog)
    runner.kick()
    if (failed !== 0) return 0 - failed
    this.#listening = true
    this.#watch()
    this.#hold()
    return 0
  }

  connect(address: unknown, port: number, family: number, done: Done): number {
    const { runner } = this.#env
    if (this.#connecting !== null) return UV_EALREADY
    const addr = parseDestination(runner.vnet, address, family)
    if (addr === null) return UV_EINVAL
    let status = this.#delayed
    if (status === 0) status = this.#open(family)
    if (status !== 0 && this.#delayed === 0) return status
    if (status === 0) status = 0 - soConnect(runner.vnet, runner.now(), this.#id, addr, port)
    runner.kick()
    if (status !== 0 && status !== -EINPROGRESS && status !== -ECONNREFUSED && this.#delayed === 0) return status
    const resource = new AsyncResource('TCPCONNECTWRAP')
    this.#connecting = (s) => { resource.runInAsyncScope(done, undefined, s) }
    this.#hold()
    if (status === 0 || status === -EINPROGRESS) this.#watch()
    else this.#env.later(() => { this.#connected(status) })
    return 0
  }

  readStart(): number {
    if (this.#closed) return UV_EBADF
    if (this.#id === 0) return UV_ENOTCONN
    this.#reading = true
    this.#hold()
    if (this.#connecting === null) this.#post(soReady(this.#env.runner.vnet, this.#id) & EV_READ)
    return 0
  }

  readStop(): number {
    this.#reading = false
    this.#hold()
    return 0
  }

  /**
   * Sends; `done` is called when the send buffer has taken all, unless `sync`: then 1 says that it has already. A negative
   * result is an error, and nothing will be called.
   */
  write(bufs: Uint8Array[], done: Done, sync: boolean): number {
    if (this.#closed || this.#id === 0) return UV_EBADF
    let total = 0
    for (const b of bufs) total += b.length
    this.bytesWritten += total
    const write: Write = { bufs, at: 0, done }
    if (this.#writes.length === 0 && this.#connecting === null) {
      const status = this.#send(write)
      if (status < 0) return sync ? status : this.#finish(write, status)
      if (status > 0) return sync ? 1 : this.#finish(write, 0)
    }
    this.#writes.push(write)
    for (const b of write.bufs) this.queued += b.length
    this.queued -= write.at
    this.#hold()
    return 0
  }

  shutdown(done: Done): number {
    if (this.#closed || this.#id === 0) return UV_ENOTCONN
    this.#shutdown = done
    this.#hold()
    this.#env.later(() => { this.#finishShutdown() })
    return 0
  }

  /** Closes (with a reset if `abort`); what is under way ends with ECANCELED, then `done` is called. */
  close(done: () => void, abort: boolean): void {
    if (this.#closed) return
    this.#closed = true
    this.#reading = false
    if (this.#id !== 0) {
      const { runner } = this.#env
      runner.unwatch(this.#id)
      if (abort) soAbort(runner.vnet, runner.now(), this.#id)
      else soClose(runner.vnet, runner.now(), this.#id)
      runner.kick()
      this.#id = 0
    }
    if (!this.#holding) this.#env.hold(1)
    this.#holding = true
    this.#env.later(() => {
      const connecting = this.#connecting
      this.#connecting = null
      connecting?.(UV_ECANCELED)
      for (const w of this.#writes.splice(0)) w.done(UV_ECANCELED)
      this.queued = 0
      const shutdown = this.#shutdown
      this.#shutdown = null
      shutdown?.(UV_ECANCELED)
      this.#holding = false
      this.#env.hold(-1)
      done()
    })
  }

  name(out: NameOut, peer: boolean): number {
    if (this.#delayed !== 0) return this.#delayed
    if (this.#id === 0) return UV_EBADF
    const { vnet } = this.#env.runner
    const from = createFrom()
    const errno = peer ? soPeer(vnet, this.#id, from) : soName(vnet, this.#id, from)
    if (errno === 0) nameInto(vnet, out, from, this.#family)
    return 0 - errno
  }

  /** 0, or a negative errno (EBADF before there is a socket). */
  setOption(level: number, name: number, value: number): number {
    if (this.#id === 0) return UV_EBADF
    const errno = this.#option(level, name, value)
    this.#env.runner.kick()
    return 0 - errno
  }

  getOption(level: number, name: number): number {
    return this.#id === 0 ? UV_EBADF : soGetOpt(this.#env.runner.vnet, this.#env.runner.now(), this.#id, level, name)
  }

  get refd(): boolean {
    return this.#refd && !this.#closed
  }

  setRef(on: boolean): void {
    this.#refd = on
    this.#hold()
  }

  #option(level: number, name: number, value: number): number {
    return soSetOpt(this.#env.runner.vnet, this.#env.runner.now(), this.#id, level, name, value)
  }

  /** Makes the socket, once its family is known. */
  #open(family: number): number {
    if (this.#closed) return UV_EBADF
    if (this.#id !== 0) return 0
    const { runner } = this.#env
    const id = soCreate(runner.vnet, runner.now(), family, SOCK_STREAM, 0)
    if (id < 0) return id
    this.#id = id
    this.#family = family
    return 0
  }

  #watch(): void {
    this.#env.runner.watch(this.#id, (what) => {
      // libuv hears of a finished connect when it polls next: what waits to be accepted is reported before
      if (this.#connecting !== null) queueMicrotask(() => { this.#post(what) })
      else this.#post(what)
    }, false)
  }

  /** What keeps the process alive: an active handle that is referenced, and every request. */
  #hold(): void {
    if (this.#closed) return
    const active = this.#refd && (this.#listening || this.#reading)
    const hold = active || this.#connecting !== null || this.#writes.length > 0 || this.#shutdown !== null
    if (hold === this.#holding) return
    this.#holding = hold
    this.#env.hold(hold ? 1 : -1)
  }

  #post(what: number): void {
    this.#what |= what
    if (this.#posted || this.#what === 0 || this.#closed) return
    this.#posted = true
    this.#env.later(() => { this.#dispatch() })
  }

  #dispatch(): void {
    const what = this.#what
    this.#what = 0
    this.#posted = false
    if (this.#closed) return
    if (this.#listening) {
      if ((what & EV_ACCEPT) !== 0) this.#accept()
      return
    }
    if (this.#connecting !== null) {
      this.#connectResult(what)
      return
    }
    if ((what & (EV_WRITE | EV_ERROR | EV_GONE)) !== 0) this.#flush()
    if ((what & (EV_READ | EV_ERROR | EV_GONE)) !== 0) this.#read()
  }

  #accept(): void {
    const { runner } = this.#env
    const first = soAccept(runner.vnet, runner.now(), this.#id)
    // all that wait are taken at once, as libuv takes them, or a crowd would not fit the queue; one callback for each
    for (;;) {
      const id = soAccept(runner.vnet, runner.now(), this.#id)
      if (id < 0) break
      this.#env.later(() => { this.#accepted(id) })
    }
    runner.kick()
    if (first >= 0) this.#accepted(first)
  }

  /** The listener may have been closed meanwhile: what it has not reported is reset, as by a kernel. */
  #accepted(id: number): void {
    if (!this.#closed) {
      this.#side.accepted(id, this.#family)
      return
    }
    const { runner } = this.#env
    soAbort(runner.vnet, runner.now(), id)
    runner.kick()
  }

  #connectResult(what: number): void {
    const { runner } = this.#env
    if ((what & (EV_ERROR | EV_GONE)) !== 0) {
      const errno = soGetOpt(runner.vnet, runner.now(), this.#id, SOL_SOCKET, SO_ERROR)
      if (errno > 0 || (what & EV_GONE) !== 0) {
        this.#connected(errno > 0 ? -errno : -ECONNREFUSED)
        return
      }
    }
    if ((what & (EV_CONNECT | EV_WRITE)) !== 0) this.#connected(0)
  }

  #connected(status: number): void {
    const done = this.#connecting
    this.#connecting = null
    this.#hold()
    done?.(status)
    if (status !== 0 || this.#closed) return
    this.#flush()
    this.#post(soReady(this.#env.runner.vnet, this.#id) & EV_READ)
  }

  #read(): void {
    const { runner, scratch } = this.#env
    for (let n = 0; n < READS_A_TURN && this.#reading && !this.#ended && this.#id !== 0; n++) {
      const got = soRecv(runner.vnet, runner.now(), this.#id, scratch, 0, scratch.length, 0, createFrom())
      runner.kick()
      if (got === -EAGAIN) return
      if (got <= 0) {
        this.#reading = false
        this.#ended = true
        this.#hold()
        if (got === 0) this.#side.ended()
        else this.#side.readFailed(got)
        return
      }
      this.bytesRead += got
      this.#side.data(scratch.subarray(0, got))
    }
    if (this.#reading && !this.#ended && this.#id !== 0) this.#post(soReady(runner.vnet, this.#id) & EV_READ)
  }

  #flush(): void {
    while (this.#writes.length > 0 && this.#id !== 0) {
      const w = this.#writes[0]
      const before = sizeOf(w)
      const status = this.#send(w)
      this.queued -= before - sizeOf(w)
      if (status === 0) return
      this.queued -= sizeOf(w)
      this.#writes.shift()
      this.#hold()
      w.done(status < 0 ? status : 0)
    }
    if (this.#shutdown !== null) this.#finishShutdown()
  }

  /** 1: all of it is in the send buffer; 0: not yet; or a negative errno. */
  #send(w: Write): number {
    const { runner } = this.#env
    let status = 1
    while (w.bufs.length > 0) {
      const buf = w.bufs[0]
      const n = buf.length === w.at ? 0
        : soSend(runner.vnet, runner.now(), this.#id, buf, w.at, buf.length - w.at, 0)
      if (n < 0) {
        status = n === -EAGAIN ? 0 : n
        break
      }
      w.at += n
      if (w.at < buf.length) {
        status = 0
        break
      }
      w.bufs.shift()
      w.at = 0
    }
    runner.kick()
    return status
  }

  #finish(w: Write, status: number): number {
    this.#env.later(() => { w.done(status) })
    return 0
  }

  #finishShutdown(): void {
    const done = this.#shutdown
    if (done === null || this.#writes.length > 0 || this.#connecting !== null || this.#id === 0) return
    this.#shutdown = null
    const { runner } = this.#env
    const errno = soShutdown(runner.vnet, runner.now(), this.#id, SHUT_WR)
    runner.kick()
    this.#hold()
    done(errno === ENOTCONN ? 0 : 0 - errno)
  }
}

function sizeOf(w: Write): number {
  let n = -w.at
  for (const b of w.bufs) n += b.length
  return n
}
