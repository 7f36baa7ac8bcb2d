/** Node's network modules on a Vnet, all of one resolver: what a program imports from here instead of from `node:`. */

import type { Runner } from '../vnet/runner.ts'
import { createDgram } from './dgram.ts'
import type { DgramModule } from './dgram.ts'
import { createDns } from './dns.ts'
import type { DnsModule } from './dns.ts'
import { createFetch } from './fetch.ts'
import type { FetchModule } from './fetch.ts'
import { createHttp, createHttps, createTls } from './http.ts'
import type { HttpModule, HttpsModule, TlsModule } from './http.ts'
import { createNet } from './net.ts'
import type { NetModule, NetOnVnet } from './net.ts'
import { NetEnv } from './netenv.ts'
import { DnsResolver } from './resolver.ts'
import type { ResolverOptions } from './resolver.ts'

export interface NodeModules extends FetchModule {
  net: NetModule
  dgram: DgramModule
  dns: DnsModule
  tls: TlsModule
  http: HttpModule
  https: HttpsModule
  /** Makes a server of any of Node's modules (http2 …) that does not listen yet one of the Vnet. */
  adopt: NetOnVnet['adopt']
}

export interface NodeModulesOptions {
  resolver?: ResolverOptions
}

/** The modules; the process stays alive for their sockets as for Node's own. */
export function nodeModules(runner: Runner, options: NodeModulesOptions = {}): NodeModules {
  const env = new NetEnv(runner)
  const dns = createDns(env, new DnsResolver(runner, options.resolver))
  const on = createNet(env, dns)
  const tls = createTls(on)
  return {
    net: on.net,
    dgram: createDgram(env, dns),
    dns,
    tls,
    http: createHttp(on),
    https: createHttps(on),
    adopt: on.adopt,
    ...createFetch(on.net, tls),
  }
}
