/** Everything about one Vnet that people look at, as plain rows: for the HTTP page, the control API, `--json`. */

import type { Runner } from '../vnet/runner.ts'
import { counterRows } from './counters.ts'
import type { CounterRow } from './counters.ts'
import { interfaceRows } from './interfaces.ts'
import type { InterfaceRow } from './interfaces.ts'
import { neighbourRows } from './neighbours.ts'
import type { NeighbourRow } from './neighbours.ts'
import { routeRows } from './routes.ts'
import type { RouteRow } from './routes.ts'
import { socketRows } from './sockets.ts'
import type { SocketRow } from './sockets.ts'

export interface VnetStatus {
  name: string
  uptimeUs: number
  interfaces: InterfaceRow[]
  arp: NeighbourRow[]
  routes: RouteRow[]
  sockets: SocketRow[]
  /** Those that are not zero. */
  counters: CounterRow[]
}

/** The state of the Vnet now; plain data that can become JSON as it is. */
export function vnetStatus(runner: Runner): VnetStatus {
  runner.vnet.setNow(runner.now())
  return {
    name: runner.vnet.name,
    uptimeUs: Math.floor(runner.now()),
    interfaces: interfaceRows(runner),
    arp: neighbourRows(runner),
    routes: routeRows(runner),
    sockets: socketRows(runner),
    counters: counterRows(runner, true),
  }
}
