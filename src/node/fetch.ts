/**
 * `fetch` on one Vnet. What Node has is undici's; its Agent takes a function that makes connections, and we give it ours. The npm
 * package has the same hook: `new Agent({ connect: undiciConnect })` of `undici` is a Dispatcher on the Vnet.
 */

import type net from 'node:net'
import type nodeTls from 'node:tls'
import { runInThisContext } from 'node:vm'
import type { NetModule } from './net.ts'
import type { TlsModule } from './http.ts'

/** What undici says of the connection that it wants. */
export interface UndiciTarget {
  hostname: string
  host?: string | undefined
  protocol: string
  port: string
  servername?: string | null | undefined
  localAddress?: string | null | undefined
  /** A tunnel through a proxy, for TLS to go through. */
  httpSocket?: net.Socket | undefined
}

type Connected = (...result: [error: null, socket: net.Socket] | [error: Error, socket: null]) => void
export type UndiciConnect = (target: UndiciTarget, done: Connected) => void

/** A Dispatcher of the undici that Node has inside; `fetch` takes it as `dispatcher`. */
export interface NodeDispatcher {
  close(): Promise<void>
  destroy(error?: Error): Promise<void>
}

export interface FetchModule {
  fetch: typeof fetch
  /** For `connect` of undici's Agent, Pool and Client; with options of TLS (`ca`, `rejectUnauthorized` …) by `undiciConnector`. */
  undiciConnect: UndiciConnect
  undiciConnector: (tls: nodeTls.ConnectionOptions) => UndiciConnect
  /** What `fetch` uses: to close it is to close its idle connections. Made at its first use. */
  dispatcher: () => NodeDispatcher
}

type AgentClass = new (options: { connect: UndiciConnect }) => NodeDispatcher

/** As undici's own. */
const CONNECT_MS = 10_000
/** Where every undici of a process finds the common one. */
const GLOBAL_DISPATCHER = Symbol.for('undici.globalDispatcher.1')

export function createFetch(net: NetModule, tls: TlsModule): FetchModule {
  const undiciConnector = (options: nodeTls.ConnectionOptions): UndiciConnect =>
    (target, done) => { connect(net, tls, options, target, done) }
  const undiciConnect = undiciConnector({})
  let made: NodeDispatcher | null = null
  const dispatcher = (): NodeDispatcher => made ??= new (agentClass())({ connect: undiciConnect })
  return {
    undiciConnect, undiciConnector, dispatcher,
    fetch: async (input, init) => fetch(input, { dispatcher: dispatcher(), ...init } as RequestInit),
  }
}

function connect(net: NetModule, tls: TlsModule, options: nodeTls.ConnectionOptions, target: UndiciTarget, done: Connected): void {
  const port = Number(target.port !== '' ? target.port : target.protocol === 'https:' ? 443 : 80)
  const host = target.hostname.replace(/^\[|\]$/g, '')
  const local = typeof target.localAddress === 'string' ? { localAddress: target.localAddress } : {}
  const secure = target.protocol === 'https:'
  const name = target.servername ?? ''
  const socket = target.httpSocket !== undefined && !secure ? target.httpSocket : secure
    ? tls.connect({
      ALPNProtocols: ['http/1.1'], ...options, ...local, ...(name !== '' ? { servername: name } : {}), port, host,
      ...(target.httpSocket === undefined ? {} : { socket: target.httpSocket }),
    })
    : net.connect({ port, host, ...local })
  socket.setNoDelay(true).setKeepAlive(true, 60_000)
  const finish = (error: Error | null): void => {
    clearTimeout(timer)
    socket.off('error', finish).off(secure ? 'secureConnect' : 'connect', connected)
    if (error === null) done(null, socket)
    else done(error, null)
  }
  const connected = (): void => { finish(null) }
  const timer = setTimeout(() => {
    const error = Object.assign(new Error(`Connect Timeout Error (attempted address: ${host}:${port}, timeout: ${CONNECT_MS}ms)`), {
      name: 'ConnectTimeoutError', code: 'UND_ERR_CONNECT_TIMEOUT',
    })
    finish(error)
    socket.on('error', () => undefined).destroy()
  }, CONNECT_MS)
  socket.on('error', finish).on(secure ? 'secureConnect' : 'connect', connected)
}

/** The class of the Agent that `fetch` uses; naming `Headers` makes Node load its undici, which leaves one with Node's own globals. */
function agentClass(): AgentClass {
  void Headers.name
  const common = (runInThisContext('globalThis') as Record<symbol, object | undefined>)[GLOBAL_DISPATCHER]
  if (common === undefined) throw new Error(`fetch of Node ${process.version} is not one that vimage knows`)
  return common.constructor as AgentClass
}
