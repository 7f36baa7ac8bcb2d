/**
 * What must hold between records, beyond what the schema says of each: every id names something, sums are sums, tables
 * list what is there. Throws a SnapshotError with the path of the first fault.
 */

import type { VnetState } from '../../vnet/state.ts'
import { verifyArp } from './arp.ts'
import { verifyDhcp } from './dhcp.ts'
import { verifyDhcp6 } from './dhcp6.ts'
import { verifyIp } from './ip.ts'
import { verifyIp6 } from './ip6.ts'
import { verifyLink } from './link.ts'
import { verifyMcast } from './mcast.ts'
import { verifySockets } from './sockets.ts'
import { verifyTcp } from './tcp.ts'
import { verifyTimers } from './timers.ts'

export function verifyState(state: VnetState): void {
  verifyTimers(state.timers)
  verifyLink(state)
  verifyArp(state)
  verifyIp(state)
  verifyIp6(state)
  verifySockets(state)
  verifyMcast(state)
  verifyDhcp(state)
  verifyDhcp6(state)
  verifyTcp(state)
}
