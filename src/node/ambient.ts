/**
 * Node's own `net`, `tls`, `dgram` and `dns`, whoever has loaded them already, on the Vnet of whoever calls: what a simulation puts
 * in place while it runs. `vimage/register` comes before them and changes what they find; here they are found loaded, and
 * the methods through which each socket must go are changed: on prototypes, so that functions which a program has taken out
 * of the modules long before reach them as well.
 */

import dgram from 'node:dgram'
import net from 'node:net'
import tls from 'node:tls'
import { redirectDns } from './ambient-dns.ts'
import { redirectHttp } from './ambient-http.ts'
import { prepare, stateOf } from './dgram.ts'
import { binding, symbolOf } from './binding.ts'
import { listeningHandle, ownerSymbol } from './net.ts'
import type { NetEnv } from './netenv.ts'
import type { Patches } from './patches.ts'
import type { DnsResolver } from './resolver.ts'
import { createTcpClass } from './tcp-handle.ts'
import { createUdpClass } from './udp-handle.ts'

/** A Vnet and its names; `tag` tells it from all others. */
export interface Place { env: NetEnv; resolver: DnsResolver; tag: string }

/** Where the running code is: null for the host's own network. It throws where the code may have no network at all. */
export type WhereAmI = () => Place | null

interface SocketInside extends net.Socket {
  _handle: object | null
  _reset(): net.Socket
  _peername: unknown
}

interface ServerInside extends net.Server { _handle: object | null }
type Method = (this: never, ...args: never[]) => unknown
type Reinitialize = (this: SocketInside, handle: object) => void
interface Closable { close(): void }

/** Methods of dgram's Socket that need a handle; from the first of them on a socket belongs somewhere. */
const DGRAM_METHODS = Object.freeze([
  'bind', 'connect', 'send', 'addMembership', 'addSourceSpecificMembership', 'setBroadcast', 'setTTL', 'setMulticastTTL',
  'setMulticastLoopback', 'setMulticastInterface', 'setRecvBufferSize', 'setSendBufferSize', 'ref', 'unref',
])

/** From now on until `undo` the modules ask `where` for each new socket and each name; `dateMs` is the date in HTTP's headers. */
export function redirectModules(patches: Patches, where: WhereAmI, dateMs: () => number): void {
  redirectStreams(patches, where)
  redirectDatagrams(patches, where)
  redirectDns(patches, where)
  redirectHttp(patches, where, dateMs)
}

function redirectStreams(patches: Patches, where: WhereAmI): void {
  const prototype = net.Socket.prototype as unknown as SocketInside
  const reinitialize = symbolOf(prototype, 'kReinitializeHandle')
  if (reinitialize === null) throw new Error(`net of Node ${process.version} is not one that vimage knows`)
  const RealTcp = binding('tcp_wrap').TCP as new () => Closable
  const TCP = createTcpClass(() => {
    const place = where()
    if (place === null) throw new Error('a socket of no Vnet')
    return place.env
  })

  patches.method(prototype, 'connect', (original: (...args: unknown[]) => net.Socket) => function (this: SocketInside, ...args) {
    const [options] = (Array.isArray(args[0]) ? args[0] : normalize(args)) as [Record<string, unknown>]
    const isPath = options['path'] !== undefined && options['path'] !== null
    if (isPath || where() === null) return original.apply(this, args)
    if (this.destroyed) {
      this._handle = null
      this._peername = undefined
    }
    if (this._handle === null) (Reflect.get(this, reinitialize) as Reinitialize).call(this, new TCP(0))
    return original.apply(this, args)
  })
  patches.method(prototype, 'resetAndDestroy', (original: () => net.Socket) => function (this: SocketInside) {
    if (!(this._handle instanceof TCP)) return original.call(this)
    if (this.connecting) this.once('connect', () => this._reset())
    else this._reset()
    return this
  })
  // the next attempt of autoSelectFamily comes with a handle of the kernel's
  const ours = (handle: unknown): object | null => {
    if (!(handle instanceof RealTcp) || where() === null) return null
    handle.close()
    return new TCP(0)
  }
  patches.method(prototype, reinitialize, (original: Reinitialize): Reinitialize => function (handle) {
    original.call(this, ours(handle) ?? handle)
  })
  const secure = tls.TLSSocket.prototype as unknown as { _wrapHandle: Method }
  type Secured = tls.TLSSocket & { _tlsOptions?: { pipe?: boolean } }
  type Wrap = (this: Secured, wrap: object | null, handle: object | null, ...rest: unknown[]) => object
  patches.method(secure, '_wrapHandle', (original: Wrap): Wrap => function (wrap, handle, ...rest) {
    const isNew = (wrap === null || wrap === undefined) && this._tlsOptions?.pipe !== true
    if (!isNew || (handle !== null && handle !== undefined && !(handle instanceof RealTcp)) || where() === null) {
      return original.call(this, wrap, handle, ...rest)
    }
    const made = handle ? ours(handle) : new TCP(0)
    if (made !== null) Object.assign(made, { [ownerSymbol(TCP, reinitialize)]: this })
    return original.call(this, wrap, made, ...rest)
  })
  type Listen2 = (this: ServerInside, address: string | null, port: number, addressType: number, ...rest: unknown[]) => void
  patches.method(net.Server.prototype, '_listen2', (original: Listen2): Listen2 =>
    function (address, port, addressType, ...rest) {
      const isPipe = port === -1 && addressType === -1
      if (this._handle !== null || typeof rest[1] === 'number' && rest[1] >= 0 || isPipe || where() === null) {
        original.call(this, address, port, addressType, ...rest)
        return
      }
      const made = listeningHandle(TCP, address, port, addressType, Number(rest[2] ?? 0))
      this._handle = made.handle
      original.call(this, made.address, port, made.family, ...rest)
    })
}

function redirectDatagrams(patches: Patches, where: WhereAmI): void {
  const RealUdp = binding('udp_wrap').UDP as new () => Closable
  const place = (): NetEnv => {
    const found = where()
    if (found === null) throw new Error('a socket of no Vnet')
    return found.env
  }
  const UDP = createUdpClass(place)
  const settle = (socket: dgram.Socket): void => {
    const state = stateOf(socket)
    if (!(state.handle instanceof RealUdp) || state.bindState !== 0 || where() === null) return
    const was = state.handle
    // Node's own, for its family; it asks `dns`, which is ours by then
    const { lookup } = was
    const look = (address: string, _family: number, done: (...args: unknown[]) => void): void => { lookup?.call(was, address, done) }
    state.handle = prepare(new UDP() as never, was, (socket as unknown as { type: string }).type === 'udp6', look)
  }
  for (const name of DGRAM_METHODS) {
    patches.method(dgram.Socket.prototype, name, (original: (...args: unknown[]) => unknown) =>
      function (this: dgram.Socket, ...args) {
        settle(this)
        return original.apply(this, args)
      })
  }
}

function normalize(args: unknown[]): unknown {
  return (net as unknown as { _normalizeArgs(args: unknown[]): unknown })._normalizeArgs(args)
}
