/** Node's loaded `http` and `fetch` on the Vnet of whoever calls: connections that are kept are kept for one host. */

import http from 'node:http'
import { runInThisContext } from 'node:vm'
import type { WhereAmI } from './ambient.ts'
import type { NetEnv } from './netenv.ts'
import type { Patches } from './patches.ts'

interface Outgoing { sendDate: boolean; hasHeader(name: string): boolean }
interface Dispatcher { dispatch(options: object, handler: object): boolean }
type AgentClass = new () => Dispatcher
type Store = (this: Outgoing, firstLine: string, headers: unknown) => void
type GetName = (this: http.Agent, options?: Record<PropertyKey, unknown>) => string

/** Where every undici of a process finds the common one. */
const GLOBAL_DISPATCHER = Symbol.for('undici.globalDispatcher.1')

/** `dateMs` is the date that a message carries. */
export function redirectHttp(patches: Patches, where: WhereAmI, dateMs: () => number): void {
  let second = -1
  let text = ''
  const dateText = (): string => {
    const now = Math.floor(dateMs() / 1000)
    if (now !== second) text = new Date(now * 1000).toUTCString()
    second = now
    return text
  }
  // an Agent keeps connections by this name; a program of two hosts has one globalAgent, which must not mix them
  patches.method(http.Agent.prototype, 'getName', (original: GetName): GetName => function (options) {
    const place = where()
    const name = original.call(this, options)
    return place === null ? name : name + place.tag
  })
  // Node keeps the text of the Date header for a second of real time
  patches.method(http.OutgoingMessage.prototype, '_storeHeader', (original: Store): Store => function (firstLine, headers) {
    const dated = this.sendDate && where() !== null
    if (!dated || this.hasHeader('date') || named(headers)) {
      original.call(this, firstLine, headers)
      return
    }
    this.sendDate = false
    original.call(this, `${firstLine}Date: ${dateText()}\r\n`, headers)
    this.sendDate = true
  })
  redirectFetch(patches, where)
}

/** What `fetch` of Node and of npm's undici use unless they are told otherwise: one for each host. */
function redirectFetch(patches: Patches, where: WhereAmI): void {
  // naming it makes Node load its undici, which leaves its Agent with Node's own globals: jest gives each test file others
  void Headers.name
  const nodes = runInThisContext('globalThis') as Record<symbol, Dispatcher | undefined>
  const real = nodes[GLOBAL_DISPATCHER]
  if (real === undefined) throw new Error(`fetch of Node ${process.version} is not one that vimage knows`)
  const Agent = real.constructor as AgentClass
  const made = new WeakMap<NetEnv, Dispatcher>()
  const here = (): Dispatcher => {
    const place = where()
    if (place === null) return real
    const agent = made.get(place.env) ?? new Agent()
    made.set(place.env, agent)
    return agent
  }
  patches.value(nodes, GLOBAL_DISPATCHER, new Proxy(real, {
    get: (target, key): unknown => {
      if (key === 'dispatch') return (options: object, handler: object) => here().dispatch(options, handler)
      const value = Reflect.get(target, key) as unknown
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value
    },
  }))
}

/** Headers as writeHead gets them, with a Date among them. */
function named(headers: unknown): boolean {
  if (headers === null || typeof headers !== 'object') return false
  const names = Array.isArray(headers) ? headers.flat() : Object.keys(headers)
  return names.some((name) => typeof name === 'string' && name.toLowerCase() === 'date')
}
