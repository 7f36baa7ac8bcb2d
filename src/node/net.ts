/**
 * Node's `net` on one Vnet, beside the real one: its classes are subclasses of Node's own, given a handle of the Vnet before
 * Node would make one of the kernel's. Paths (pipes) and what knows no network (BlockList, isIP …) are the real module's.
 */

import { channel } from 'node:diagnostics_channel'
import net from 'node:net'
import { symbolOf } from './binding.ts'
import type { DnsModule } from './dns.ts'
import type { NetEnv } from './netenv.ts'
import { createTcpClass } from './tcp-handle.ts'
import type { TcpClass, TcpHandle } from './tcp-handle.ts'

export type NetModule = typeof net

/** What Node's classes have that its types do not say. */
interface SocketInside {
  _handle: (object & { close(): void }) | null
  _reset(): net.Socket
  _peername: unknown
  [key: symbol]: ((handle: object) => void) | undefined
}

interface ServerInside {
  _handle: object | null
  _listen2: Listen2
}

type Listen2 = (address: string | null, port: number, addressType: number, ...rest: unknown[]) => void
type Listen = (this: net.Server, ...args: unknown[]) => net.Server
type Connect = (this: net.Socket, given: unknown) => net.Socket
type Options = Record<string, unknown>
type Normalized = [options: Options, done: (() => void) | null]

interface NetInside {
  _normalizeArgs(args: unknown[]): Normalized
}

export interface NetOnVnet {
  readonly net: NetModule
  /** Makes a server of Node's (of http, https, tls, http2 …) that does not listen yet one of the Vnet. */
  readonly adopt: <T extends net.Server>(server: T) => T
}

export function createNet(env: NetEnv, dns: DnsModule): NetOnVnet {
  const normalize = (args: unknown[]): Normalized => (net as unknown as NetInside)._normalizeArgs(args)
  const reinitialize = symbolOf(net.Socket.prototype, 'kReinitializeHandle')
  if (reinitialize === null) throw new Error(`net of Node ${process.version} is not one that vimage knows`)
  const base = net.Socket.prototype as unknown as SocketInside
  const TCP: TcpClass = createTcpClass(() => env, (handle) => { intoOurs(handle) })
  const ownerOf = ownerSymbol(TCP, reinitialize)

  /** Node makes the sockets of accepted connections of its own class: as soon as one has this handle, it is of ours. */
  function intoOurs(handle: TcpHandle): void {
    Object.defineProperty(handle, ownerOf, {
      configurable: true,
      set(owner: object) {
        Object.defineProperty(handle, ownerOf, { value: owner, writable: true, configurable: true, enumerable: true })
        if (Object.getPrototypeOf(owner) === net.Socket.prototype) Object.setPrototypeOf(owner, Socket.prototype)
      },
    })
  }

  const Socket = subclass(net.Socket, function Socket(this: net.Socket, ...args: unknown[]): void {
    Reflect.apply(net.Socket, this, args)
  })
  extend(Socket.prototype, {
    connect(this: net.Socket & SocketInside, ...args: unknown[]): net.Socket {
      const given = (Array.isArray(args[0]) ? args[0] : normalize(args)) as Normalized
      const [options] = given
      const { connect } = net.Socket.prototype as unknown as { connect: Connect }
      const onVnet = (options['path'] === undefined || options['path'] === null) && options['port'] !== undefined
      if (!onVnet) return connect.call(this, given)
      if (this.destroyed) {
        this._handle = null
        this._peername = undefined
      }
      if (this._handle === null) this[reinitialize]?.(new TCP(0))
      const ours = Object.assign([], given) as unknown as Normalized
      ours[0] = { ...options, lookup: options['lookup'] ?? dns.lookup }
      return connect.call(this, ours)
    },

    resetAndDestroy(this: net.Socket & SocketInside): net.Socket {
      if (!(this._handle instanceof TCP)) return net.Socket.prototype.resetAndDestroy.call(this)
      if (this.connecting) this.once('connect', () => this._reset())
      else this._reset()
      return this
    },

    /** The next attempt of autoSelectFamily comes with a handle of the kernel's. */
    [reinitialize](this: net.Socket & SocketInside, handle: object & { close(): void }): void {
      const ours = handle instanceof TCP
      if (!ours) handle.close()
      base[reinitialize]?.call(this, ours ? handle : new TCP(0))
    },
  })

  function listen2(this: ServerInside, address: string | null, port: number, addressType: number, ...rest: unknown[]): void {
    const fd = rest[1]
    if (this._handle === null && typeof fd !== 'number' && !(port === -1 && addressType === -1)) {
      const made = listeningHandle(TCP, address, port, addressType, Number(rest[2] ?? 0))
      this._handle = made.handle
      address = made.address
      addressType = made.family
    }
    ;(net.Server.prototype as unknown as ServerInside)._listen2.call(this, address, port, addressType, ...rest)
  }

  /** A name to listen at is one of the Vnet's. */
  function listen(this: net.Server, ...args: unknown[]): net.Server {
    const original = (net.Server.prototype as unknown as { listen: Listen }).listen
    const [options, done] = normalize(args)
    const { host, port, path } = options
    const named = typeof host === 'string' && host !== '' && net.isIP(host) === 0 && path === undefined
    if (!named || !isPort(port)) return original.apply(this, args)
    dns.lookup(host, (error, address) => {
      if (error !== null) this.emit('error', error)
      else original.call(this, { ...options, host: address }, ...(done === null ? [] : [done]))
    })
    return this
  }

  const Server = subclass(net.Server, function Server(this: net.Server, ...args: unknown[]): void {
    Reflect.apply(net.Server, this, args)
  })
  extend(Server.prototype, { listen, _listen2: listen2 })

  function connect(...args: unknown[]): net.Socket {
    const given = normalize(args)
    const [options] = given
    const socket = new Socket(options)
    const clients = channel('net.client.socket')
    // Node 20 says so here, later versions in Socket's connect
    if (clients.hasSubscribers && String(net.connect).includes('publish')) clients.publish({ socket })
    if (typeof options['timeout'] === 'number' && options['timeout'] > 0) socket.setTimeout(options['timeout'])
    return (socket as unknown as { connect(given: Normalized): net.Socket }).connect(given)
  }

  const module = {
    ...net, Socket, Stream: Socket, Server, connect, createConnection: connect,
    createServer: (...args: ConstructorParameters<typeof net.Server>) => new Server(...args),
  } as unknown as NetModule
  return {
    net: module,
    adopt: (server) => Object.assign(server, { listen, _listen2: listen2 }),
  }
}

