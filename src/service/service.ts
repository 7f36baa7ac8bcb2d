/** Services that a Vnet can run for others; each is started on a Runner and stopped through its handle. */

import type { Runner } from '../vnet/runner.ts'
import { startChargen } from './chargen.ts'
import { startDiscard } from './discard.ts'
import { startDns } from './dns.ts'
import type { DnsZones } from './dns-zone.ts'
import { startEcho } from './echo.ts'
import { startFiles } from './files.ts'
import { startHttpStatus } from './http-status.ts'
import type { SavedService } from './saved.ts'

export interface Service {
  readonly name: string
  /** Ports it listens on, as "tcp/7". */
  readonly ports: readonly string[]
  /** What is to be saved with the Vnet, for `startService` to go on with. Between events only. */
  save(): SavedService
  /** Lets go without a word to anybody: the Vnet was taken elsewhere, and the service with it. */
  abandon(): void
  /** Closes listeners and open connections. */
  stop(): void
}

export type ServiceName = 'echo' | 'discard' | 'chargen' | 'http' | 'files' | 'dns'

export const SERVICE_NAMES: readonly ServiceName[] =
  Object.freeze(['echo', 'discard', 'chargen', 'http', 'files', 'dns'] as const)

export interface ServiceOptions {
  /** In place of the well-known one. */
  port?: number
  /** The folder that `files` serves. */
  root?: string
  /** What `dns` knows: records by zone (src/service/dns-zone.ts). */
  zones?: DnsZones
  /** What it shall go on with. */
  saved?: SavedService
}

/** Starts a service. Throws EADDRINUSE where its port is taken, RangeError where what was saved is not its own. */
export function startService(runner: Runner, name: ServiceName, options: ServiceOptions = {}): Service {
  const { port, root, zones } = options
  const saved = options.saved === undefined ? null : checked(runner, name, options.saved)
  switch (name) {
    case 'echo': return startEcho(runner, port, saved)
    case 'discard': return startDiscard(runner, port, saved)
    case 'chargen': return startChargen(runner, port, saved)
    case 'http': return startHttpStatus(runner, port, saved)
    case 'files':
      if (root === undefined) throw new RangeError('the service "files" needs the folder that it is to serve')
      return startFiles(runner, root, port, saved)
    case 'dns': return startDns(runner, zones ?? {}, port, saved)
  }
}

/** What was saved, as far as the Vnet knows of it: connections that have ended meanwhile are left out. */
function checked(runner: Runner, name: ServiceName, saved: SavedService): SavedService {
  const { tcp, udp } = runner.vnet.state
  if (saved.name !== name || !tcp.listeners.has(saved.listener) || (saved.udp !== 0 && !udp.pcbs.has(saved.udp))) {
    throw new RangeError(`the saved service "${saved.name}" does not belong to "${name}" of vimage ${runner.vnet.name}`)
  }
  const talks = saved.talks.filter(({ id }) => tcp.tcbs.has(id) && !tcp.listeners.has(id))
  return { ...saved, talks }
}
