/** Puts handles over a Vnet below Node's own `net`, `dgram`, `dns` and what builds on them, for the whole thread. */

import { binding } from './binding.ts'
import { createChannelClass, createNameCalls } from './dns-handle.ts'
import type { NetEnv } from './netenv.ts'
import type { DnsResolver } from './resolver.ts'
import { createTcpClass } from './tcp-handle.ts'
import { createUdpClass } from './udp-handle.ts'

/**
 * From now on every TCP and UDP socket and every name of Node's modules in this thread is one of the Vnet of `env`. Throws
 * when they are loaded already: they keep the classes that they found.
 */
export function hookHandles(env: NetEnv, resolver: DnsResolver): void {
  const loaded = (process as unknown as { moduleLoadList: string[] }).moduleLoadList
  const early = ['net', 'internal/dgram', 'dns', 'internal/dns/promises'].filter((n) => loaded.includes(`NativeModule ${n}`))
  if (early.length > 0) throw new Error(`vimage/register must come first: node has loaded ${early.join(', ')} already`)
  const current = (): { env: NetEnv; resolver: DnsResolver } => ({ env, resolver })
  binding('tcp_wrap').TCP = createTcpClass(() => env)
  binding('udp_wrap').UDP = createUdpClass(() => env)
  const cares = binding('cares_wrap')
  Object.assign(cares, createNameCalls(current))
  cares.ChannelWrap = createChannelClass(current)
}