/** The symbol under which a handle knows its socket. */
export function ownerSymbol(TCP: TcpClass, reinitialize: symbol): symbol {
  const probe = new net.Socket() as net.Socket & SocketInside
  const handle = new TCP(0)
  probe[reinitialize]?.(handle)
  const found = symbolOf(handle, 'owner_symbol')
  probe.destroy()
  if (found === null) throw new Error(`net of Node ${process.version} is not one that vimage knows`)
  return found
}

/** A class of ours under a constructor of Node's that is a function: to be called with or without `new`, and to inherit from. */
export function subclass<T extends abstract new (...args: never[]) => object>(
  base: T, init: (this: InstanceType<T>, ...args: unknown[]) => void,
): T {
  const made = function (this: object | undefined, ...args: unknown[]): object {
    if (!(this instanceof (made as unknown as new () => object))) {
      return new (made as unknown as new (...args: unknown[]) => object)(...args)
    }
    init.apply(this as InstanceType<T>, args)
    return this
  }
  Object.setPrototypeOf(made, base)
  made.prototype = Object.create(base.prototype as object, {
    constructor: { value: made, writable: true, configurable: true },
  }) as object
  Object.defineProperty(made, 'name', { value: init.name })
  return made as unknown as T
}

/** Adds methods as a class would have them: not enumerable. */
export function extend(prototype: object, methods: object): void {
  for (const key of Reflect.ownKeys(methods)) {
    const value: unknown = Reflect.get(methods, key)
    Object.defineProperty(prototype, key, { value, writable: true, configurable: true })
  }
}

/** A handle bound as Node binds one: without an address both families, else IPv4. What fails, `listen` reports. */
export function listeningHandle(
  TCP: TcpClass, address: string | null, port: number, addressType: number, flags: number,
): { handle: TcpHandle; address: string; family: number } {
  let handle = new TCP(1)
  if (!address) {
    if (handle.bind6('::', port, flags) === 0) return { handle, address: '::', family: 6 }
    handle.close()
    handle = new TCP(1)
    address = '0.0.0.0'
    addressType = 4
  }
  const status = addressType === 6 ? handle.bind6(address, port, flags) : handle.bind(address, port, flags)
  if (status !== 0) Object.defineProperty(handle, 'listen', { value: () => status })
  return { handle, address, family: addressType }
}

function isPort(port: unknown): boolean {
  const number = typeof port === 'string' && port.trim() !== '' ? Number(port) : port
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 && number < 65_536
}
