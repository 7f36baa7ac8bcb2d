/** Node's loaded `dns` on the Vnet of whoever asks: getaddrinfo, getnameinfo and the methods of c-ares' channel. */

import dns from 'node:dns'
import type { WhereAmI } from './ambient.ts'
import { binding } from './binding.ts'
import type { Req } from './binding.ts'
import { lookupAsPromise, serviceAsPromise } from './dns.ts'
import type { AnyFunction } from './dns.ts'
import { createChannelClass, createNameCalls } from './dns-handle.ts'
import type { Channel } from './dns-handle.ts'
import type { Patches } from './patches.ts'
import type { NetEnv } from './netenv.ts'

type Call = (req: Req, ...args: unknown[]) => number

export function redirectDns(patches: Patches, where: WhereAmI): void {
  const place = (): NonNullable<ReturnType<WhereAmI>> => {
    const found = where()
    if (found === null) throw new Error('a name of no Vnet')
    return found
  }
  const cares = binding('cares_wrap')
  const calls = createNameCalls(place)
  for (const name of ['getaddrinfo', 'getnameinfo'] as const) {
    patches.method(cares, name, (original: Call): Call => (req, ...args) => {
      if (where() === null) return original(req, ...args)
      return (calls[name] as Call)(req, ...args)
    })
  }
  redirectChannel(patches, where, createChannelClass(place))
  redirectPromises(patches, where)
}

/** Node's promises took the native calls out of the binding when they were loaded; its callbacks look them up. */
function redirectPromises(patches: Patches, where: WhereAmI): void {
  const made = { lookup: lookupAsPromise(dns.lookup as AnyFunction), lookupService: serviceAsPromise(dns.lookupService as AnyFunction) }
  for (const name of ['lookup', 'lookupService'] as const) {
    patches.method(dns.promises, name, (original: AnyFunction): AnyFunction =>
      (...args) => where() === null ? original(...args) : made[name](...args))
  }
}

/** Each channel of Node's has one of ours beside it on each Vnet where it is asked something. */
function redirectChannel(patches: Patches, where: WhereAmI, Ours: new (timeoutMs: number, tries: number) => Channel): void {
  const Real = binding('cares_wrap').ChannelWrap as new () => object
  const made = new WeakMap<object, Map<NetEnv, Channel>>()
  const channelOf = (real: object, env: NetEnv): Channel => {
    const all = made.get(real) ?? new Map<NetEnv, Channel>()
    made.set(real, all)
    const channel = all.get(env) ?? new Ours(-1, -1)
    all.set(env, channel)
    return channel
  }
  const names = Object.getOwnPropertyNames(Real.prototype).filter((name) => name in Ours.prototype && name !== 'constructor')
  for (const name of names) {
    patches.method(Real.prototype as object, name, (original: Call): Call => function (this: object, ...args) {
      const found = where()
      if (found === null) return original.apply(this as never, args)
      return (channelOf(this, found.env) as unknown as Record<string, (...args: unknown[]) => number>)[name](...args)
    })
  }
}
