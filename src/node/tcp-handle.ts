/**
 * Node's native class `TCP` over a Vnet: the methods that `net`, `tls`, `http` and `http2` call, on top of Node's JSStream,
 * through which its native code (TLS, HTTP/2, the HTTP parser) reads and writes as well.
 */

import { AsyncResource } from 'node:async_hooks'
import { AF_INET, AF_INET6 } from '../inet/state.ts'
import {
  IP_TOS, SO_KEEPALIVE, SOL_IP, SOL_SOCKET, SOL_TCP, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_NODELAY,
} from '../inet/sockopt.ts'
import { binding, UV_EINVAL } from './binding.ts'
import type { JsStream, Req } from './binding.ts'
import type { NameOut } from './names.ts'
import type { NetEnv } from './netenv.ts'
import { TcpEnd } from './tcp-end.ts'
import type { TcpSide } from './tcp-end.ts'

/** A connection that was accepted: what the constructor takes besides a type. */
export interface Accepted { env: NetEnv; id: number; family: number }

export interface TcpHandle extends JsStream {
  readonly end: TcpEnd
  onconnection?: ((status: number, handle?: TcpHandle) => void) | undefined
  bind(address: string, port: number, flags?: number): number
  bind6(address: string, port: number, flags?: number): number
  listen(backlog: number): number
  close(done?: () => void): void
}

export type TcpClass = new (type: number | Accepted) => TcpHandle

/** An error of TLS over a handle is its socket's, which Node names here. */
interface Owned { owner?: { _handle?: (JsStream & object) | null } }

