/** DHCP clients and name servers are of interfaces that are there. */

import type { VnetState } from '../../vnet/state.ts'
import { demand } from '../fault.ts'

export function verifyDhcp({ dhcp, link, resolver }: VnetState): void {
  for (const [ifId, client] of dhcp.clients) {
    const path = `.dhcp.clients[${ifId}]`
    demand(client.ifId === ifId && link.ifnets.has(ifId), `${path}.ifId`, `no interface ${client.ifId}`)
    const { renewAt, rebindAt, expiresAt } = client.lease
    demand(renewAt <= rebindAt && rebindAt <= expiresAt, `${path}.lease.renewAt`, 'times out of order')
  }
  resolver.entries.forEach(({ ifId }, i) => {
    demand(ifId === 0 || link.ifnets.has(ifId), `.resolver.entries[${i}].ifId`, `no interface ${ifId}`)
  })
}
