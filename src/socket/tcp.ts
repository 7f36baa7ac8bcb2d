/**
 * TCP for Node programs: `TcpSocket` is a Duplex over a connection of a Vnet, `TcpServer` accepts them.
 *
 * Back-pressure is TCP's own: bytes are taken out of the Vnet only when the reader asks, so a slow reader closes the
 * receive window; a write completes when the send buffer has taken it, so a slow peer holds the writer.
 */

import { EventEmitter } from 'node:events'
import { Duplex } from 'node:stream'
import { AF_INET, AF_INET6 } from '../inet/state.ts'
import {
  SHUT_WR, SO_ERROR, SO_KEEPALIVE, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, SOL_TCP, TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, TCP_KEEPIDLE,
  TCP_NODELAY,
} from '../inet/sockopt.ts'
import { EV_ACCEPT, EV_CONNECT, EV_ERROR, EV_GONE, EV_READ, EV_WRITE } from '../kern/vn.ts'
import { addrIsV4, addrParse, addrPrint, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { EADDRNOTAVAIL, EAGAIN, ECONNRESET, EINPROGRESS, EINVAL } from '../lib/errno.ts'
import type { AoInfo } from '../tcp/auth/ao-info.ts'
import type { AoKeyParams } from '../tcp/auth/ao-keys.ts'
import type { LinuxTcpInfo } from '../tcp/linux-info.ts'
import type { Runner } from '../vnet/runner.ts'
import {
  soAbort, soAccept, soBind, soClose, soConnect, soCreate, soGetOpt, soInfo, soListen, soName, soPeer, soReady, soRecv, soSend,
  soAoAdd, soAoDelete, soAoInfo, soAoSelect, soSetKey, soSetOpt, soShutdown,
} from '../vnet/so.ts'
import type { SoFrom } from '../vnet/so.ts'
import { socketError } from './errors.ts'

export interface TcpConnectOptions {
  host: string
  port: number
  localAddress?: string
  localPort?: number
  /** Segments exchanged with `host` are signed with this secret (RFC 2385, at most 80 octets), from now on. */
  md5Key?: Uint8Array
  /** TCP-AO (RFC 5925): keys that are added for `host`; the connection is signed with the first. They outlive it. */
  aoKeys?: readonly AoKeyParams[]
  /** Keep the writable side open after the peer has finished (default false, as in node:net). */
  allowHalfOpen?: boolean
  /**
   * TCP Fast Open (RFC 7413): with a cookie of the server `connect` is emitted at once, and the SYN waits for the first
   * data to take it along. What it carries may reach the server twice: for requests that may be repeated only.
   */
  fastOpen?: boolean
}

export interface TcpListenOptions {
  /** Default 0.0.0.0. */
  host?: string
  port: number
  backlog?: number
  allowHalfOpen?: boolean
  /** TCP Fast Open (RFC 7413): how many connections may wait for the end of their handshake (default 0: off). */
  fastOpen?: number
}

/** What one read takes at most. */
const READ_CHUNK = 65_536
/** A shorter read is copied into a buffer of its own size, so that a small message does not hold 64 KiB. */
const READ_COPY = 16_384

type Done = (error?: Error | null) => void

interface PendingWrite { chunks: Uint8Array[]; at: number; done: Done }

/**
 * A connection. Events besides Duplex's: `connect`, `ready`. Errors carry `code`, `syscall`, `address`, `port`.
 */
export class TcpSocket extends Duplex {
  readonly #runner: Runner
  #id: number
  #connecting: boolean
  #wantRead = false
  #pending: PendingWrite | null = null
  #final: Done | null = null
  readonly #target: { address: string; port: number }
  readonly #local: SoFrom = createFrom()
  readonly #scratch: SoFrom = createFrom()
  bytesRead = 0
  bytesWritten = 0

  /** Over socket `id`, which is connected or connecting. Use `connectTcp` or a `TcpServer` to get one. */
  constructor(runner: Runner, id: number, options: { connecting?: boolean; allowHalfOpen?: boolean } = {}) {
    super({ allowHalfOpen: options.allowHalfOpen ?? false, autoDestroy: true })
    this.#runner = runner
    this.#id = id
    this.#connecting = options.connecting ?? false
    const peer = createFrom()
    soPeer(runner.vnet, id, peer)
    soName(runner.vnet, id, this.#local)
    this.#target = { address: addrPrint(peer.addr), port: peer.port }
    runner.watch(id, (what) => this.#onEvent(what))
  }

  /** The Vnet's id of this socket: what survives a snapshot. */
  get id(): number {
    return this.#id
  }

  get connecting(): boolean {
    return this.#connecting
  }

  get remoteAddress(): string {
    return this.#target.address
  }

  get remotePort(): number {
    return this.#target.port
  }

  get remoteFamily(): string {
    return this.#target.address.includes(':') ? 'IPv6' : 'IPv4'
  }

  get localAddress(): string {
    return addrPrint(this.#local.addr)
  }

  get localPort(): number {
    return this.#local.port
  }

  setNoDelay(on = true): this {
    soSetOpt(this.#runner.vnet, this.#runner.now(), this.#id, SOL_TCP, TCP_NODELAY, on ? 1 : 0)
    this.#runner.kick()
    return this
  }

  setKeepAlive(on = false, initialDelayMs = 0): this {
    const { vnet } = this.#runner
    const now = this.#runner.now()
    if (initialDelayMs >= 1000) soSetOpt(vnet, now, this.#id, SOL_TCP, TCP_KEEPIDLE, Math.floor(initialDelayMs / 1000))
    soSetOpt(vnet, now, this.#id, SOL_SOCKET, SO_KEEPALIVE, on ? 1 : 0)
    this.#runner.kick()
    return this
  }

  /** TCP_INFO: what the connection knows about itself and its path (docs/trace.md), or null once it is gone. */
  info(): LinuxTcpInfo | null {
    return this.#id === 0 ? null : soInfo(this.#runner.vnet, this.#runner.now(), this.#id)
  }

  /** Keys of this connection and what became of them (RFC 5925 §7.1), or null: it is not signed with TCP-AO. */
  aoInfo(): AoInfo | null {
    return this.#id === 0 ? null : soAoInfo(this.#runner.vnet, this.#id)
  }

  /** Signs with the key `sendId` from now on and asks the peer for its key `recvId`; −1 leaves as it is. Throws ENOENT. */
  selectAoKey(sendId: number, recvId: number): this {
    const errno = soAoSelect(this.#runner.vnet, this.#runner.now(), this.#id, sendId, recvId)
    if (errno !== 0) throw socketError(errno, 'setsockopt')
    return this
  }

  /** Closes with a reset (RFC 9293 §3.10.5): unsent data is lost. */
  resetAndDestroy(): this {
    if (this.#id !== 0) soAbort(this.#runner.vnet, this.#runner.now(), this.#id)
    this.destroy()
    return this
  }

  override _read(): void {
    this.#wantRead = true
    if (!this.#connecting) this.#pull()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#pending = { chunks: [chunk], at: 0, done }
    this.#push()
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.#pending = { chunks: chunks.map((c) => c.chunk), at: 0, done }
    this.#push()
  }

  override _final(done: Done): void {
    if (this.#connecting) {
      this.#final = done
      return
    }
    soShutdown(this.#runner.vnet, this.#runner.now(), this.#id, SHUT_WR)
    this.#runner.kick()
    done()
  }

  override _destroy(error: Error | null, done: Done): void {
    const id = this.#id
    this.#id = 0
    if (id !== 0) {
      this.#runner.unwatch(id)
      soClose(this.#runner.vnet, this.#runner.now(), id)
      this.#runner.kick()
    }
    const pending = this.#pending
    this.#pending = null
    pending?.done(error ?? socketError(ECONNRESET, 'write'))
    done(error)
  }

  #onEvent(what: number): void {
    if (this.#id === 0) return
    if ((what & (EV_ERROR | EV_GONE)) !== 0 && this.#failed(what)) return
    if (this.#connecting && (what & (EV_CONNECT | EV_WRITE)) !== 0) this.#connected()
    if ((what & EV_READ) !== 0 && this.#wantRead) this.#pull()
    if ((what & EV_WRITE) !== 0) this.#push()
  }

  /** Destroys on a pending error. What arrived before it is still read first where the reader is waiting. */
  #failed(what: number): boolean {
    const errno = soGetOpt(this.#runner.vnet, this.#runner.now(), this.#id, SOL_SOCKET, SO_ERROR)
    if (errno > 0) {
      const { address, port } = this.#target
      this.destroy(this.#connecting ? socketError(errno, 'connect', address, port) : socketError(errno, 'read'))
      return true
    }
    if ((what & EV_GONE) !== 0 && this.#connecting) {
      this.destroy(socketError(ECONNRESET, 'connect', this.#target.address, this.#target.port))
      return true
    }
    return false
  }

  #connected(): void {
    this.#connecting = false
    soName(this.#runner.vnet, this.#id, this.#local)
    this.emit('connect')
    this.emit('ready')
    this.#push()
    if (this.#final !== null) this._final(this.#final)
    if (this.#wantRead && this.#id !== 0) this.#pull()
  }

  /** Moves bytes from the Vnet to the reader until either has enough. */
  #pull(): void {
    while (this.#wantRead && this.#id !== 0) {
      // asked first, so that an idle reader costs no fresh buffer (page faults are the dearest part of a read)
      if ((soReady(this.#runner.vnet, this.#id) & EV_READ) === 0) return
      const chunk = Buffer.allocUnsafeSlow(READ_CHUNK)
      const n = soRecv(this.#runner.vnet, this.#runner.now(), this.#id, chunk, 0, READ_CHUNK, 0, this.#scratch)
      this.#runner.kick()
      if (n === -EAGAIN) return
      if (n < 0) {
        this.destroy(socketError(-n, 'read'))
        return
      }
      this.#wantRead = false
      if (n === 0) {
        this.push(null)
        return
      }
      this.bytesRead += n
      // push may call _read again before it returns; that sets wantRead and this loop goes on
      this.push(n < READ_COPY ? Buffer.from(chunk.subarray(0, n)) : chunk.subarray(0, n))
    }
  }

  /** Moves waiting bytes from the writer into the send buffer. */
  #push(): void {
    const w = this.#pending
    if (w === null || this.#connecting || this.#id === 0) return
    while (w.chunks.length > 0) {
      const chunk = w.chunks[0]
      const { vnet } = this.#runner
      const n = soSend(vnet, this.#runner.now(), this.#id, chunk, w.at, chunk.length - w.at, 0)
      if (n === -EAGAIN) break
      if (n < 0) {
        this.#pending = null
        this.#runner.kick()
        w.done(socketError(-n, 'write'))
        return
      }
      this.bytesWritten += n
      w.at += n
      if (w.at < chunk.length) break
      w.chunks.shift()
      w.at = 0
    }
    this.#runner.kick()
    if (w.chunks.length > 0) return
    this.#pending = null
    w.done()
  }
}

/** Opens a connection; errors arrive as `error` events, as with node:net. */
export function connectTcp(runner: Runner, options: TcpConnectOptions): TcpSocket {
  const addr = addrParse(options.host)
  if (addr === null) throw socketError(EINVAL, 'connect', options.host, options.port)
  const id = soCreate(runner.vnet, runner.now(), familyOf(addr), SOCK_STREAM, 0)
  if (id < 0) throw socketError(-id, 'socket')
  let errno = 0
  if (options.localAddress !== undefined || options.localPort !== undefined) {
    const local = options.localAddress === undefined ? createAddr() : addrParse(options.localAddress)
    errno = local === null ? EADDRNOTAVAIL : soBind(runner.vnet, runner.now(), id, local, options.localPort ?? 0)
  }
  if (errno === 0 && options.md5Key !== undefined) setKey(runner, id, options.host, options.md5Key, -1)
  if (errno === 0) for (const key of options.aoKeys ?? []) addAoKey(runner, id, options.host, key, -1)
  if (errno === 0 && options.fastOpen === true) soSetOpt(runner.vnet, runner.now(), id, SOL_TCP, TCP_FASTOPEN_CONNECT, 1)
  if (errno === 0) errno = soConnect(runner.vnet, runner.now(), id, addr, options.port)
  const socket = new TcpSocket(runner, id, { connecting: true, allowHalfOpen: options.allowHalfOpen ?? false })
  runner.kick()
  if (errno !== 0 && errno !== EINPROGRESS) {
    const { host, port } = options
    queueMicrotask(() => socket.destroy(socketError(errno, 'connect', host, port)))
  }
  return socket
}

/** Accepts connections. Events: `listening`, `connection` (a TcpSocket), `close`, `error`. */
export class TcpServer extends EventEmitter {
  readonly #runner: Runner
  #id = 0
  #allowHalfOpen = false
  readonly #connections = new Set<TcpSocket>()

  constructor(runner: Runner, onConnection?: (socket: TcpSocket) => void) {
    super()
    this.#runner = runner
    if (onConnection !== undefined) this.on('connection', onConnection)
  }

  get id(): number {
    return this.#id
  }

  get listening(): boolean {
    return this.#id !== 0
  }

  /** Open connections accepted by this server. */
  get connections(): number {
    return this.#connections.size
  }

  /** Takes over socket `id`, which listens already (of a restored Vnet); connections that wait are accepted. */
  adopt(id: number, options: { allowHalfOpen?: boolean } = {}): this {
    return this.#start(id, options.allowHalfOpen ?? false)
  }

  /** A connection that is there already (of a restored Vnet) becomes one of this server's: `connection` is emitted. */
  adoptConnection(id: number): TcpSocket {
    const socket = new TcpSocket(this.#runner, id, { allowHalfOpen: this.#allowHalfOpen })
    this.#connections.add(socket)
    socket.once('close', () => {
      this.#connections.delete(socket)
      this.#closeIfDone()
    })
    this.emit('connection', socket)
    return socket
  }

  /**
   * Segments exchanged with `address` (or its first `prefixLen` bits) on this server's port are signed (RFC 2385); null
   * ends it. The key belongs to the Vnet and outlives the server.
   */
  setMd5Key(address: string, secret: Uint8Array | null, prefixLen = -1): this {
    setKey(this.#runner, this.#id, address, secret, prefixLen)
    return this
  }

  /**
   * Connections with `address` (or its first `prefixLen` bits) on this server's port are signed with TCP-AO (RFC 5925), by
   * the key that their SYN asks for. The key belongs to the Vnet and outlives the server. Throws EEXIST where an id is taken.
   */
  addAoKey(address: string, key: AoKeyParams, prefixLen = -1): this {
    addAoKey(this.#runner, this.#id, address, key, prefixLen)
    return this
  }

  /** Forgets a key of addAoKey. Throws EBUSY while a connection uses it. */
  deleteAoKey(address: string, sendId: number, recvId: number, prefixLen = -1): this {
    const { addr, bits } = peersOf(address, prefixLen)
    const errno = soAoDelete(this.#runner.vnet, this.#runner.now(), this.#id, addr, bits, sendId, recvId)
    if (errno !== 0) throw socketError(errno, 'setsockopt', address)
    return this
  }

  /** Starts listening at once; throws EADDRINUSE and its like. */
  listen(options: TcpListenOptions): this {
    const { vnet } = this.#runner
    const now = this.#runner.now()
    const host = options.host ?? '0.0.0.0'
    const addr = addrParse(host)
    if (addr === null) throw socketError(EINVAL, 'listen', host, options.port)
    const id = soCreate(vnet, now, familyOf(addr), SOCK_STREAM, 0)
    if (id < 0) throw socketError(-id, 'socket')
    soSetOpt(vnet, now, id, SOL_SOCKET, SO_REUSEADDR, 1)
    soSetOpt(vnet, now, id, SOL_TCP, TCP_FASTOPEN, options.fastOpen ?? 0)
    const errno = soBind(vnet, now, id, addr, options.port) || soListen(vnet, now, id, options.backlog ?? 511)
    if (errno !== 0) {
      soClose(vnet, now, id)
      throw socketError(errno, 'listen', host, options.port)
    }
    return this.#start(id, options.allowHalfOpen ?? false)
  }

  address(): { address: string; port: number } | null {
    if (this.#id === 0) return null
    const out = createFrom()
    soName(this.#runner.vnet, this.#id, out)
    return { address: addrPrint(out.addr), port: out.port }
  }

  /** Stops listening. Open connections go on; `close` is emitted when the last of them has ended. */
  close(): this {
    if (this.#id === 0) return this
    this.#runner.unwatch(this.#id)
    soClose(this.#runner.vnet, this.#runner.now(), this.#id)
    this.#id = 0
    this.#runner.kick()
    this.#closeIfDone()
    return this
  }

  /** Destroys every open connection. */
  closeAllConnections(): void {
    for (const socket of [...this.#connections]) socket.destroy()
  }

  #start(id: number, allowHalfOpen: boolean): this {
    this.#id = id
    this.#allowHalfOpen = allowHalfOpen
    this.#runner.watch(id, (what) => {
      if ((what & EV_ACCEPT) !== 0) this.#accept()
    })
    this.#runner.kick()
    queueMicrotask(() => this.emit('listening'))
    if ((soReady(this.#runner.vnet, id) & EV_ACCEPT) !== 0) queueMicrotask(() => this.#accept())
    return this
  }

  #accept(): void {
    while (this.#id !== 0) {
      const id = soAccept(this.#runner.vnet, this.#runner.now(), this.#id)
      if (id < 0) break
      this.adoptConnection(id)
    }
    this.#runner.kick()
  }

  #closeIfDone(): void {
    if (this.#id === 0 && this.#connections.size === 0) queueMicrotask(() => this.emit('close'))
  }
}

function setKey(runner: Runner, id: number, address: string, secret: Uint8Array | null, prefixLen: number): void {
  const { addr, bits } = peersOf(address, prefixLen)
  const errno = soSetKey(runner.vnet, runner.now(), id, addr, bits, secret)
  if (errno !== 0) throw socketError(errno, 'setsockopt', address)
}

function addAoKey(runner: Runner, id: number, address: string, key: AoKeyParams, prefixLen: number): void {
  const { addr, bits } = peersOf(address, prefixLen)
  const errno = soAoAdd(runner.vnet, runner.now(), id, addr, bits, key)
  if (errno !== 0) throw socketError(errno, 'setsockopt', address)
}

/** Whom a key is for. */
function peersOf(address: string, prefixLen: number): { addr: Addr; bits: number } {
  const addr = addrParse(address)
  if (addr === null) throw socketError(EINVAL, 'setsockopt', address)
  return { addr, bits: prefixLen >= 0 ? prefixLen : addrIsV4(addr) ? 32 : 128 }
}

function familyOf(addr: Addr): number {
  return addrIsV4(addr) ? AF_INET : AF_INET6
}

function createFrom(): SoFrom {
  return { addr: createAddr(), port: 0, truncated: false }
}