/** The class; `current` says on which Vnet a new handle is. `born` sees the handle of each accepted connection. */
export function createTcpClass(current: () => NetEnv, born: (handle: TcpHandle) => void = () => undefined): TcpClass {
  const { JSStream } = binding('js_stream')
  const { streamBaseState: shared, kBytesWritten, kLastWriteWasAsync, kReadBytesOrError } = binding('stream_wrap')

  class TCP extends JSStream implements TcpHandle, TcpSide {
    readonly end: TcpEnd
    readonly #env: NetEnv
    readonly #resource = new AsyncResource('TCPWRAP')
    declare onread?: ((data?: ArrayBuffer) => void) | undefined
    declare onconnection?: (status: number, handle?: TcpHandle) => void

    constructor(type: number | Accepted) {
      super()
      this.#env = typeof type === 'number' ? current() : type.env
      this.end = new TcpEnd(this.#env, this)
      Object.defineProperty(this, 'end', { enumerable: false })
      if (typeof type !== 'number') this.end.adopt(type.id, type.family)
    }

    bind(address: string, port = 0, flags = 0): number {
      return this.end.bind(address, port, AF_INET, flags)
    }

    bind6(address: string, port = 0, flags = 0): number {
      return this.end.bind(address, port, AF_INET6, flags)
    }

    listen(backlog: number): number {
      return this.end.listen(backlog)
    }

    connect(req: Req, address: string, port: number): number {
      return this.end.connect(address, port, AF_INET, (status) => { this.#complete(req, status) })
    }

    connect6(req: Req, address: string, port: number): number {
      return this.end.connect(address, port, AF_INET6, (status) => { this.#complete(req, status) })
    }

    /** File descriptors are the host's: none is one of ours. */
    open(): number {
      return UV_EINVAL
    }

    readStart(): number {
      return this.end.readStart()
    }

    readStop(): number {
      return this.end.readStop()
    }

    writeBuffer(req: Req, bytes: Uint8Array): number {
      return this.#write(req, [bytes])
    }

    writev(req: Req, chunks: unknown[], allBuffers: boolean): number {
      if (allBuffers) return this.#write(req, [...chunks as Uint8Array[]])
      const bufs: Uint8Array[] = []
      for (let i = 0; i < chunks.length; i += 2) {
        const chunk = chunks[i] as Uint8Array | string
        bufs.push(typeof chunk === 'string' ? Buffer.from(chunk, chunks[i + 1] as BufferEncoding) : chunk)
      }
      return this.#write(req, bufs)
    }

    writeUtf8String(req: Req, text: string): number {
      return this.#write(req, [Buffer.from(text, 'utf8')])
    }

    writeAsciiString(req: Req, text: string): number {
      return this.#write(req, [Buffer.from(text, 'latin1')])
    }

    writeLatin1String(req: Req, text: string): number {
      return this.#write(req, [Buffer.from(text, 'latin1')])
    }

    writeUcs2String(req: Req, text: string): number {
      return this.#write(req, [Buffer.from(text, 'utf16le')])
    }

    shutdown(req: Req): number {
      return this.end.shutdown((status) => { this.#call(req, status) })
    }

    close(done?: () => void): void {
      this.end.close(() => { this.#resource.runInAsyncScope(() => done?.call(this)) }, false)
    }

    reset(done?: () => void): number {
      this.end.close(() => { this.#resource.runInAsyncScope(() => done?.call(this)) }, true)
      return 0
    }

    getsockname(out: NameOut): number {
      return this.end.name(out, false)
    }

    getpeername(out: NameOut): number {
      return this.end.name(out, true)
    }

    setNoDelay(on: boolean): number {
      return this.end.setOption(SOL_TCP, TCP_NODELAY, on ? 1 : 0)
    }

    setKeepAlive(on: boolean, idleS = 0, intervalS = 0, count = 0): number {
      if (on && idleS > 0) {
        this.end.setOption(SOL_TCP, TCP_KEEPIDLE, idleS)
        this.end.setOption(SOL_TCP, TCP_KEEPINTVL, intervalS > 0 ? intervalS : 1)
        this.end.setOption(SOL_TCP, TCP_KEEPCNT, count > 0 ? count : 10)
      }
      return this.end.setOption(SOL_SOCKET, SO_KEEPALIVE, on ? 1 : 0)
    }

    setTypeOfService(tos: number): number {
      return this.end.setOption(SOL_IP, IP_TOS, tos)
    }

    getTypeOfService(): number {
      return this.end.getOption(SOL_IP, IP_TOS)
    }

    ref(): void {
      this.end.setRef(true)
    }

    unref(): void {
      this.end.setRef(false)
    }

    hasRef(): boolean {
      return this.end.refd
    }

    get fd(): number {
      return -1
    }

    get bytesRead(): number {
      return this.end.bytesRead
    }

    get bytesWritten(): number {
      return this.end.bytesWritten
    }

    get writeQueueSize(): number {
      return this.end.queued
    }

    // what native code asks of a JSStream

    onreadstart(): number {
      return this.end.readStart()
    }

    onreadstop(): number {
      return this.end.readStop()
    }

    onwrite(req: Req, bufs: Uint8Array[]): number {
      return this.end.write([...bufs], (status) => { this.finishWrite(req, status) }, false)
    }

    onshutdown(req: Req): number {
      return this.end.shutdown((status) => { this.finishShutdown(req, status) })
    }

    isClosing(): boolean {
      return this.end.id === 0
    }

    // what the end tells

    data(bytes: Uint8Array): void {
      this.readBuffer(bytes)
    }

    ended(): void {
      this.emitEOF()
    }

    readFailed(status: number): void {
      const tls = (this as Owned).owner?._handle
      const reader = tls !== undefined && tls !== null && tls !== this ? tls : this
      shared[kReadBytesOrError] = status
      this.#resource.runInAsyncScope(() => reader.onread?.())
    }

    accepted(id: number, family: number): void {
      const handle = new TCP({ env: this.#env, id, family })
      born(handle)
      this.#resource.runInAsyncScope(() => this.onconnection?.(0, handle))
    }

    #complete(req: Req, status: number): void {
      req.oncomplete?.(status, this, req, status === 0, status === 0)
    }

    #call(req: Req, status: number): void {
      this.#resource.runInAsyncScope(() => req.oncomplete?.(status, this, undefined))
    }

    /** As native streams do: what fits is written at once, and Node is told whether a completion will follow. */
    #write(req: Req, bufs: Uint8Array[]): number {
      let total = 0
      for (const b of bufs) total += b.length
      const status = this.end.write(bufs, (s) => { this.#call(req, s) }, true)
      shared[kBytesWritten] = total
      shared[kLastWriteWasAsync] = status === 0 ? 1 : 0
      return status > 0 ? 0 : status
    }
  }
  return TCP
}
