/** Node's `dns` on one Vnet: its checks and results are Node's, the answers the Vnet's resolver's. */

import dns from 'node:dns'
import { promisify } from 'node:util'
import { binding } from './binding.ts'
import { createChannelClass, createNameCalls } from './dns-handle.ts'
import type { NetEnv } from './netenv.ts'
import type { DnsResolver } from './resolver.ts'

export type DnsModule = typeof dns

/** What `dns` has for itself and each Resolver as a method. */
const METHODS = Object.freeze([
  'resolve', 'resolve4', 'resolve6', 'resolveAny', 'resolveCaa', 'resolveCname', 'resolveMx', 'resolveNaptr', 'resolveNs',
  'resolvePtr', 'resolveSoa', 'resolveSrv', 'resolveTlsa', 'resolveTxt', 'reverse', 'getServers', 'setServers',
] as const)

export type AnyFunction = (...args: unknown[]) => unknown
type ResolverOptions = { timeout?: number; tries?: number } | undefined

export function createDns(env: NetEnv, resolver: DnsResolver): DnsModule {
  const current = (): { env: NetEnv; resolver: DnsResolver } => ({ env, resolver })
  const calls = createNameCalls(current)
  const Channel = createChannelClass(current)

  /** Node's functions call these while they run, and nothing else does. */
  function within(fn: AnyFunction, args: unknown[]): unknown {
    const cares = binding('cares_wrap')
    const { getaddrinfo, getnameinfo } = cares
    Object.assign(cares, calls)
    try {
      return fn(...args)
    } finally {
      Object.assign(cares, { getaddrinfo, getnameinfo })
    }
  }

  const lookup = (...args: unknown[]): unknown => within(dns.lookup as AnyFunction, args)
  const lookupService = (...args: unknown[]): unknown => within(dns.lookupService as AnyFunction, args)
  const lookupPromise = lookupAsPromise(lookup)
  const servicePromise = serviceAsPromise(lookupService)
  Object.defineProperty(lookup, promisify.custom, { value: lookupPromise })
  Object.defineProperty(lookupService, promisify.custom, { value: servicePromise })

  class Resolver extends dns.Resolver {
    constructor(options?: ResolverOptions) {
      super(options)
      Object.assign(this, { _handle: new Channel(options?.timeout ?? -1, options?.tries ?? -1) })
    }
  }
  class PromisesResolver extends dns.promises.Resolver {
    constructor(options?: ResolverOptions) {
      super(options)
      Object.assign(this, { _handle: new Channel(options?.timeout ?? -1, options?.tries ?? -1) })
    }
  }
  const own = new Resolver()
  const ownPromises = new PromisesResolver()
  // one list of servers for both, as in Node
  Object.assign(ownPromises, { _handle: (own as unknown as { _handle: object })._handle })
  const promises = {
    ...dns.promises, ...methodsOf(ownPromises), lookup: lookupPromise, lookupService: servicePromise, Resolver: PromisesResolver,
  }
  return { ...dns, ...methodsOf(own), lookup, lookupService, Resolver, promises } as unknown as DnsModule
}

function methodsOf(of: object): Record<string, AnyFunction> {
  return Object.fromEntries(METHODS.flatMap((name): [string, AnyFunction][] => {
    const method = (of as Record<string, AnyFunction | undefined>)[name]
    return method === undefined ? [] : [[name, method.bind(of)]]
  }))
}

/** `dns.promises.lookup` of a `dns.lookup`. */
export function lookupAsPromise(lookup: AnyFunction): AnyFunction {
  return promised(lookup, (address, family) => Array.isArray(address) ? address : { address, family })
}

export function serviceAsPromise(lookupService: AnyFunction): AnyFunction {
  return promised(lookupService, (hostname, service) => ({ hostname, service }))
}

/** As a promise; what the callback form throws at once is thrown at once. */
function promised(fn: AnyFunction, shape: (...results: unknown[]) => unknown): AnyFunction {
  return (...args) => {
    let settle: (error: Error | null, ...results: unknown[]) => void = () => undefined
    const promise = new Promise((resolve, reject) => {
      settle = (error, ...results) => {
        if (error !== null) reject(error)
        else resolve(shape(...results))
      }
    })
    fn(...args, (error: Error | null, ...results: unknown[]) => { settle(error, ...results) })
    return promise
  }
}
