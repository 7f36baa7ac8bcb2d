/** `http` and `https` on one Vnet: Node's own, with agents and servers that are of the Vnet. */

import http from 'node:http'
import https from 'node:https'
import tls from 'node:tls'
import type net from 'node:net'
import type { NetOnVnet } from './net.ts'

export type HttpModule = typeof http
export type HttpsModule = typeof https
export type TlsModule = typeof tls

type Connect = (...args: unknown[]) => net.Socket
type Request = (...args: unknown[]) => http.ClientRequest

export function createHttp({ net, adopt }: NetOnVnet): HttpModule {
  class Agent extends http.Agent {}
  Object.assign(Agent.prototype, { createConnection: net.createConnection })
  const globalAgent = new Agent({ keepAlive: true, scheduling: 'lifo', timeout: 5000 })
  const request = withAgent(http.request as Request, globalAgent)
  return {
    ...http,
    Agent,
    globalAgent,
    request,
    get: (...args: unknown[]) => ended(request(...args)),
    createServer: (...args: Parameters<typeof http.createServer>) => adopt(http.createServer(...args)),
  } as unknown as HttpModule
}

export function createTls({ net, adopt }: NetOnVnet): TlsModule {
  /** Node's own, over a connection of ours; what the other arguments mean is left to it. */
  const connect = (...args: unknown[]): tls.TLSSocket => {
    const options = optionsOf(args)
    const done = args.find((a): a is () => void => typeof a === 'function')
    if (options['socket'] !== undefined || options['path'] !== undefined) return tls.connect(options as tls.ConnectionOptions, done)
    const socket = net.connect({ ...options, ...defaultHost(options) } as unknown as net.NetConnectOpts)
    return tls.connect({ servername: serverName(options), ...options, socket } as tls.ConnectionOptions, done)
  }
  return {
    ...tls,
    connect,
    createServer: (...args: Parameters<typeof tls.createServer>) => adopt(tls.createServer(...args)),
  } as unknown as TlsModule
}

export function createHttps(on: NetOnVnet): HttpsModule {
  class Agent extends https.Agent {}
  const original = https.Agent.prototype as unknown as { createConnection: Connect }
  Object.assign(Agent.prototype, {
    createConnection(this: https.Agent, ...args: unknown[]): net.Socket {
      const options = optionsOf(args)
      const socket = on.net.connect(options as unknown as net.NetConnectOpts)
      const done = args.find((a) => typeof a === 'function')
      return original.createConnection.call(this, { ...options, socket }, done)
    },
  })
  const globalAgent = new Agent({ keepAlive: true, scheduling: 'lifo', timeout: 5000 })
  const request = withAgent(https.request as Request, globalAgent)
  return {
    ...https,
    Agent,
    globalAgent,
    request,
    get: (...args: unknown[]) => ended(request(...args)),
    createServer: (...args: Parameters<typeof https.createServer>) => on.adopt(https.createServer(...args)),
  } as unknown as HttpsModule
}

/** `agent` unless the caller names one (or `false`, which is a new one of the same class). */
function withAgent(request: Request, agent: http.Agent): Request {
  return (...args) => {
    const at = typeof args[0] === 'string' || args[0] instanceof URL ? 1 : 0
    const given = typeof args[at] === 'object' && args[at] !== null ? args[at] as { agent?: unknown } : {}
    const own = given.agent === false ? new (agent.constructor as typeof http.Agent)() : given.agent ?? agent
    const options = { ...given, agent: own }
    return request(...args.slice(0, at), options, ...args.slice(at).filter((a) => typeof a === 'function'))
  }
}

function ended(request: http.ClientRequest): http.ClientRequest {
  request.end()
  return request
}

/** (options), (port, options), (port, host, options): one object. */
function optionsOf(args: unknown[]): Record<string, unknown> {
  const [first, second] = args
  const options = Object.assign({}, ...args.filter((a) => typeof a === 'object' && a !== null)) as Record<string, unknown>
  if (typeof first === 'number' || typeof first === 'string') options['port'] = Number(first)
  if (typeof second === 'string') options['host'] = second
  return options
}

function defaultHost(options: Record<string, unknown>): object {
  return options['host'] === undefined ? { host: 'localhost' } : {}
}

function serverName(options: Record<string, unknown>): string {
  const { host } = options
  return typeof host === 'string' && !/^[\d.]+$|:/.test(host) ? host : ''
}
