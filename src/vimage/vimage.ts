/**
 * A vimage: the container of a Vnet (its network stack), its services and its message buffer.
 *
 * The Vnet is driven by whoever made the Runner; the container knows neither devices nor files.
 */

import { LOG_INFO } from '../kern/log.ts'
import { startService } from '../service/service.ts'
import type { Service, ServiceName, ServiceOptions } from '../service/service.ts'
import type { Runner } from '../vnet/runner.ts'
import { messageWrite } from './messages.ts'
import { connectionsDrop } from './sockets.ts'

const POLL_MS = 10

export class Vimage {
  readonly runner: Runner
  readonly services: Service[] = []

  constructor(runner: Runner) {
    this.runner = runner
  }

  get name(): string {
    return this.runner.vnet.name
  }

  /** Starts a service, or lets it go on. Throws EADDRINUSE where its port is taken. */
  startService(name: ServiceName, options: ServiceOptions = {}): Service {
    const service = startService(this.runner, name, options)
    this.services.push(service)
    const what = options.saved === undefined ? 'listening' : 'going on'
    messageWrite(this.runner, LOG_INFO, `${name}: ${what} on ${service.ports.join(', ')}`)
    return service
  }

  /**
   * Stops the services and lets connections end with their FIN for at most `graceMs`, or until `signal`; what is still
   * open then is reset. The Vnet itself stays.
   */
  async stop(graceMs: number, signal?: AbortSignal): Promise<void> {
    for (const service of this.services.splice(0)) service.stop()
    const { vnet } = this.runner
    const { tcbs } = vnet.state.tcp
    const end = performance.now() + graceMs
    while (tcbs.size > 0 && performance.now() < end && signal?.aborted !== true) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    if (tcbs.size === 0) return
    connectionsDrop(this.runner)
    // the resets leave in the driver's next turn
    await new Promise((resolve) => setImmediate(resolve))
  }
}
